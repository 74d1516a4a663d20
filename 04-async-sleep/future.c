#define _POSIX_C_SOURCE 200809L
// Futures and wakers are two tables of functions. This file holds the doors
// to those tables and block_on, which waits for a wake instead of asking again
// and again, as chapter 02 did.
#include "future.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// These calls fail only when the program is wrong or the system has nothing
// left. It is not an assert, because -DNDEBUG would delete the call with it.
static void must(int error, const char *what) {
    if (error != 0) {
        fprintf(stderr, "future: %s: %s\n", what, strerror(error));
        abort();
    }
}

// ---- The doors ----

struct waker waker_clone(const struct waker *w) {
    return w->ops->clone(w->data);
}

void waker_wake(const struct waker *w) {
    w->ops->wake(w->data);
}

// The variable is emptied first, so a second drop does nothing.
void waker_drop(struct waker *w) {
    struct waker gone = *w;
    *w = (struct waker){0};
    if (gone.ops != NULL) {
        gone.ops->drop(gone.data);
    }
}

enum poll future_poll(struct future *f, const struct waker *waker, void *out) {
    return f->ops->poll(f, waker, out);
}

void future_drop(struct future *f) {
    f->ops->drop(f);
}

// ---- block_on ----

// A thread that waits to be woken. It is counted, because somebody may keep a
// clone of the waker for longer than the block_on call lives.
struct parker {
    atomic_int refs;
    pthread_mutex_t mutex; // guards woken
    pthread_cond_t wakeup;
    bool woken;
};

static struct waker parker_clone(void *data);

static void parker_wake(void *data) {
    struct parker *p = data;
    must(pthread_mutex_lock(&p->mutex), "lock");
    p->woken = true;
    must(pthread_cond_signal(&p->wakeup), "signal");
    must(pthread_mutex_unlock(&p->mutex), "unlock");
}

static void parker_drop(void *data) {
    struct parker *p = data;
    if (atomic_fetch_sub(&p->refs, 1) != 1) {
        return;
    }
    must(pthread_cond_destroy(&p->wakeup), "destroy condition");
    must(pthread_mutex_destroy(&p->mutex), "destroy mutex");
    free(p);
}

static const struct waker_ops parker_ops = {parker_clone, parker_wake,
                                            parker_drop};

static struct waker parker_clone(void *data) {
    struct parker *p = data;
    atomic_fetch_add(&p->refs, 1);
    return (struct waker){&parker_ops, p};
}

// RETURNS NULL when memory is out.
static struct parker *parker_new(void) {
    struct parker *p = malloc(sizeof *p);
    if (p != NULL) {
        *p = (struct parker){.refs = 1,
                             .mutex = PTHREAD_MUTEX_INITIALIZER,
                             .wakeup = PTHREAD_COND_INITIALIZER};
    }
    return p;
}

// A wake that comes before we get here has left woken set, so it is not lost.
static void parker_wait(struct parker *p) {
    must(pthread_mutex_lock(&p->mutex), "lock");
    while (!p->woken) {
        must(pthread_cond_wait(&p->wakeup, &p->mutex), "wait");
    }
    p->woken = false;
    must(pthread_mutex_unlock(&p->mutex), "unlock");
}

// Without memory for a parker it must not give up, because whoever called it
// waits for the output. Then it asks again and again, as chapter 02 did, and
// this waker has nobody to wake.
static struct waker idle_clone(void *data);

static void idle_do_nothing(void *data) {
    (void)data;
}

static const struct waker_ops idle_ops = {idle_clone, idle_do_nothing,
                                          idle_do_nothing};

static struct waker idle_clone(void *data) {
    return (struct waker){&idle_ops, data};
}

void block_on(struct future *f, void *out) {
    struct parker *p = parker_new();
    struct waker waker = {p != NULL ? &parker_ops : &idle_ops, p};
    while (future_poll(f, &waker, out) == FUTURE_PENDING) {
        if (p != NULL) {
            parker_wait(p);
        } else {
            (void)sched_yield(); // at worst we ask sooner
        }
    }
    future_drop(f);
    waker_drop(&waker);
}
