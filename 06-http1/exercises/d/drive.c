#define _POSIX_C_SOURCE 200809L
// The scenes of 06d: the TCP server is here, and says what its clients take.
#include "exercise.h"

#include <stdio.h>

struct connection {
    struct talk talk;
    int answers, lasts, finished, refused;
    int takes;             // answers, until it is full; below 0: any number
    int while_full, after; // answers that should not have come
    bool is_gone;
};

struct talk *talk_of(struct connection *c) {
    return &c->talk;
}

bool is_full(const struct connection *c) {
    return c->takes == 0;
}

static bool is_over(const struct connection *c) {
    return c->finished + c->refused > 0;
}

bool answer(struct connection *c, bool last) {
    c->answers++;
    c->lasts += last;
    c->while_full += c->takes == 0;
    c->after += is_over(c);
    c->takes -= c->takes > 0;
    return c->takes != 0;
}

void finish(struct connection *c) {
    c->after += is_over(c);
    c->finished++;
}

void refuse(struct connection *c) {
    c->after += is_over(c);
    c->refused++;
}

// ---- The client ----

// As the server of the chapter, it does not read from one that is full or at its end. The
// piece has memory of its own, so that a step too far is noticed.
static void say(struct connection *c, const char *text, size_t size) {
    char *piece = malloc(size);
    if (piece == NULL) {
        abort();
    }
    memcpy(piece, text, size);
    if (!is_full(c) && !is_over(c)) {
        on_bytes(c, piece, size);
    }
    free(piece);
}

static void take(struct connection *c, int answers) {
    c->takes = answers;
    on_drained(c);
}

static const char *end_of(const struct connection *c) {
    return c->refused ? "refused" : c->finished ? "finished" : "open";
}

static void tell(const char *what, struct connection *c) {
    printf("%s: %d answers, %s", what, c->answers, end_of(c));
    if (c->lasts != c->finished) {
        printf(", and %d said that they were the last", c->lasts);
    }
    printf("\n");
    on_close(c);
}

static struct connection begin(int takes) {
    return (struct connection){.takes = takes};
}

static const char get[] = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
static const char post[] =
    "POST /p HTTP/1.1\r\nHost: a\r\nContent-Length: 28\r\n\r\n"
    "GET /x HTTP/1.1\r\nHost: b\r\n\r\n";
static const char close_it[] =
    "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
static const char old[] = "GET / HTTP/1.0\r\n\r\n";
static const char old_stays[] =
    "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n";
static const char bad[] = "GET / HTTP/1.1\r\nHost : a\r\n\r\n";

#define SAY(c, text) say(c, text, sizeof(text) - 1)

static void one_by_one(void) {
    struct connection c = begin(-1);
    SAY(&c, get);
    SAY(&c, old_stays);
    SAY(&c, get);
    tell("three, one by one", &c);
}

static void ends(void) {
    struct connection a = begin(-1), b = begin(-1), d = begin(-1);
    SAY(&a, old);
    tell("one of HTTP/1.0", &a);
    char both[sizeof close_it + sizeof get];
    snprintf(both, sizeof both, "%s%s", close_it, get);
    say(&b, both, strlen(both));
    printf("after the end: %d\n", b.after);
    tell("one that closes, and another behind it", &b);
    SAY(&d, get);
    SAY(&d, bad);
    tell("a good one and a bad one", &d);
}

static void five_at_once(char text[5 * sizeof get]) {
    struct connection c = begin(-1);
    say(&c, text, strlen(text));
    tell("five in one read", &c);
}

static void one_that_is_full(const char *text) {
    struct connection c = begin(2);
    say(&c, text, strlen(text));
    int first = c.answers;
    take(&c, 1);
    int second = c.answers;
    take(&c, -1);
    printf("five for one that takes two, then one, then all: %d %d %d\n", first,
           second, c.answers);
    printf("answered while it was full: %d\n", c.while_full);
    SAY(&c, get);
    tell("and one more", &c);
}

static void with_bodies(void) {
    struct connection c = begin(-1);
    SAY(&c, post);
    SAY(&c, post);
    SAY(&c, get);
    tell("two bodies that look like requests", &c);
}

static void each_split(void) {
    char text[sizeof post + sizeof get];
    int right = 0;
    size_t size = (size_t)snprintf(text, sizeof text, "%s%s", post, get);
    for (size_t at = 1; at < size; at++) {
        struct connection c = begin(-1);
        say(&c, text, at);
        int before = at >= sizeof post - 1;
        bool good = c.answers == before;
        say(&c, text + at, size - at);
        right += good && c.answers == 2 && !is_over(&c);
        on_close(&c);
    }
    printf("two, cut at each byte: right %d of %zu\n", right, size - 1);
}

int main(void) {
    char text[5 * sizeof get] = "";
    for (int i = 0; i < 5; i++) {
        strcat(text, get);
    }
    one_by_one();
    ends();
    five_at_once(text);
    one_that_is_full(text);
    with_bodies();
    each_split();
    struct connection c = begin(-1);
    say(&c, get, 10);
    tell("one that leaves half way", &c);
    return 0;
}
