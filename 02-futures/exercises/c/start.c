// Exercise 02c: both. A future of two futures: it is ready when both are. This one
// asks the second only when the first is ready. Let each poll ask whoever is still
// pending, so that both get on. The drop is right: leave it as it is.
//
//     make try-02c     builds it, runs it, and says what happened
//     make hint-02c    a hint, and after that a stronger one
//
// By hand, in 02-futures: make my-02c && ./my-02c
//
// exercise.h lies in exercises/c/; beside it are the answers, so look at nothing else.
#include "exercise.h"

// ---- your part ----

// parts[i] is done if is_ready[i], which is false at first. Whoever is ready must not
// be polled again.
static enum poll_result both_poll(struct future *self, void *out) {
    struct both *me = (struct both *)self;
    (void)out; // the parts have no output
    for (int i = 0; i < 2; i++) {
        if (!me->is_ready[i]) {
            if (future_poll(me->parts[i], NULL) == FUTURE_PENDING) {
                return FUTURE_PENDING;
            }
            me->is_ready[i] = true;
        }
    }
    return FUTURE_READY;
}

// Lets go of both parts, whether they are ready or not.
static void both_drop(struct future *self) {
    struct both *me = (struct both *)self;
    future_drop(me->parts[0]);
    future_drop(me->parts[1]);
}

// ---- to here ----

struct both both(struct future *a, struct future *b) {
    static const struct future_ops ops = {sizeof(struct both), 0, both_poll,
                                          both_drop};
    return (struct both){.base = {&ops}, .parts = {a, b}};
}
