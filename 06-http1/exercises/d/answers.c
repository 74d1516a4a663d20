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

// RETURNS whether there is more to do with what is kept.
static bool step(struct connection *c, struct span *input) {
    struct talk *t = talk_of(c);
    struct http1_part part;
    switch (http1_next(&t->parser, input, &part)) {
    case HTTP1_COMPLETE:
        t->is_over = !t->parser.keep_alive;
#ifdef CLOSES_AFTER_ONE
        t->is_over = true;
#endif
#ifdef NEVER_CLOSES
        t->is_over = false;
#endif
        (void)answer(c, t->is_over);
        if (t->is_over) {
            finish(c);
        }
#ifdef ANSWERS_AFTER_THE_END
        return true;
#endif
#ifdef ONE_ANSWER_A_READ
        return false;
#endif
        return !t->is_over;
    case HTTP1_REFUSED:
        t->is_over = true;
        refuse(c);
        return false;
    case HTTP1_MORE:
    case HTTP1_CARRY_ON: // never comes
        return false;
    case HTTP1_HEAD:
    case HTTP1_BODY:
        return true;
    }
    return false;
}

static void serve(struct connection *c) {
    struct talk *t = talk_of(c);
    struct span input = {t->kept.bytes, t->kept.size};
#if defined IGNORES_A_FULL_CLIENT
    while (step(c, &input)) {
    }
#elif defined ANSWERS_AFTER_THE_END
    while (!is_full(c) && step(c, &input)) {
    }
#else
    while (!t->is_over && !is_full(c) && step(c, &input)) {
    }
#endif
#ifdef THROWS_THE_REST
    keep_last(&t->kept, 0);
#else
    keep_last(&t->kept, input.size);
#endif
}

void on_bytes(struct connection *c, const char *bytes, size_t size) {
    keep(&talk_of(c)->kept, bytes, size);
    serve(c);
}

void on_drained(struct connection *c) {
#ifndef NEVER_GOES_ON
    serve(c);
#else
    (void)c;
#endif
}

// ---- to here ----

void on_close(struct connection *c) {
    free(talk_of(c)->kept.bytes);
}
