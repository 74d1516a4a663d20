#define _POSIX_C_SOURCE 200809L
// Exercise 04c: whichever comes first. A timeout is ready when its work is, or when its
// nap is over, and says which. See exercise.h. As it stands it waits for the work, however
// long that takes. Write its poll, and the drop that lets go of both.
//
//     make try-04c     builds it, runs it, and says what happened
//     make hint-04c    a hint, and after that a stronger one
//
// By hand, in the chapter's directory: make my-04c && ./my-04c
//
// exercise.h lies in exercises/c/; beside it are the answers, so look at nothing else.
#include "exercise.h"

#include "clock.h"

#include <stddef.h>

// ---- your part ----

static enum poll_result timeout_poll(struct future *self,
                                     const struct waker *waker, void *out) {
    struct timeout *me = timeout_of(self);
    enum timeout_end *end = out;
#ifdef LATE_THOUGH_IT_IS_READY
    if (future_poll(&me->nap.base, waker, NULL) == FUTURE_READY) {
        *end = TOO_LATE;
        return FUTURE_READY;
    }
#endif
#ifdef POLLS_A_READY_ONE
    if (future_poll(me->work, waker, me->value) == FUTURE_PENDING &&
        future_poll(&me->nap.base, waker, NULL) == FUTURE_PENDING) {
        return FUTURE_PENDING;
    }
    bool late = future_poll(&me->nap.base, waker, NULL) == FUTURE_READY;
    *end = late ? TOO_LATE : IN_TIME;
    return FUTURE_READY;
#endif
    if (future_poll(me->work, waker, me->value) == FUTURE_READY) {
        *end = IN_TIME;
        return FUTURE_READY;
    }
#ifdef ONLY_LOOKS_AT_THE_CLOCK
    if (monotonic_now() >= me->nap.deadline.at) {
#else
#ifdef POLLS_A_COPY
    struct async_sleep copy = me->nap;
    if (future_poll(&copy.base, waker, NULL) == FUTURE_READY) {
#else
    if (future_poll(&me->nap.base, waker, NULL) == FUTURE_READY) {
#endif
#endif
        *end = TOO_LATE;
        return FUTURE_READY;
    }
    return FUTURE_PENDING;
}

// Whoever has lost is let go of too, and so is one that nobody has polled.
static void timeout_drop(struct future *self) {
    struct timeout *me = timeout_of(self);
    future_drop(me->work);
#ifndef FORGETS_THE_LOSER
    future_drop(&me->nap.base);
#endif
}

// ---- to here ----

struct timeout timeout(struct future *work, void *value, double seconds) {
    static const struct future_ops ops = {sizeof(struct timeout),
                                          sizeof(enum timeout_end),
                                          timeout_poll, timeout_drop};
    return (struct timeout){.base = {&ops},
                            .work = work,
                            .value = value,
                            .nap = timer_sleep(seconds)};
}
