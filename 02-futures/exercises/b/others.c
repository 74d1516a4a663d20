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

#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <sys/select.h>

struct nap {
    struct future base;
    int number;
    double seconds;
#ifdef RIGHT_REMEMBERS_THE_START
    double started;
    bool has_started;
#else
    double wake_at;
#endif
#ifdef WRONG_THREAD_PER_NAP
    pthread_t thread;
    atomic_bool is_over;
#endif
};

#ifdef WRONG_THREAD_PER_NAP
static void *sleep_for(void *arg) {
    struct nap *me = arg;
    struct timespec left = {.tv_nsec = (long)(me->seconds * 1e9)};
    nanosleep(&left, NULL);
    me->is_over = true;
    return NULL;
}
#endif

static enum poll_result nap_poll(struct future *self, void *out) {
    struct nap *me = (struct nap *)self;
#if defined WRONG_THREAD_PER_NAP
    if (me->wake_at == 0) {
        printf("number %d is running\n", me->number);
        me->wake_at = now() + me->seconds;
        pthread_create(&me->thread, NULL, sleep_for, me);
    }
    if (!me->is_over) {
        return FUTURE_PENDING;
    }
    pthread_detach(me->thread);
    bool ready = true;
#elif defined RIGHT_REMEMBERS_THE_START
    if (!me->has_started) {
        me->has_started = true;
        me->started = now();
        printf("number %d is running\n", me->number);
    }
    bool ready = now() - me->started >= me->seconds;
#else
    if (me->wake_at == 0) {
        me->wake_at = now() + me->seconds;
        printf("number %d is running\n", me->number);
    }
#if defined WRONG_WAITS_IN_POLL_2
    (void)poll(NULL, 0, (int)(me->seconds * 1000));
#elif defined WRONG_WAITS_IN_SELECT
    struct timeval t = {.tv_usec = (long)(me->seconds * 1e6)};
    (void)select(0, NULL, NULL, NULL, &t);
#elif defined WRONG_WAITS_FOR_A_CONDITION
    static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
    static pthread_cond_t condition = PTHREAD_COND_INITIALIZER;
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_nsec += (long)(me->seconds * 1e9);
    until.tv_sec += until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    pthread_mutex_lock(&mutex);
    while (pthread_cond_timedwait(&condition, &mutex, &until) == 0) {
    }
    pthread_mutex_unlock(&mutex);
#elif defined WRONG_YIELDS_IN_A_LOOP
    while (now() < me->wake_at) {
        (void)sched_yield();
    }
#elif defined WRONG_IS_READY_AT_ONCE
    me->wake_at = now();
#elif defined WRONG_IS_NEVER_READY
    me->wake_at = now() + 1;
#elif defined RIGHT_YIELDS_ONCE
    (void)sched_yield();
#endif
    bool ready = now() >= me->wake_at;
#endif
    if (ready) {
#ifdef WRONG_FORGETS_THE_OUTPUT
        (void)out;
#else
        *(int *)out = 2;
#endif
    }
    return ready ? FUTURE_READY : FUTURE_PENDING;
}

// ---- to here ----

struct handle spawn_nap(int number, double seconds, int *out) {
    static const struct future_ops ops = {sizeof(struct nap), sizeof(int),
                                          nap_poll, NULL};
    struct nap f = {.base = {&ops}, .number = number, .seconds = seconds};
    (void)now;
    return executor_spawn(&f.base, out);
}
