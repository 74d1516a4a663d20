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
    uint64_t left; // of the chunk
};

enum found decode(struct decoder *d, const char *bytes, size_t size,
                  size_t *used) {
    char *end;
    *used = size;
    d->left = strtoul(bytes, &end, 16);
    if (d->left == 0) {
        return END;
    }
    on_data(d, end + 2, d->left);
    return MORE;
}

// ---- to here ----

const size_t decoder_size = sizeof(struct decoder);
