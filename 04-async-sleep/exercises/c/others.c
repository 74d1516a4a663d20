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

#include <stdbool.h>
#include <time.h>

static enum poll_result timeout_poll(struct future *self,
                                     const struct waker *waker, void *out) {
    struct timeout *me = timeout_of(self);
    enum poll_result work, nap;
#ifdef WRONG_SLEEPS_IN_POLL
    const struct timespec t = {.tv_nsec = 50 * 1000 * 1000};
    nanosleep(&t, NULL);
#endif
#if defined RIGHT_ASKS_THE_NAP_FIRST || defined WRONG_SAYS_LATE_BEFORE_THE_WORK
    nap = future_poll(&me->nap.base, waker, NULL);
    work = future_poll(me->work, waker, me->value);
#else
    work = future_poll(me->work, waker, me->value);
    nap = work == FUTURE_PENDING ? future_poll(&me->nap.base, waker, NULL)
                                 : FUTURE_PENDING;
#endif
#ifdef WRONG_WAITS_FOR_BOTH
    if (work == FUTURE_PENDING || nap == FUTURE_PENDING) {
        return FUTURE_PENDING;
    }
#endif
    if (work == FUTURE_PENDING && nap == FUTURE_PENDING) {
#ifdef WRONG_ASKS_ALL_THE_TIME
        waker_wake(waker);
#endif
        return FUTURE_PENDING;
    }
#ifdef WRONG_SAYS_LATE_BEFORE_THE_WORK
    bool late = nap == FUTURE_READY;
#else
    bool late = work == FUTURE_PENDING;
#endif
#ifdef WRONG_DROPS_THE_LOSER_TWICE
    future_drop(late ? me->work : &me->nap.base);
#endif
#ifdef RIGHT_DROPS_THE_LOSER_AT_ONCE
    if (late) {
        future_drop(me->work);
        me->work = NULL;
    }
#endif
#ifdef WRONG_ALWAYS_IN_TIME
    late = false;
#endif
    *(enum timeout_end *)out = late ? TOO_LATE : IN_TIME;
    return FUTURE_READY;
}

static void timeout_drop(struct future *self) {
    struct timeout *me = timeout_of(self);
#ifdef WRONG_FORGETS_THE_WORK
    future_drop(&me->nap.base);
    return;
#endif
    if (me->work != NULL) {
        future_drop(me->work);
    }
    future_drop(&me->nap.base);
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
