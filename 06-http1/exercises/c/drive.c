#define _POSIX_C_SOURCE 200809L
// The scenes of 06c: bodies in chunks, in pieces of all sizes, and what only looks like one.
#include "exercise.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { room = 4000 };
static char data[room + 1]; // what came out
static size_t data_size;
static bool is_over_the_edge; // more than there can be

static struct decoder *second; // whose data go elsewhere, or NULL
static char other[8];

void on_data(struct decoder *d, const char *bytes, size_t size) {
    if (d == second) {
        strncat(other, bytes, size < 7 - strlen(other) ? size : 0);
        return;
    }
    if (size > room - data_size) {
        is_over_the_edge = true;
        return;
    }
    memcpy(data + data_size, bytes, size);
    data_size += size;
    data[data_size] = '\0';
}

// Gives the text in two pieces if cut > 0, else in pieces of size piece. RETURNS what was
// found, and how many bytes were used.
static enum found feed(const char *text, size_t size, size_t cut, size_t piece,
                       size_t *used) {
    struct decoder *d = calloc(1, decoder_size);
    enum found found = MORE;
    data_size = 0;
    data[0] = '\0';
    is_over_the_edge = false;
    *used = 0;
    while (*used < size && found == MORE) {
        size_t n = cut > 0 ? (*used == 0 ? cut : size - *used) : piece;
        n = n < size - *used ? n : size - *used;
        char *bytes = malloc(n); // so that a step too far is noticed
        size_t now = 0;
        if (d == NULL || bytes == NULL) {
            abort();
        }
        memcpy(bytes, text + *used, n);
        found = decode(d, bytes, n, &now);
        free(bytes);
        *used += found == MORE ? n : now;
    }
    free(d);
    return found;
}

static const char *name_of(enum found found) {
    static const char *const names[] = {"more", "end", "bad"};
    return found <= BAD ? names[found] : "?";
}

static void play(const char *what, const char *text, const char *wanted,
                 size_t piece) {
    size_t used;
    enum found found = feed(text, strlen(text), 0, piece, &used);
    printf("%s in pieces of %zu: %s, %s%s\n", what, piece, name_of(found),
           strcmp(data, wanted) == 0 ? "the body" : "another body",
           is_over_the_edge ? " and far more" : "");
}

static const char two[] =
    "5\r\nhello\r\n1A\r\n, this is a body in chunks\r\n0\r\n\r\n";
static const char two_body[] = "hello, this is a body in chunks";

static void each_split(void) {
    size_t right = 0, used, size = strlen(two);
    for (size_t at = 1; at < size; at++) {
        enum found found = feed(two, size, at, 0, &used);
        right += found == END && used == size && strcmp(data, two_body) == 0;
    }
    printf("cut at each byte: right %zu of %zu\n", right, size - 1);
}

// The first bytes of what is far too large to be sent here.
static void large_sizes(void) {
    static const char *const texts[] = {"10003\r\nabcdef",
                                        "ffffffff\r\nabcdef"};
    size_t right = 0, used;
    for (size_t i = 0; i < 2; i++) {
        enum found found = feed(texts[i], strlen(texts[i]), 0, 4, &used);
        right += found == MORE && strcmp(data, "abcdef") == 0;
    }
    printf("large sizes, 10003 and ffffffff: right %zu of 2\n", right);
}

static enum found give(struct decoder *d, const char *text, size_t at,
                       enum found found) {
    size_t used;
    return found == MORE && at < strlen(text) ? decode(d, text + at, 1, &used)
                                              : found;
}

// Octet by octet, one body and the other in turn.
static void two_in_turn(void) {
    static const char a[] = "0003\r\nabc\r\n0\r\n\r\n";
    static const char b[] = "2\r\nxy\r\n0\r\n\r\n";
    struct decoder *first = calloc(1, decoder_size);
    enum found of_a = MORE, of_b = MORE;
    second = calloc(1, decoder_size);
    if (first == NULL || second == NULL) {
        abort();
    }
    data_size = 0;
    data[0] = '\0';
    for (size_t at = 0; at < sizeof a; at++) {
        of_a = give(first, a, at, of_a);
        of_b = give(second, b, at, of_b);
    }
    printf("two bodies in turn: right %d of 2\n",
           (of_a == END && strcmp(data, "abc") == 0) +
               (of_b == END && strcmp(other, "xy") == 0));
    free(first);
    free(second);
    second = NULL;
}

static void next_request(void) {
    static const char text[] = "3\r\nabc\r\n0\r\n\r\nGET / HTTP/1.1\r\n\r\n";
    size_t used;
    enum found found = feed(text, sizeof text - 1, 0, sizeof text, &used);
    printf("with a request behind it: %s, %zu bytes used\n", name_of(found),
           used);
}

// Bodies that nobody knows beforehand, whose data look like chunks.
static void any_body(void) {
    static char text[3 * room], body[room + 1];
    static const char signs[] = "0\r\n5aF;x";
    size_t right = 0, used;
    srand((unsigned)time(NULL) ^ (unsigned)clock());
    for (int round = 0; round < 50; round++) {
        size_t size = 0, body_size = 0;
        for (int chunk = rand() % 5; chunk >= 0; chunk--) {
            size_t n = 1 + (size_t)(rand() % 300);
            size += (size_t)snprintf(text + size, 16,
                                     rand() % 2 ? "%zx\r\n" : "%02zX\r\n", n);
            for (size_t i = 0; i < n; i++) {
                body[body_size++] = text[size++] = signs[rand() % 8];
            }
            text[size++] = '\r';
            text[size++] = '\n';
        }
        body[body_size] = '\0';
        memcpy(text + size, "0\r\n\r\n", 5);
        size += 5;
        enum found found =
            feed(text, size, 0, 1 + (size_t)(rand() % 90), &used);
        right += found == END && used == size && strcmp(data, body) == 0;
    }
    printf("any body in any pieces: right %zu of 50\n", right);
}

static void bad_ones(void) {
    static const char *const texts[] = {"\r\n",
                                        "x\r\n",
                                        "5 \r\nhello\r\n0\r\n\r\n",
                                        "-5\r\nhello\r\n",
                                        "0x5\r\nhello\r\n",
                                        "5\nhello\r\n0\r\n\r\n",
                                        "5\r\nhelloX\r\n",
                                        "5\r\nhello\rX",
                                        "5\r\nhello\n0\r\n\r\n",
                                        "5\rXhello",
                                        "100000000\r\na",
                                        "000000005\r\nhello\r\n",
                                        "5;x=y\r\nhello\r\n",
                                        "0\r\nX\r\n",
                                        "0\r\n\rX",
                                        "+5\r\nhello\r\n",
                                        "0\n\n",
                                        "5\r\nhello0\r\n\r\n",
                                        "123456789012345678901234567890"};
    const char *first = NULL;
    size_t right = 0, count = sizeof texts / sizeof texts[0], used;
    for (size_t i = 0; i < count; i++) {
        enum found found = feed(texts[i], strlen(texts[i]), 0, 1, &used);
        right += found == BAD;
        first = found != BAD && first == NULL ? texts[i] : first;
    }
    printf("no chunked bodies: refused %zu of %zu", right, count);
    if (first != NULL) {
        printf("; not ");
        for (; *first != '\0'; first++) {
            printf(*first == '\r'   ? " CR"
                   : *first == '\n' ? " LF "
                   : *first == ' '  ? " SP"
                                    : "%c",
                   *first);
        }
    }
    printf("\n");
}

int main(void) {
    play("two chunks", two, two_body, 1000);
    play("two chunks", two, two_body, 7);
    play("two chunks", two, two_body, 1);
    play("sizes with zeros in front",
         "05\r\nhello\r\n0000000c\r\n, zero 0 it!\r\n000\r\n\r\n",
         "hello, zero 0 it!", 1000);
    play("no data at all", "0\r\n\r\n", "", 1000);
    each_split();
    large_sizes();
    two_in_turn();
    next_request();
    any_body();
    bad_ones();
    return 0;
}
