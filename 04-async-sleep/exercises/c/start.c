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

// If the work is ready in the poll in which the nap is over, it is in time.
static enum poll_result timeout_poll(struct future *self,
                                     const struct waker *waker, void *out) {
    struct timeout *me = timeout_of(self);
    if (future_poll(me->work, waker, me->value) == FUTURE_PENDING) {
        return FUTURE_PENDING;
    }
    *(enum timeout_end *)out = IN_TIME;
    return FUTURE_READY;
}

static void timeout_drop(struct future *self) {
    future_drop(timeout_of(self)->work);
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
