#define _POSIX_C_SOURCE 200809L
// Exercise 03b: the doorbell. A task awaits a bell, and another thread rings it. See
// exercise.h. As it stands nobody hears the bell: write what a poll leaves with the
// bell, what ringing does with it, and what becomes of it if nobody rings.
//
//     make try-03b     builds it, runs it, and says what happened
//     make hint-03b    a hint, and after that a stronger one
//
// By hand, in the chapter's directory: make my-03b && ./my-03b
//
// exercise.h lies in exercises/b/; beside it are the answers, so look at nothing else.
#include "exercise.h"

// ---- your part ----

static enum poll_result bell_poll(struct future *self,
                                  const struct waker *waker, void *out) {
    struct bell *b = bell_of(self);
    (void)out;
    pthread_mutex_lock(&b->mutex);
    bool rung = b->rung;
    struct waker old = {0};
#if defined WRONG_KEEPS_THE_FIRST
    if (!rung && b->waker.ops == NULL) {
        b->waker = waker_clone(waker);
    }
#elif defined WRONG_WAITS_FOR_IT
    while (!b->rung) {
        pthread_mutex_unlock(&b->mutex);
        pthread_mutex_lock(&b->mutex);
    }
    rung = true;
    (void)waker;
#else
    if (!rung) {
#ifdef RIGHT_DROPS_WITH_THE_LOCK
        waker_drop(&b->waker); // which is risky, and harms nobody here
#else
        old = waker_take(&b->waker);
#endif
        b->waker = waker_clone(waker);
    }
#endif
    pthread_mutex_unlock(&b->mutex);
    waker_drop(&old);
    return rung ? FUTURE_READY : FUTURE_PENDING;
}

void bell_ring(struct bell *b) {
    pthread_mutex_lock(&b->mutex);
#ifndef WRONG_FORGETS_THAT_IT_RANG
    b->rung = true;
#endif
#ifdef WRONG_NEVER_UNLOCKS
    waker_wake(&b->waker);
    return;
#endif
#if defined WRONG_WAKES_TWICE
    struct waker waker = waker_take(&b->waker);
    pthread_mutex_unlock(&b->mutex);
    waker_wake(&waker);
    waker_wake(&waker);
    waker_drop(&waker);
#elif defined RIGHT_NOTES_AND_THEN_WAKES
    struct waker mine = {0};
    if (b->waker.ops != NULL) {
        mine = waker_clone(&b->waker);
    }
    pthread_mutex_unlock(&b->mutex);
    waker_wake(&mine);
    waker_drop(&mine);
#else
    struct waker waker = waker_take(&b->waker);
    pthread_mutex_unlock(&b->mutex);
    waker_wake(&waker);
#ifdef WRONG_DROPS_TWICE
    struct waker again = waker;
    waker_drop(&again);
#endif
    waker_drop(&waker);
#endif
}

static void bell_drop(struct future *self) {
    struct bell *b = bell_of(self);
    pthread_mutex_lock(&b->mutex);
    struct waker waker = waker_take(&b->waker);
    pthread_mutex_unlock(&b->mutex);
    waker_drop(&waker);
}

// ---- to here ----

void bell_init(struct bell *b) {
    static const struct future_ops ops = {sizeof(struct bell), 0, bell_poll,
                                          bell_drop};
    *b = (struct bell){.base = {&ops}};
    pthread_mutex_init(&b->mutex, NULL);
}
