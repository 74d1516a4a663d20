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

#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/select.h>

// What a thread of its own needs of a sleep.
struct alarm_clock {
    int64_t at;
    struct waker waker;
};

static void *ring(void *data) {
    struct alarm_clock *me = data;
    int64_t ns = me->at - time_now();
    struct timespec left = {.tv_nsec = ns > 0 ? ns : 0};
    (void)nanosleep(&left, NULL);
    waker_wake(&me->waker);
#ifndef WRONG_LENDS_ITS_WAKER_ON
    waker_drop(&me->waker);
#endif
    free(me);
    return NULL;
}

static enum poll_result sleep_poll(struct future *self,
                                   const struct waker *waker, void *out) {
    struct async_sleep *me = (struct async_sleep *)self;
    (void)out;
    (void)errno;
    if (time_now() >= me->deadline.at) {
        return FUTURE_READY;
    }
#if defined RIGHT_THREAD_FOR_A_SLEEP || defined WRONG_LENDS_ITS_WAKER_ON
    struct alarm_clock *alarm = malloc(sizeof *alarm);
    pthread_t thread;
    if (alarm == NULL) {
        abort();
    }
    *alarm = (struct alarm_clock){me->deadline.at, *waker};
#ifdef RIGHT_THREAD_FOR_A_SLEEP
    alarm->waker = waker_clone(waker);
#endif
    if (pthread_create(&thread, NULL, ring, alarm) != 0 ||
        pthread_detach(thread) != 0) {
        abort();
    }
    return FUTURE_PENDING;
#else
    (void)ring;
#endif
#if defined WRONG_WAITS_IN_POLL_2
    (void)poll(NULL, 0, 200);
#elif defined WRONG_WAITS_IN_SELECT
    struct timeval t = {.tv_usec = 5000};
    (void)select(0, NULL, NULL, NULL, &t);
#elif defined WRONG_WAITS_FOR_A_CONDITION
    static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
    static pthread_cond_t condition = PTHREAD_COND_INITIALIZER;
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_nsec += 100 * 1000 * 1000;
    until.tv_sec += until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    pthread_mutex_lock(&mutex);
    while (pthread_cond_timedwait(&condition, &mutex, &until) == 0) {
    }
    pthread_mutex_unlock(&mutex);
#elif defined WRONG_SPINS_A_LITTLE
    int64_t until = time_now() + 150 * 1000 * 1000;
    while (time_now() < until) {
    }
#elif defined WRONG_WAKES_ONLY_THE_FIRST_TIME
    static int polls;
    if (polls++ < 5) {
        waker_wake(waker);
    }
    return FUTURE_PENDING;
#elif defined RIGHT_WAKES_A_CLONE
    struct waker mine = waker_clone(waker);
    waker_wake(&mine);
    waker_drop(&mine);
    return FUTURE_PENDING;
#elif defined RIGHT_KEEPS_ONE_CLONE
    waker_drop(&me->waker);
    me->waker = waker_clone(waker);
    struct waker mine = waker_take(&me->waker);
    waker_wake(&mine);
    waker_drop(&mine);
    return FUTURE_PENDING;
#endif
    waker_wake(waker);
    return FUTURE_PENDING;
}

// ---- to here ----

struct async_sleep async_sleep(double seconds) {
    static const struct future_ops ops = {sizeof(struct async_sleep), 0,
                                          sleep_poll, NULL};
    int64_t at = time_now() + (int64_t)(seconds * 1e9);
    return (struct async_sleep){.base = {&ops}, .deadline = {at, 0}};
}
