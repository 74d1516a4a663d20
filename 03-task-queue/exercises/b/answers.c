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
    struct waker old = {0};
    pthread_mutex_lock(&b->mutex);
    bool rung = b->rung;
#ifdef LOOKS_THEN_KEEPS
    pthread_mutex_unlock(&b->mutex);
    if (!rung) {
        struct waker mine = waker_clone(waker);
        pthread_mutex_lock(&b->mutex);
        old = waker_take(&b->waker);
        b->waker = mine;
        pthread_mutex_unlock(&b->mutex);
    }
    waker_drop(&old);
    return rung ? FUTURE_READY : FUTURE_PENDING;
#endif
#ifdef ASKS_AGAIN_AT_ONCE
    pthread_mutex_unlock(&b->mutex);
    if (!rung) {
        waker_wake(waker);
    }
    return rung ? FUTURE_READY : FUTURE_PENDING;
#elif defined NO_CLONE
    b->waker = *waker;
#else
    if (!rung) {
#ifndef KEEPS_ALL
        old = waker_take(&b->waker); // from the poll before
#endif
        b->waker = waker_clone(waker);
    }
#endif
    pthread_mutex_unlock(&b->mutex);
    waker_drop(&old);
    return rung ? FUTURE_READY : FUTURE_PENDING;
}

void bell_ring(struct bell *b) {
#ifdef NOTES_IT_AFTERWARDS
    pthread_mutex_lock(&b->mutex);
    struct waker first = waker_take(&b->waker);
    pthread_mutex_unlock(&b->mutex);
    waker_wake(&first);
    waker_drop(&first);
#endif
    pthread_mutex_lock(&b->mutex);
    b->rung = true;
#ifdef WAKES_UNDER_THE_LOCK
    waker_wake(&b->waker);
#endif
    struct waker waker = waker_take(&b->waker);
    pthread_mutex_unlock(&b->mutex);
    waker_wake(&waker);
#ifndef FORGETS_TO_DROP
    waker_drop(&waker);
#endif
}

static void bell_drop(struct future *self) {
    struct bell *b = bell_of(self);
    pthread_mutex_lock(&b->mutex);
    struct waker waker = waker_take(&b->waker);
    pthread_mutex_unlock(&b->mutex);
#ifdef WAKES_THE_DROPPED
    waker_wake(&waker);
#endif
#ifndef FORGETS_TO_DROP_2
    waker_drop(&waker);
#endif
}

// ---- to here ----

void bell_init(struct bell *b) {
    static const struct future_ops ops = {sizeof(struct bell), 0, bell_poll,
                                          bell_drop};
    *b = (struct bell){.base = {&ops}};
    pthread_mutex_init(&b->mutex, NULL);
}
