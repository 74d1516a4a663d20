#define _POSIX_C_SOURCE 200809L
// Exercise 06a: bytes in pieces. A request ends with an empty line, but a read knows nothing
// of that: it may bring half a request, or two and a half. Greet each request once, when its
// last byte is here, with its whole head. Refuse a head of more than head_room bytes, which
// is 256, and call nothing after that. See exercise.h.
//
//     make try-06a     builds it, runs it, and says what happened
//     make hint-06a    a hint, and after that a stronger one
//
// By hand, in the chapter's directory: make my-06a && ./my-06a
//
// exercise.h lies in exercises/a/; beside it are the answers, so look at nothing else.
#include "exercise.h"

#include <stdlib.h>
#include <string.h>

// ---- your part ----

struct state {
    size_t size; // of the head so far
    char bytes[head_room];
};

#if defined ONE_READ_ONE_REQUEST
void on_bytes(struct connection *c, const char *bytes, size_t size) {
    greet(c, bytes, size);
}
#elif defined LOOKS_IN_THE_PIECE
void on_bytes(struct connection *c, const char *bytes, size_t size) {
    size_t from = 0;
    for (size_t i = 0; i + 4 <= size; i++) {
        if (memcmp(bytes + i, "\r\n\r\n", 4) == 0) {
            greet(c, bytes + from, i + 4 - from);
            from = i + 4;
        }
    }
}
#elif defined FORGETS_THE_REST
void on_bytes(struct connection *c, const char *bytes, size_t size) {
    struct state *s = state_of(c);
    for (size_t i = 0; i < size; i++) {
        if (s->size == head_room) {
            refuse(c);
            return;
        }
        s->bytes[s->size++] = bytes[i];
        if (s->size >= 4 &&
            memcmp(s->bytes + s->size - 4, "\r\n\r\n", 4) == 0) {
            greet(c, s->bytes, s->size);
            s->size = 0;
            return;
        }
    }
}
#elif defined LIMITS_THE_CONNECTION
void on_bytes(struct connection *c, const char *bytes, size_t size) {
    struct state *s = state_of(c);
    static size_t from, all; // of the connection
    all = s->size == 0 && s->bytes[0] == 0 ? 0 : all;
    for (size_t i = 0; i < size; i++) {
        if (all++ == head_room) {
            refuse(c);
            return;
        }
        s->bytes[s->size++] = bytes[i];
        if (s->size >= 4 &&
            memcmp(s->bytes + s->size - 4, "\r\n\r\n", 4) == 0) {
            greet(c, s->bytes, s->size);
            s->size = from;
        }
    }
}
#else
// One byte after the other; so it does not matter where a piece ends.
void on_bytes(struct connection *c, const char *bytes, size_t size) {
    struct state *s = state_of(c);
    for (size_t i = 0; i < size; i++) {
#ifndef NO_LIMIT
        if (s->size == head_room) {
            refuse(c);
            return;
        }
#endif
        s->bytes[s->size++] = bytes[i];
        if (s->size >= 4 &&
            memcmp(s->bytes + s->size - 4, "\r\n\r\n", 4) == 0) {
            greet(c, s->bytes, s->size);
            s->size = 0;
        }
    }
}
#endif

void on_close(struct connection *c) {
    (void)c;
}

// ---- to here ----

const size_t state_size = sizeof(struct state);
