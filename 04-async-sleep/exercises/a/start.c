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

// It is over when time_now() has come to me->deadline.at, in nanoseconds.
static enum poll_result sleep_poll(struct future *self,
                                   const struct waker *waker, void *out) {
    struct async_sleep *me = (struct async_sleep *)self;
    int64_t ns = me->deadline.at - time_now();
    struct timespec left = {.tv_nsec = ns > 0 ? ns : 0};
    (void)waker;
    (void)out;
    while (nanosleep(&left, &left) != 0 && errno == EINTR) {
    }
    return FUTURE_READY;
}

// ---- to here ----

struct async_sleep async_sleep(double seconds) {
    static const struct future_ops ops = {sizeof(struct async_sleep), 0,
                                          sleep_poll, NULL};
    int64_t at = time_now() + (int64_t)(seconds * 1e9);
    return (struct async_sleep){.base = {&ops}, .deadline = {at, 0}};
}
