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

static void wake(struct timer *t, struct nap *nap) {
#ifndef LEAVES_IT_THERE
    leave_list(t, nap);
#endif
#ifdef TAKES_IT_TOO_LATE
    pthread_mutex_unlock(&t->mutex);
    struct waker waker = waker_take(&nap->waker);
#else
    struct waker waker = waker_take(&nap->waker); // the nap may be gone soon
#ifndef WAKES_UNDER_THE_LOCK
    pthread_mutex_unlock(&t->mutex);
#endif
#endif
    waker_wake(&waker);
    waker_drop(&waker);
#ifndef WAKES_UNDER_THE_LOCK
    pthread_mutex_lock(&t->mutex);
#endif
}

#ifdef WAITS_FOR_THE_FIRST_COMER
static void wait_for(struct timer *t, int64_t time) {
    do {
        wait_until(t, time);
    } while (t->running && time != INT64_MAX && time_now() < time);
}
#endif

void *keep_time(void *timer) {
    struct timer *t = timer;
    pthread_mutex_lock(&t->mutex);
    while (t->running) {
        struct nap *nap = earliest(t);
#ifdef WAKES_TOO_EARLY
        if (nap != NULL && nap->due - 20 * 1000 * 1000 <= time_now()) {
#else
        if (nap != NULL && nap->due <= time_now()) {
#endif
            wake(t, nap);
        } else {
#ifdef LOOKS_EVERY_MS
            wait_until(t, time_now() + 1000 * 1000);
#elif defined WAKES_TOO_EARLY
            wait_until(t,
                       nap != NULL ? nap->due - 20 * 1000 * 1000 : INT64_MAX);
#elif defined WAITS_FOR_THE_FIRST_COMER
        wait_for(t, nap != NULL ? nap->due : INT64_MAX);
#else
        wait_until(t, nap != NULL ? nap->due : INT64_MAX);
#endif
        }
    }
    pthread_mutex_unlock(&t->mutex);
    return NULL;
}

static void nap_drop(struct future *self) {
    struct nap *me = nap_of(self);
    struct timer *t = me->of;
    pthread_mutex_lock(&t->mutex);
#ifndef KEEPS_THE_DROPPED
    if (me->is_listed) {
        leave_list(t, me);
    }
#endif
    struct waker old = waker_take(&me->waker);
    pthread_mutex_unlock(&t->mutex);
#ifndef FORGETS_THE_WAKER
    waker_drop(&old);
#else
    (void)old;
#endif
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
