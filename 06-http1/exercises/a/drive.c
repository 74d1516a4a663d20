#define _POSIX_C_SOURCE 200809L
// The scenes of 06a: the network is here, so the pieces are exactly those that we want.
#include "exercise.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct connection {
    struct state *state;
    const char *text;  // all that it will say
    size_t said, from; // so much was said; where the next head begins
    int greetings, refusals;
    bool is_wrong; // another head than it should be
};

struct state *state_of(struct connection *c) {
    return c->state;
}

// It comes at the last byte of a head, or it is wrong.
void greet(struct connection *c, const char *head, size_t size) {
    const char *end = strstr(c->text + c->from, "\r\n\r\n");
    size_t wanted = end != NULL ? (size_t)(end + 4 - (c->text + c->from)) : 0;
    c->is_wrong |= size != wanted || c->from + size > c->said ||
                   memcmp(head, c->text + c->from, size) != 0;
    c->from += wanted;
    c->greetings++;
}

void refuse(struct connection *c) {
    c->refusals++;
}

static struct connection begin(const char *text) {
    struct connection c = {.text = text, .state = calloc(1, state_size)};
    if (c.state == NULL) {
        abort();
    }
    return c;
}

// A piece has memory of its own, so that a step too far is noticed.
static void say(struct connection *c, size_t size) {
    size_t left = strlen(c->text) - c->said;
    size_t n = size < left ? size : left;
    char *piece = malloc(n + (n == 0));
    if (piece == NULL) {
        abort();
    }
    memcpy(piece, c->text + c->said, n);
    c->said += n;
    if (n > 0 && c->refusals == 0) {
        on_bytes(c, piece, n);
    }
    free(piece);
}

static void end(struct connection *c) {
    on_close(c);
    free(c->state);
}

static struct connection play(const char *text, size_t piece) {
    struct connection c = begin(text);
    while (c.said < strlen(text)) {
        say(&c, piece);
    }
    end(&c);
    return c;
}

static const char one[] = "GET /1 HTTP/1.1\r\nHost: a\r\n\r\n";
static const char pair[] = "GET /first HTTP/1.1\r\nHost: a\r\n\r\n"
                           "GET /2 HTTP/1.1\r\nHost: b\r\nA: \r\n\r\n";

static void in_pieces(const char *what, const char *text, size_t piece) {
    struct connection c = play(text, piece);
    printf("%s in pieces of %zu: %d greeted%s\n", what, piece, c.greetings,
           c.is_wrong ? ", not as it came" : "");
}

// Every way to cut it into two.
static void each_split(void) {
    int right = 0, all = 0;
    for (size_t at = 1; at < sizeof pair - 1; at++) {
        struct connection c = begin(pair);
        say(&c, at);
        int before = strstr(pair, "\r\n\r\n") + 4 <= pair + at;
        bool good = c.greetings == before;
        say(&c, sizeof pair);
        end(&c);
        right += good && c.greetings == 2 && !c.is_wrong;
        all++;
    }
    printf("two requests, cut at each byte: right %d of %d\n", right, all);
}

static void two_connections(void) {
    struct connection a = begin(one), b = begin(pair);
    while (a.said < strlen(one) || b.said < strlen(pair)) {
        say(&a, 3);
        say(&b, 5);
    }
    end(&a);
    end(&b);
    printf("two connections in turn: %d and %d greeted%s\n", a.greetings,
           b.greetings, a.is_wrong || b.is_wrong ? ", not as they came" : "");
}

// RETURNS a head of so many bytes, in text.
static const char *head_of(size_t size, char *text) {
    memset(text, 'h', size);
    memcpy(text + size - 4, "\r\n\r\n", 5);
    return text;
}

static void lengths(void) {
    char text[1000];
    for (size_t size = 255; size <= 257; size++) {
        struct connection c = play(head_of(size, text), 100);
        struct connection d = play(head_of(size, text), 1000);
        printf("a head of %zu bytes: %s, %s\n", size,
               c.greetings == 1 && !c.is_wrong ? "greeted"
               : c.refusals == 1               ? "refused"
                                               : "neither",
               d.greetings == 1 && !d.is_wrong ? "greeted"
               : d.refusals == 1               ? "refused"
                                               : "neither");
    }
    (void)head_of(200, text);
    (void)head_of(210, text + 200);
    (void)head_of(220, text + 410);
    struct connection c = play(text, 630);
    printf("three heads of 200 bytes and more: %d greeted, %d refused\n",
           c.greetings, c.refusals);
    memset(text, 'a', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    c = play(text, 999);
    printf("a head without an end: refused %d times\n", c.refusals);
}

int main(void) {
    in_pieces("one request", one, 1000);
    in_pieces("one request", one, 1);
    in_pieces("two requests", pair, 1000);
    in_pieces("two requests", pair, 7);
    each_split();
    two_connections();
    lengths();
    in_pieces("a line that nearly ends", "A: \r\n\rB\r\r\n\r\n", 2);
    in_pieces("lines without CR", "A\n\nB: \r\n\nC\n\n\r\n\r\n", 3);
    struct connection c = begin("GET / HT");
    say(&c, 8);
    end(&c); // half way
    printf("one left half way: %d greeted\n", c.greetings);
    return 0;
}
