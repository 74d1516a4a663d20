// Exercise 03a: let others go first. A task that has much to do is polled, and goes on
// until it is done; the others wait. Write a future that says pending once, and is
// ready when it is asked again. Who awaits it lets the others have a turn.
//
//     make try-03a     builds it, runs it, and says what happened
//     make hint-03a    a hint, and after that a stronger one
//
// By hand, in the chapter's directory: make my-03a && ./my-03a
//
// exercise.h lies in exercises/a/; beside it are the answers, so look at nothing else.
#include "exercise.h"

// ---- your part ----

static enum poll_result yield_poll(struct future *self,
                                   const struct waker *waker, void *out) {
    struct yield *me = (struct yield *)self;
    (void)out;
#ifdef SAYS_READY
    (void)me;
    (void)waker;
    return FUTURE_READY;
#else
#ifndef ALWAYS_PENDING
    if (me->has_yielded) {
        return FUTURE_READY;
    }
#endif
    me->has_yielded = true;
#ifndef FORGETS_TO_WAKE
    waker_wake(waker); // or nobody would ask again
#else
    (void)waker;
#endif
    return FUTURE_PENDING;
#endif
}

// ---- to here ----

struct yield yield_now(void) {
    static const struct future_ops ops = {sizeof(struct yield), 0, yield_poll,
                                          NULL};
    return (struct yield){.base = {&ops}};
}
