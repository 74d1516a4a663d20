#define _POSIX_C_SOURCE 200809L
// Exercise 03d: a mutex for tasks. A task that finds the lock taken must not hold the
// worker, or the one that has the lock could never go on. See exercise.h. As it stands,
// nobody who waits is ever woken. Write the three functions, so that the lock goes to the
// one that has waited longest, and a waiter that is dropped half way harms nobody.
//
//     make try-03d     builds it, runs it, and says what happened
//     make hint-03d    a hint, and after that a stronger one
//
// By hand, in the chapter's directory: make my-03d && ./my-03d
//
// exercise.h lies in exercises/d/; beside it are the answers, so look at nothing else.
#include "exercise.h"

// ---- your part ----

#ifdef HOLDS_THE_WORKER
static pthread_mutex_t big = PTHREAD_MUTEX_INITIALIZER;
#endif

static enum poll_result waiter_poll(struct future *self,
                                    const struct waker *waker, void *out) {
    struct waiter *me = waiter_of(self);
    struct task_mutex *m = me->of;
    (void)out;
#ifdef HOLDS_THE_WORKER
    (void)m;
    (void)waker;
    pthread_mutex_lock(&big);
    return FUTURE_READY;
#endif
    pthread_mutex_lock(&m->mutex);
#ifdef ASKS_ALL_THE_TIME
    bool mine = !m->taken;
    m->taken = true;
    pthread_mutex_unlock(&m->mutex);
    if (!mine) {
        waker_wake(waker);
    }
    return mine ? FUTURE_READY : FUTURE_PENDING;
#endif
    struct waker old = waker_take(&me->waker); // of the poll before
#ifdef FORGETS_ITS_PLACE
    if (me->at != GIVEN && m->taken) {
#else
    if (me->at == NEW && m->taken) {
#endif
        line_join(m, me);
        me->at = WAITS;
    }
    if (me->at == WAITS) {
        me->waker = waker_clone(waker);
    } else {
        m->taken = true;
        me->at = DONE;
    }
    enum poll_result result = me->at == DONE ? FUTURE_READY : FUTURE_PENDING;
    pthread_mutex_unlock(&m->mutex);
    waker_drop(&old);
    return result;
}

// The lock is handed over: between two owners it is never free, so nobody who comes
// later can be quicker than the first of the line.
void task_mutex_unlock(struct task_mutex *m) {
    struct waker waker = {0};
#ifdef HOLDS_THE_WORKER
    (void)m;
    pthread_mutex_unlock(&big);
    return;
#endif
    pthread_mutex_lock(&m->mutex);
    struct waiter *next = line_next(m);
    m->taken = next != NULL;
    if (next != NULL) {
        next->at = GIVEN;
#ifndef TAKES_IT_TOO_LATE
        waker = waker_take(&next->waker);
#endif
    }
#ifdef WAKES_UNDER_THE_LOCK
    waker_wake(&waker);
    waker_drop(&waker);
#endif
    pthread_mutex_unlock(&m->mutex);
#ifdef TAKES_IT_TOO_LATE
    if (next != NULL) {
        waker = waker_take(&next->waker);
    }
#endif
#ifndef WAKES_NOBODY
    waker_wake(&waker);
#endif
    waker_drop(&waker);
}

static void waiter_drop(struct future *self) {
    struct waiter *me = waiter_of(self);
    pthread_mutex_lock(&me->of->mutex);
#ifndef STAYS_IN_LINE
    if (me->at == WAITS) {
        line_leave(me->of, me);
    }
#endif
    struct waker old = waker_take(&me->waker);
    bool has_it = me->at == GIVEN;
    pthread_mutex_unlock(&me->of->mutex);
    waker_drop(&old);
#ifndef KEEPS_WHAT_IT_WAS_GIVEN
    if (has_it) {
        task_mutex_unlock(
            me->of); // it was given the lock, and never learned of it
    }
#else
    (void)has_it;
#endif
}

// ---- to here ----

void task_mutex_init(struct task_mutex *m) {
    *m = (struct task_mutex){.mutex = PTHREAD_MUTEX_INITIALIZER};
    m->last = &m->first;
}

struct waiter task_mutex_lock(struct task_mutex *m) {
    static const struct future_ops ops = {sizeof(struct waiter), 0, waiter_poll,
                                          waiter_drop};
    return (struct waiter){.base = {&ops}, .of = m};
}
