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
    (void)waker;
    (void)out;
    pthread_mutex_lock(&b->mutex);
    bool rung = b->rung;
    pthread_mutex_unlock(&b->mutex);
    return rung ? FUTURE_READY : FUTURE_PENDING;
}

void bell_ring(struct bell *b) {
    pthread_mutex_lock(&b->mutex);
    b->rung = true;
    pthread_mutex_unlock(&b->mutex);
}

static void bell_drop(struct future *self) {
    (void)self;
}

// ---- to here ----

void bell_init(struct bell *b) {
    static const struct future_ops ops = {sizeof(struct bell), 0, bell_poll,
                                          bell_drop};
    *b = (struct bell){.base = {&ops}};
    pthread_mutex_init(&b->mutex, NULL);
}
