#define _POSIX_C_SOURCE 200809L
// The doors to the two tables of functions, and block_on, which waits for a
// wake instead of asking again and again, as chapter 02 did.
#include "future.h"

#include "must.h"

#include <pthread.h>
#include <stdatomic.h>

// ---- The doors ----

struct waker waker_clone(const struct waker *w) {
    w->ops->clone(w->data);
    return *w;
}

void waker_wake(const struct waker *w) {
    if (w->ops != NULL) {
        w->ops->wake(w->data);
    }
}

struct waker waker_take(struct waker *w) {
    struct waker taken = *w;
    *w = (struct waker){0};
    return taken;
}

// The variable is emptied first, so a second drop does nothing.
void waker_drop(struct waker *w) {
    struct waker gone = waker_take(w);
    if (gone.ops != NULL) {
        gone.ops->drop(gone.data);
    }
}

enum poll_result future_poll(struct future *f, const struct waker *waker,
                             void *out) {
    return f->ops->poll(f, waker, out);
}

void future_drop(struct future *f) {
    if (f->ops->drop != NULL) {
        f->ops->drop(f);
    }
}

// ---- block_on ----

// All threads that wait in block_on sleep at one condition. A wake is for all of
// them, and each looks whether it was meant. So this waker needs no data, and
// nobody counts its clones.
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t woken = PTHREAD_COND_INITIALIZER;
static atomic_ulong wakes; // so far; counted under the mutex

static void wake_all(void *unused) {
    (void)unused;
    must(pthread_mutex_lock(&mutex), "block_on: lock");
    wakes++;
    must(pthread_mutex_unlock(&mutex), "block_on: unlock");
    must(pthread_cond_broadcast(&woken), "block_on: wake");
}

static void count_nothing(void *unused) {
    (void)unused;
}

// How many wakes there were is noted before the poll. So a wake that comes
// between the poll and the wait is not lost.
void block_on(struct future *f, void *out) {
    static const struct waker_ops ops = {count_nothing, wake_all,
                                         count_nothing};
    const struct waker waker = {&ops, NULL};
    unsigned long seen = wakes;
    while (future_poll(f, &waker, out) == FUTURE_PENDING) {
        must(pthread_mutex_lock(&mutex), "block_on: lock");
        while (wakes == seen) {
            must(pthread_cond_wait(&woken, &mutex), "block_on: wait");
        }
        seen = wakes;
        must(pthread_mutex_unlock(&mutex), "block_on: unlock");
    }
    future_drop(f);
}
