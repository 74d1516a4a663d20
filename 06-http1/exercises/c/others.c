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
    char line[16]; // what was read of a line that is not over yet
    size_t size;
#ifdef WRONG_LEFT_IS_AN_INT
    int left;
#elif defined WRONG_LEFT_IS_SHORT
    uint16_t left;
#else
    uint64_t left;
#endif
    bool in_data, after_data, is_last;
};

static uint64_t size_of(const char *line, bool *good) {
    uint64_t n = 0;
    size_t digits = strlen(line);
#ifdef WRONG_FOUR_DIGITS
    *good = digits >= 1 && digits <= 4;
#elif defined WRONG_TAKES_NO_DIGITS
    *good = digits <= 8;
#elif defined WRONG_LIMITS_THE_VALUE
    *good = digits >= 1 && strtoull(line, NULL, 16) <= 0xffffffff;
#elif defined WRONG_TAKES_AN_EXTENSION
    digits = strcspn(line, ";");
    *good = digits >= 1 && digits <= 8;
#elif defined WRONG_OVERFLOWS
    *good = digits >= 1;
#else
    *good = digits >= 1 && digits <= 8;
#endif
    for (size_t i = 0; i < digits; i++) {
        int digit = hex_of(line[i]);
#ifdef WRONG_DECIMAL
        digit = line[i] >= '0' && line[i] <= '9' ? line[i] - '0' : -1;
        n = n * 10 + (uint64_t)(digit < 0 ? 0 : digit);
#elif defined WRONG_LOWER_CASE_ONLY
        digit = line[i] >= 'A' && line[i] <= 'F' ? -1 : digit;
        n = n * 16 + (uint64_t)(digit < 0 ? 0 : digit);
#else
        n = n * 16 + (uint64_t)(digit < 0 ? 0 : digit);
#endif
        *good &= digit >= 0;
    }
    return n;
}

// RIGHT_COLLECTS_LINES: everything but data is a line, and is kept until it is whole.
static enum found on_line(struct decoder *d) {
    bool good = true;
    if (d->after_data || d->is_last) {
        if (d->line[0] != '\0') {
            return BAD;
        }
        d->after_data = false;
        return d->is_last ? END : MORE;
    }
#if defined WRONG_LEFT_IS_AN_INT || defined WRONG_LEFT_IS_SHORT
    d->left = (uint16_t)size_of(d->line, &good);
#ifdef WRONG_LEFT_IS_AN_INT
    d->left = (int)size_of(d->line, &good);
#endif
#else
    d->left = size_of(d->line, &good);
#endif
    d->is_last = d->left == 0;
    d->in_data = d->left > 0;
#ifdef WRONG_ENDS_WITHOUT_THE_LAST_LINE
    return !good ? BAD : d->is_last ? END : MORE;
#endif
    return good ? MORE : BAD;
}

static enum found add(struct decoder *d, char c) {
    if (d->size == sizeof d->line - 1) {
        return BAD;
    }
#ifdef WRONG_SHARES_ITS_LINE
    static char shared[16];
    shared[d->size] = c;
    memcpy(d->line, shared, sizeof shared);
    d->size++;
#else
    d->line[d->size++] = c;
#endif
#ifdef WRONG_A_LINE_FEED_IS_ENOUGH
    if (c != '\n') {
        return MORE;
    }
    d->size -= d->size >= 2 && d->line[d->size - 2] == '\r';
#else
    if (c != '\n') {
        return d->size >= 2 && d->line[d->size - 2] == '\r' ? BAD : MORE;
    }
    if (d->size < 2 || d->line[d->size - 2] != '\r') {
        return BAD;
    }
    d->size--;
#endif
    d->line[d->size - 1] = '\0';
    d->size = 0;
    return on_line(d);
}

#ifdef RIGHT_ONE_BYTE_AT_A_TIME
enum { most_at_once = 1 };
#elif defined RIGHT_COLLECTS_LINES
enum { most_at_once = 1000000 };
#else
enum { most_at_once = 4096 };
#endif

enum found decode(struct decoder *d, const char *bytes, size_t size,
                  size_t *used) {
    *used = 0;
    while (*used < size) {
        size_t n = size - *used;
        if (!d->in_data) {
            enum found found = add(d, bytes[(*used)++]);
            if (found != MORE) {
                return found;
            }
            continue;
        }
        n = n < d->left ? n : (size_t)d->left;
        n = n < most_at_once ? n : most_at_once;
#ifdef WRONG_GIVES_THE_WHOLE_PIECE
        on_data(d, bytes + *used, size - *used);
#elif !defined WRONG_GIVES_NOTHING
        on_data(d, bytes + *used, n);
#endif
        *used += n;
        d->left -= n;
        d->in_data = d->left > 0;
        d->after_data = d->left == 0;
    }
    return MORE;
}

// ---- to here ----

const size_t decoder_size = sizeof(struct decoder);
