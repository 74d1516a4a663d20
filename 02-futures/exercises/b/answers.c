#define _POSIX_C_SOURCE 200809L
// Exercise 02b: sleep without sleeping. This future holds its worker while it naps.
// Two of them, 0.2 and 0.35 seconds on one worker, get in each other's way. Make it a
// future that yields: no call that sleeps or waits in a poll, and no other thread.
//
//     make try-02b     builds it, runs it, and says what happened
//     make hint-02b    a hint, and after that a stronger one
//
// By hand, in 02-futures: make my-02b && ./my-02b
//
// exercise.h lies in exercises/b/; beside it are the answers, so look at nothing else.
#include "exercise.h"

#include <errno.h>
#include <stdio.h>
#include <time.h>

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

// ---- your part ----

struct nap {
    struct future base;
    int number;
    double seconds;
    double wake_at; // 0: not started
};

#ifdef STATIC_DEADLINE // one for all, in place of the field
static struct nap common;

#endif
static enum poll_result nap_poll(struct future *self, void *out) {
    struct nap *me = (struct nap *)self;
#ifdef STATIC_DEADLINE
    common.number = me->number;
    common.seconds = me->seconds;
    me = &common;
#endif
#ifdef BLOCKS_IN_POLL
    printf("number %d is running\n", me->number);
    struct timespec left = {.tv_nsec = (long)(me->seconds * 1e9)};
    while (nanosleep(&left, &left) != 0 && errno == EINTR) {
    }
#endif
    if (me->wake_at == 0) {
#ifndef BLOCKS_IN_POLL
        printf("number %d is running\n", me->number);
        me->wake_at = now() + me->seconds;
#endif
    }
#ifdef DEADLINE_IN_POLL
    me->wake_at = now() + me->seconds;
#endif
#ifdef SPINS_IN_POLL
    while (now() < me->wake_at) {
    }
#endif
#ifdef NAPS_IN_POLL
    const struct timespec little = {.tv_nsec = 2 * 1000 * 1000};
    nanosleep(&little, NULL);
#endif
    if (now() < me->wake_at) {
        return FUTURE_PENDING;
    }
    *(int *)out = 2;
    return FUTURE_READY;
}

// ---- to here ----

struct handle spawn_nap(int number, double seconds, int *out) {
    static const struct future_ops ops = {sizeof(struct nap), sizeof(int),
                                          nap_poll, NULL};
    struct nap f = {.base = {&ops}, .number = number, .seconds = seconds};
    (void)now;
    return executor_spawn(&f.base, out);
}
