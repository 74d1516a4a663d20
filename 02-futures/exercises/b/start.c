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

// A new field is zero at first.
struct nap {
    struct future base;
    int number;
    double seconds;
};

// Says "number N is running" when it is polled first, and is ready with 2 so many
// seconds after that.
static enum poll_result nap_poll(struct future *self, void *out) {
    struct nap *me = (struct nap *)self;
    printf("number %d is running\n", me->number);
    struct timespec left = {.tv_nsec = (long)(me->seconds * 1e9)};
    while (nanosleep(&left, &left) != 0 && errno == EINTR) {
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
