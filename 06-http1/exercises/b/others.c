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

#include <ctype.h>
#include <errno.h>
#include <string.h>

#ifdef RIGHT_WITH_STRTOLL
static int64_t number_of(const char *text) {
    char *end;
    errno = 0;
    if (strspn(text, "0123456789") != strlen(text) || *text == '\0') {
        return BAD;
    }
    long long n = strtoll(text, &end, 10);
    return errno != 0 ? BAD : n;
}
#elif defined WRONG_STRTOLL_ALONE
static int64_t number_of(const char *text) {
    char *end;
    errno = 0;
    long long n = strtoll(text, &end, 10);
    return errno != 0 || *end != '\0' || end == text || n < 0 ? BAD : n;
}
#elif defined WRONG_LOOKS_AT_THE_LENGTH_OF_THE_TEXT
static int64_t number_of(const char *text) {
    if (strspn(text, "0123456789") != strlen(text) || *text == '\0' ||
        strlen(text) > 18) {
        return BAD;
    }
    return strtoll(text, NULL, 10);
}
#elif defined WRONG_OVERFLOWS_AND_LOOKS
static int64_t number_of(const char *text) {
    int64_t n = 0;
    if (strspn(text, "0123456789") != strlen(text) || *text == '\0') {
        return BAD;
    }
    for (; *text != '\0'; text++) {
        n = n * 10 + (*text - '0');
        if (n < 0) {
            return BAD;
        }
    }
    return n;
}
#elif defined WRONG_EMPTY_IS_ZERO
static int64_t number_of(const char *text) {
    int64_t n = 0;
    for (; isdigit((unsigned char)*text); text++) {
        if (n > (INT64_MAX - (*text - '0')) / 10) {
            return BAD;
        }
        n = n * 10 + (*text - '0');
    }
    return *text == '\0' ? n : BAD;
}
#else
// RIGHT_COUNTS_DOWN: from the last digit to the first.
static int64_t number_of(const char *text) {
    size_t size = strlen(text);
    uint64_t n = 0, unit = 1;
    bool is_over = false;
    for (size_t i = size; i-- > 0;) {
        unsigned digit = (unsigned)(text[i] - '0');
        if (digit > 9) {
            return BAD;
        }
        if (digit > 0 && (is_over || unit > (INT64_MAX - n) / digit)) {
            return BAD;
        }
        n += digit * (is_over ? 0 : unit);
        is_over |= unit > INT64_MAX / 10;
        unit *= 10;
    }
    return size > 0 ? (int64_t)n : BAD;
}
#endif

int64_t body_length(const struct field *fields, size_t count) {
    const char *length = NULL, *coding = NULL;
    for (size_t i = 0; i < count; i++) {
#ifdef WRONG_MINDS_THE_CASE
        bool is_length = strcmp(fields[i].name, "Content-Length") == 0;
#else
        bool is_length = is_word(fields[i].name, "Content-Length");
#endif
        if (is_length) {
#ifdef WRONG_FIRST_ONE_WINS
            length = length != NULL ? length : fields[i].value;
            continue;
#endif
            if (number_of(fields[i].value) == BAD ||
                (length != NULL &&
#ifdef WRONG_COMPARES_THE_TEXT
                 strcmp(length, fields[i].value) != 0
#else
                 number_of(length) != number_of(fields[i].value)
#endif
                 )) {
                return BAD;
            }
            length = fields[i].value;
        } else if (is_word(fields[i].name, "Transfer-Encoding")) {
#ifdef WRONG_MINDS_THE_CASE_OF_THE_CODING
            if (coding != NULL || strcmp(fields[i].value, "chunked") != 0) {
#elif defined WRONG_TAKES_A_CODING_TWICE
            if (!is_word(fields[i].value, "chunked")) {
#elif defined WRONG_FINDS_CHUNKED_ANYWHERE
            if (coding != NULL || strstr(fields[i].value, "chunked") == NULL) {
#elif defined RIGHT_COUNTS_DOWN
            if (coding != NULL || !is_word("CHUNKED", fields[i].value)) {
#else
            if (coding != NULL || !is_word(fields[i].value, "chunked")) {
#endif
                return BAD;
            }
            coding = fields[i].value;
        }
    }
    if (length != NULL && coding != NULL) {
        return BAD;
    }
#ifdef WRONG_NO_FIELD_IS_BAD
    if (length == NULL && coding == NULL) {
        return BAD;
    }
#endif
    return coding != NULL ? CHUNKED : length != NULL ? number_of(length) : 0;
}

// ---- to here ----
