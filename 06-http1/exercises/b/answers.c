#define _POSIX_C_SOURCE 200809L
// Exercise 06b: which length? Behind the head of a request stands its body, and behind that
// the next request. Whoever finds another length than the proxy in front of it takes a piece
// of a body for a request: that is request smuggling. So a server takes no guesses. By RFC
// 9112, section 6:
//
//     no field                           0
//     Content-Length: digits             that number; several must all say the same
//     Transfer-Encoding: chunked         CHUNKED
//     anything else in one of the two,   BAD
//     both at once, or Transfer-Encoding twice
//
// A number must fit an int64_t. As it stands, strange values are taken for numbers. (The
// chapter's own parser is stricter, and refuses a second length in any case.) What you
// include may stand in your part.
//
//     make try-06b     builds it, runs it, and says what happened
//     make hint-06b    a hint, and after that a stronger one
//
// By hand, in the chapter's directory: make my-06b && ./my-06b
//
// exercise.h lies in exercises/b/; beside it are the answers, so look at nothing else.
#include "exercise.h"

#include <stdlib.h>

// ---- your part ----

// RETURNS the number, or BAD. Digits and nothing else: no sign, no space, no end too early.
static int64_t number_of(const char *text) {
#ifdef ATOI
    return atoi(text);
#endif
    int64_t number = 0;
    if (*text == '\0') {
        return BAD;
    }
    for (; *text != '\0'; text++) {
        if (*text < '0' || *text > '9') {
            return BAD;
        }
        int digit = *text - '0';
#ifndef OVERFLOWS
        if (number > (INT64_MAX - digit) / 10) {
            return BAD; // before it overflows; after that it would be too late
        }
        number = number * 10 + digit;
#else
        number = (int64_t)((uint64_t)number * 10 + (uint64_t)digit);
#endif
    }
    return number;
}

int64_t body_length(const struct field *fields, size_t count) {
    bool has_length = false, is_chunked = false;
    int64_t length = 0;
    for (size_t i = 0; i < count; i++) {
        if (is_word(fields[i].name, "Content-Length")) {
            int64_t number = number_of(fields[i].value);
#ifndef LAST_ONE_WINS
            if (has_length && number != length) {
                return BAD;
            }
#endif
            if (number == BAD) {
                return BAD;
            }
            length = number;
            has_length = true;
        } else if (is_word(fields[i].name, "Transfer-Encoding")) {
#ifdef ANY_CODING_IS_CHUNKED
            is_chunked = true;
#else
            if (is_chunked || !is_word(fields[i].value, "chunked")) {
                return BAD; // what we cannot decode has no end for us
            }
            is_chunked = true;
#endif
        }
    }
#ifndef TAKES_BOTH
    if (is_chunked && has_length) {
        return BAD;
    }
#endif
    return is_chunked ? CHUNKED : length;
}

// ---- to here ----
