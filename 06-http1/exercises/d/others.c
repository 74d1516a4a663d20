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

#ifdef RIGHT_HAS_NO_COPY_OF_WHAT_IS_WHOLE
static size_t serve(struct connection *c, struct span input) {
    struct talk *t = talk_of(c);
    struct http1_part part;
    bool more = true;
    while (more && !t->is_over && !is_full(c)) {
        enum http1_event event = http1_next(&t->parser, &input, &part);
        if (event == HTTP1_COMPLETE) {
            t->is_over = !t->parser.keep_alive;
            more = answer(c, t->is_over);
            if (t->is_over) {
                finish(c);
            }
        } else if (event == HTTP1_REFUSED) {
            t->is_over = true;
            refuse(c);
        }
        more = more && event != HTTP1_MORE;
    }
    return input.size;
}

// Only what is left over is copied.
void on_bytes(struct connection *c, const char *bytes, size_t size) {
    struct talk *t = talk_of(c);
    if (t->kept.size == 0) {
        size_t left = serve(c, (struct span){bytes, size});
        keep(&t->kept, bytes + size - left, left);
        return;
    }
    keep(&t->kept, bytes, size);
    keep_last(&t->kept, serve(c, (struct span){t->kept.bytes, t->kept.size}));
}

void on_drained(struct connection *c) {
    struct talk *t = talk_of(c);
    keep_last(&t->kept, serve(c, (struct span){t->kept.bytes, t->kept.size}));
}
#else

static void serve(struct connection *c) {
    struct talk *t = talk_of(c);
    struct span input = {t->kept.bytes, t->kept.size};
    struct http1_part part;
    enum http1_event event = HTTP1_HEAD;
    while (event != HTTP1_MORE && !t->is_over) {
        if (is_full(c)) {
            break;
        }
        event = http1_next(&t->parser, &input, &part);
        switch (event) {
#ifdef WRONG_ANSWERS_THE_HEAD
        case HTTP1_HEAD:
#else
        case HTTP1_COMPLETE:
#endif
            t->is_over = !t->parser.keep_alive;
#ifdef WRONG_SAYS_IT_IS_NOT_THE_LAST
            (void)answer(c, false);
#elif defined WRONG_SAYS_IT_IS_THE_LAST
            (void)answer(c, true);
#else
            (void)answer(c, t->is_over);
#endif
#ifdef WRONG_FORGETS_TO_FINISH
            break;
#endif
            if (t->is_over) {
                finish(c);
            }
#ifdef RIGHT_BEGINS_A_NEW_PARSER
            t->parser = (struct http1_parser){0};
#endif
            break;
        case HTTP1_REFUSED:
            t->is_over = true;
#ifdef WRONG_FINISHES_WHAT_IS_REFUSED
            finish(c);
#elif !defined WRONG_REFUSES_NOTHING
            refuse(c);
#endif
            break;
        default:
            break;
        }
    }
#ifdef WRONG_KEEPS_IT_ALL
    return;
#endif
#ifdef RIGHT_FORGETS_WHEN_IT_IS_OVER
    keep_last(&t->kept, t->is_over ? 0 : input.size);
#else
    keep_last(&t->kept, input.size);
#endif
}

void on_bytes(struct connection *c, const char *bytes, size_t size) {
    keep(&talk_of(c)->kept, bytes, size);
    serve(c);
}

void on_drained(struct connection *c) {
#ifdef WRONG_WAITS_FOR_A_READ
    (void)c;
#else
    serve(c);
#endif
}
#endif

// ---- to here ----

void on_close(struct connection *c) {
    free(talk_of(c)->kept.bytes);
}
