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

static enum poll_result waiter_poll(struct future *self,
                                    const struct waker *waker, void *out) {
    struct waiter *me = waiter_of(self);
    struct task_mutex *m = me->of;
    (void)waker;
    (void)out;
    pthread_mutex_lock(&m->mutex);
    bool mine = !m->taken;
    m->taken = true;
    pthread_mutex_unlock(&m->mutex);
    return mine ? FUTURE_READY : FUTURE_PENDING;
}

void task_mutex_unlock(struct task_mutex *m) {
    pthread_mutex_lock(&m->mutex);
    m->taken = false;
    pthread_mutex_unlock(&m->mutex);
}

static void waiter_drop(struct future *self) {
    (void)self;
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
