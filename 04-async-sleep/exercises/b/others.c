#define _POSIX_C_SOURCE 200809L
// Exercise 04b: a timer in thirty lines. One thread keeps the time for all who sleep. See
// exercise.h. As it stands it looks at its list every millisecond, and calls wakers with
// the lock in its hand; and a nap that is dropped stays on the list. Let the thread sleep
// until the first nap is due, and let a dropped nap go.
//
//     make try-04b     builds it, runs it, and says what happened
//     make hint-04b    a hint, and after that a stronger one
//
// By hand, in the chapter's directory: make my-04b && ./my-04b
//
// exercise.h lies in exercises/b/; beside it are the answers, so look at nothing else.
#include "exercise.h"

// nap_poll, below your part, calls nap_drop when the nap is over; so one that was ready is
// dropped twice, and the second time there is nothing left to do.

// ---- your part ----

#include "clock_wait.h"
#include <time.h>

#if defined RIGHT_WAKES_ALL_AT_ONCE
// Takes all that are due out under one lock, and wakes them after that.
static void wake_due(struct timer *t) {
    struct waker wakers[8];
    int count = 0;
    struct nap *nap;
    while (count < 8 && (nap = earliest(t)) != NULL && nap->due <= time_now()) {
        leave_list(t, nap);
        wakers[count++] = waker_take(&nap->waker);
    }
    pthread_mutex_unlock(&t->mutex);
    for (int i = 0; i < count; i++) {
        waker_wake(&wakers[i]);
        waker_drop(&wakers[i]);
    }
    pthread_mutex_lock(&t->mutex);
}
#else
static void wake_due(struct timer *t) {
    struct nap *nap = earliest(t);
#ifdef WRONG_TAKES_THE_LAST_OF_THE_LIST
    while (nap != NULL && nap->next != NULL) {
        nap = nap->next;
    }
#endif
    leave_list(t, nap);
#if defined WRONG_LENDS_THE_WAKER
    struct waker waker = nap->waker, lent = waker;
    pthread_mutex_unlock(&t->mutex);
    waker_wake(&lent);
    pthread_mutex_lock(&t->mutex);
    return;
#elif defined RIGHT_CLONES_THE_WAKER
    struct waker waker = waker_clone(&nap->waker);
    struct waker mine = waker_take(&nap->waker);
    pthread_mutex_unlock(&t->mutex);
    waker_drop(&mine);
#else
    struct waker waker = waker_take(&nap->waker);
    pthread_mutex_unlock(&t->mutex);
#endif
#ifdef WRONG_USES_THE_NAP_AFTERWARDS
    waker_wake(&waker);
    pthread_mutex_lock(&t->mutex);
    nap->next = NULL;
    pthread_mutex_unlock(&t->mutex);
#elif !defined WRONG_WAKES_NOBODY
    waker_wake(&waker);
#endif
#ifdef WRONG_WAKES_TWICE
    waker_wake(&waker);
#endif
    waker_drop(&waker);
    pthread_mutex_lock(&t->mutex);
}
#endif

void *keep_time(void *timer) {
    struct timer *t = timer;
    pthread_mutex_lock(&t->mutex);
#ifdef WRONG_ENDS_WHEN_NOBODY_SLEEPS
    while (earliest(t) == NULL && t->running) {
        wait_until(t, INT64_MAX);
    }
    while (earliest(t) != NULL) {
#elif defined WRONG_NEVER_ENDS
    for (;;) {
#else
    while (t->running) {
#endif
        struct nap *nap = earliest(t);
        if (nap != NULL && nap->due <= time_now()) {
            wake_due(t);
            continue;
        }
#if defined WRONG_SPINS
        pthread_mutex_unlock(&t->mutex);
        pthread_mutex_lock(&t->mutex);
#elif defined WRONG_SLEEPS_WITH_THE_LOCK
        int64_t ns = nap != NULL ? nap->due - time_now() : 1000 * 1000;
        struct timespec left = {ns / 1000000000, ns % 1000000000};
        nanosleep(&left, NULL);
        wait_until(t, time_now());
#elif defined WRONG_NAPS
        pthread_mutex_unlock(&t->mutex);
        struct timespec ms = {.tv_nsec = 2 * 1000 * 1000};
        nanosleep(&ms, NULL);
        pthread_mutex_lock(&t->mutex);
#else
    int64_t until = INT64_MAX;
    if (nap != NULL) {
        until = nap->due;
    }
#ifdef RIGHT_WAITS_BY_ITSELF
    if (until == INT64_MAX) {
        pthread_cond_wait(&t->changed, &t->mutex);
    } else {
        clock_wait_until(&t->changed, &t->mutex, until);
    }
#else
    wait_until(t, until);
#endif
#endif
    }
    pthread_mutex_unlock(&t->mutex);
    return NULL;
}

static void nap_drop(struct future *self) {
    struct nap *me = nap_of(self);
    struct timer *t = me->of;
#ifndef WRONG_DROPS_WITHOUT_THE_LOCK
    pthread_mutex_lock(&t->mutex);
#endif
    if (me->is_listed) {
        leave_list(t, me);
    }
    struct waker old = waker_take(&me->waker);
#ifdef WRONG_WAKES_THE_DROPPED
    waker_wake(&old);
#endif
#if !defined WRONG_DROPS_WITHOUT_THE_LOCK && !defined WRONG_KEEPS_THE_LOCK
    pthread_mutex_unlock(&t->mutex);
#endif
#ifdef WRONG_WAKES_AFTER_THE_DROP
    waker_wake(&old);
#endif
    waker_drop(&old);
}

// ---- to here ----

static enum poll_result nap_poll(struct future *self, const struct waker *waker,
                                 void *out) {
    struct nap *me = nap_of(self);
    struct timer *t = me->of;
    (void)out;
    if (time_now() >= me->due) {
        nap_drop(self);
        return FUTURE_READY;
    }
    pthread_mutex_lock(&t->mutex);
    struct waker old = waker_take(&me->waker);
    me->waker = waker_clone(waker);
    if (!me->is_listed) {
        me->next = t->first;
        t->first = me;
        me->is_listed = true;
    }
    pthread_cond_signal(&t->changed);
    pthread_mutex_unlock(&t->mutex);
    waker_drop(&old);
    return FUTURE_PENDING;
}

struct nap nap_for(struct timer *t, double seconds) {
    static const struct future_ops ops = {sizeof(struct nap), 0, nap_poll,
                                          nap_drop};
    int64_t due = time_now() + (int64_t)(seconds * 1e9);
    return (struct nap){.base = {&ops}, .of = t, .due = due};
}
