#define _POSIX_C_SOURCE 200809L
// Exercise 06c: a body in chunks. A chunk is its size in hexadecimal digits, CR LF, so many
// bytes, CR LF. A chunk of size 0 has no bytes: after its first CR LF only one more CR LF
// follows, and the body is over:
//
//     5 CR LF hello CR LF  1 CR LF ! CR LF  0 CR LF CR LF
//
// Pieces end anywhere. A size has one to eight digits, in upper or lower case, and nothing
// else; whatever does not fit is BAD. (The chapter's own decoder takes more: any number of
// zeros in front, and what comes after a semicolon.) As it stands, a piece is taken for a
// whole chunk. See exercise.h.
//
//     make try-06c     builds it, runs it, and says what happened
//     make hint-06c    a hint, and after that a stronger one
//
// By hand, in the chapter's directory: make my-06c && ./my-06c
//
// exercise.h lies in exercises/c/; beside it are the answers, so look at nothing else.
#include "exercise.h"

#include <stdlib.h>
#include <string.h>

// RETURNS what a hexadecimal digit is worth, or -1.
static inline int hex_of(char c) {
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

// ---- your part ----

struct decoder {
    enum { SIZE, SIZE_LF, DATA, DATA_CR, DATA_LF, LAST_CR, LAST_LF } at;
    int digits;
    uint64_t left; // of the chunk
};

// RETURNS whether the byte may stand here; it is no data.
static bool step(struct decoder *d, char c) {
    switch (d->at) {
    case SIZE:
        if (hex_of(c) >= 0 && d->digits < 8) {
            d->left = d->left * 16 + (uint64_t)hex_of(c);
            d->digits++;
            return true;
        }
        d->at = SIZE_LF;
        return c == '\r' && d->digits > 0;
    case SIZE_LF:
        d->at = d->left > 0 ? DATA : LAST_CR;
        return c == '\n';
    case DATA:
    case DATA_CR:
        d->at = DATA_LF;
        return c == '\r';
    case DATA_LF:
        d->at = SIZE;
        d->digits = 0;
        return c == '\n';
    case LAST_CR:
        d->at = LAST_LF;
        return c == '\r';
    case LAST_LF:
        return c == '\n';
    }
    return false;
}

enum found decode(struct decoder *d, const char *bytes, size_t size,
                  size_t *used) {
    size_t i = 0;
#ifdef SIZE_IN_ONE_PIECE
    if (d->at == SIZE) {
        d->digits = 0; // a piece begins, and so does the size
        d->left = 0;
    }
#endif
    while (i < size) {
        if (d->at == DATA) {
            size_t n = size - i < d->left ? size - i : (size_t)d->left;
            on_data(d, bytes + i, n);
            d->left -= n;
            i += n;
            if (d->left == 0) {
#ifdef FORGETS_THE_CRLF
                d->at = SIZE;
                d->digits = 0;
#else
                d->at = DATA_CR;
#endif
            }
            continue;
        }
#ifdef ENDS_AT_ANY_ZERO
        if (d->at == SIZE && d->digits == 0 && bytes[i] == '0') {
            *used = size - i < 5 ? size : i + 5;
            return END;
        }
#endif
        bool is_last = d->at == LAST_LF;
#ifdef TAKES_ANYTHING
        if (d->at == SIZE && hex_of(bytes[i]) < 0 && bytes[i] != '\r') {
            i++;
            continue;
        }
        (void)step(d, bytes[i++]);
#else
        if (!step(d, bytes[i++])) {
            return BAD;
        }
#endif
        if (is_last) {
#ifdef TAKES_WHAT_STANDS_BEHIND
            i = size;
#endif
            *used = i;
            return END;
        }
    }
    *used = size;
    return MORE;
}

// ---- to here ----

const size_t decoder_size = sizeof(struct decoder);
