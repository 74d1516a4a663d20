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

#include <time.h>

#ifdef WRONG_NEEDS_NO_MUTEX
#define pthread_mutex_lock(m) ((void)(m))
#define pthread_mutex_unlock(m) ((void)(m))
#endif

static enum poll_result waiter_poll(struct future *self,
                                    const struct waker *waker, void *out) {
    struct waiter *me = waiter_of(self);
    struct task_mutex *m = me->of;
#if defined RIGHT_CLONES_BEFORE_IT_LOCKS || !defined WRONG_KEEPS_THE_LENT_WAKER
    struct waker mine = waker_clone(waker);
#else
    struct waker mine = *waker;
#endif
    (void)out;
    pthread_mutex_lock(&m->mutex);
    struct waker old = waker_take(&me->waker);
#ifdef WRONG_EVERYBODY_MAY_ENTER
    me->at = DONE;
#endif
#ifdef WRONG_WAITS_WITH_A_SLEEP
    while (m->taken) {
        pthread_mutex_unlock(&m->mutex);
        const struct timespec ms = {.tv_nsec = 100 * 1000 * 1000};
        nanosleep(&ms, NULL);
        pthread_mutex_lock(&m->mutex);
    }
#endif
    switch (me->at) {
    case NEW:
        if (m->taken) {
            line_join(m, me);
            me->at = WAITS;
        } else {
            m->taken = true;
            me->at = DONE;
        }
        break;
    case WAITS:
#ifdef WRONG_ENTERS_WHEN_IT_IS_FREE
        if (!m->taken) {
            line_leave(m, me);
            m->taken = true;
            me->at = DONE;
        }
#endif
        break;
    case GIVEN:
        me->at = DONE;
        break;
    case DONE:
        break;
    }
#ifdef WRONG_KEEPS_THE_FIRST_WAKER
    if (me->at == WAITS && old.ops != NULL) {
        struct waker first = old;
        old = mine;
        mine = first;
    }
#endif
    if (me->at == WAITS) {
        me->waker = mine;
        mine = (struct waker){0};
    }
    bool is_mine = me->at == DONE;
    pthread_mutex_unlock(&m->mutex);
#ifndef WRONG_FORGETS_TO_DROP
    waker_drop(&old);
#endif
    waker_drop(&mine);
    return is_mine ? FUTURE_READY : FUTURE_PENDING;
}

void task_mutex_unlock(struct task_mutex *m) {
    pthread_mutex_lock(&m->mutex);
#if defined WRONG_ENTERS_WHEN_IT_IS_FREE
    struct waiter *next = m->first;
    m->taken = false;
    struct waker waker = {0};
    if (next != NULL) {
        waker = waker_take(&next->waker);
    }
#elif defined WRONG_SERVES_THE_LAST
    struct waiter *next = m->first;
    while (next != NULL && next->next != NULL) {
        next = next->next;
    }
    struct waker waker = {0};
    m->taken = next != NULL;
    if (next != NULL) {
        line_leave(m, next);
        next->at = GIVEN;
        waker = waker_take(&next->waker);
    }
#else
    struct waiter *next = line_next(m);
    struct waker waker = {0};
    m->taken = next != NULL;
    if (next != NULL) {
        next->at = GIVEN;
#ifdef RIGHT_WAKES_A_CLONE
        waker = waker_clone(&next->waker);
        struct waker kept = waker_take(&next->waker);
        pthread_mutex_unlock(&m->mutex);
        waker_drop(&kept);
        pthread_mutex_lock(&m->mutex);
#else
        waker = waker_take(&next->waker);
#endif
    }
#endif
    pthread_mutex_unlock(&m->mutex);
    waker_wake(&waker);
#ifdef WRONG_WAKES_TWICE
    waker_wake(&waker);
#endif
    waker_drop(&waker);
}

static void waiter_drop(struct future *self) {
    struct waiter *me = waiter_of(self);
#ifdef WRONG_LEAVES_WITHOUT_THE_MUTEX
    line_leave(me->of, me);
#endif
    pthread_mutex_lock(&me->of->mutex);
    line_leave(me->of, me); // who is not there, does not leave
    struct waker old = waker_take(&me->waker);
#ifdef WRONG_UNLOCKS_WHEN_IT_IS_NEW
    bool has_it = me->at == GIVEN || me->at == NEW;
#elif defined WRONG_UNLOCKS_WHEN_IT_IS_DONE
    bool has_it = me->at == GIVEN || me->at == DONE;
#else
    bool has_it = me->at == GIVEN;
#endif
    pthread_mutex_unlock(&me->of->mutex);
    waker_drop(&old);
    if (has_it) {
        task_mutex_unlock(me->of);
    }
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
