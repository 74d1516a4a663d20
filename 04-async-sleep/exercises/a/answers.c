#define _POSIX_C_SOURCE 200809L
// Exercise 04a: write the sleep. This file takes the place of async_sleep.c, so its
// header is async_sleep.h. As it stands it sleeps like chapter 01 did, and holds the
// worker. Let it hold nobody.
//
//     make try-04a     builds it, runs it, and says what happened
//     make hint-04a    a hint, and after that a stronger one
//
// By hand, in the chapter's directory: make my-04a && ./my-04a
#include "async_sleep.h"

#include <errno.h>
#include <time.h>

static int64_t time_now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

// ---- your part ----

static enum poll_result sleep_poll(struct future *self,
                                   const struct waker *waker, void *out) {
    struct async_sleep *me = (struct async_sleep *)self;
    (void)out;
#ifdef STARTS_IN_POLL
    me->deadline.at = time_now() + 200 * 1000 * 1000;
#endif
    if (time_now() >= me->deadline.at) {
        return FUTURE_READY;
    }
#ifdef SLEEPS_IN_POLL
    struct timespec left = {.tv_nsec = me->deadline.at - time_now()};
    while (nanosleep(&left, &left) != 0 && errno == EINTR) {
    }
    return FUTURE_READY;
#endif
#ifdef NAPS_IN_POLL
    const struct timespec little = {.tv_nsec = 1000 * 1000};
    nanosleep(&little, NULL);
#endif
#ifdef SPINS_IN_POLL
    while (time_now() < me->deadline.at) {
    }
#endif
#ifdef KEEPS_A_CLONE
    me->waker = waker_clone(waker);
#endif
#ifndef FORGETS_TO_WAKE
    waker_wake(waker); // without this nobody would ever ask again
#endif
#ifdef READY_TOO_EARLY
    return FUTURE_READY;
#else
    return FUTURE_PENDING;
#endif
}

// ---- to here ----

struct async_sleep async_sleep(double seconds) {
    static const struct future_ops ops = {sizeof(struct async_sleep), 0,
                                          sleep_poll, NULL};
    int64_t at = time_now() + (int64_t)(seconds * 1e9);
    return (struct async_sleep){.base = {&ops}, .deadline = {at, 0}};
}
