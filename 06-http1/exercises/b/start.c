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

int64_t body_length(const struct field *fields, size_t count) {
    int64_t length = 0;
    for (size_t i = 0; i < count; i++) {
        if (is_word(fields[i].name, "Content-Length")) {
            length = atoi(fields[i].value);
        } else if (is_word(fields[i].name, "Transfer-Encoding")) {
            length = CHUNKED;
        }
    }
    return length;
}

// ---- to here ----
