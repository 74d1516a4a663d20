#define _POSIX_C_SOURCE 200809L
// Exercise 06d: many requests, one connection. A client may send the next request when it
// has its answer, or several at once. Answer each that is complete, for as long as the client
// takes answers; go on when it does again; and finish after an answer with which the
// connection ends, which the parser knows (keep_alive). See exercise.h. As it stands, there
// is one answer, and that is the end.
//
//     make try-06d     builds it, runs it, and says what happened
//     make hint-06d    a hint, and after that a stronger one
//
// By hand, in the chapter's directory: make my-06d && ./my-06d
//
// exercise.h lies in exercises/d/; beside it are the answers, so look at nothing else.
#include "exercise.h"

// ---- your part ----

void on_bytes(struct connection *c, const char *bytes, size_t size) {
    struct talk *t = talk_of(c);
    struct span input = {bytes, size};
    struct http1_part part;
    for (;;) {
        switch (http1_next(&t->parser, &input, &part)) {
        case HTTP1_COMPLETE:
            (void)answer(c, true);
            finish(c);
            return;
        case HTTP1_REFUSED:
            refuse(c);
            return;
        case HTTP1_MORE:
            return;
        case HTTP1_HEAD:
        case HTTP1_BODY:
        case HTTP1_CARRY_ON: // never comes
            break;
        }
    }
}

void on_drained(struct connection *c) {
    (void)c;
}

// ---- to here ----

void on_close(struct connection *c) {
    free(talk_of(c)->kept.bytes);
}
