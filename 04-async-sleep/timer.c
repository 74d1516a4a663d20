#define _POSIX_C_SOURCE 200809L
// One thread and one heap of deadlines. While nobody is due, the thread sleeps,
// and so does the worker: nobody asks.
#include "timer.h"

#include "async_sleep.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

// Guards the heap, running, and the timer's part of every sleeper. No waker is
// woken or dropped under it: that may end a task, and the task's sleep would
// want the lock to leave the heap.
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed; // a new earliest deadline, or the end
static pthread_t thread;
static bool running;

// These calls fail only when the program is wrong.
static void must(int error, const char *what) {
    if (error != 0) {
        fprintf(stderr, "timer: %s: %s\n", what, strerror(error));
        abort();
    }
}

static void lock(void) {
    must(pthread_mutex_lock(&mutex), "lock");
}

static void unlock(void) {
    must(pthread_mutex_unlock(&mutex), "unlock");
}

// ---- The heap of deadlines ----

// A pairing heap: a tree in which nobody is due before the one above. A
// sleeper's `below` is the first one below it, and `beside` links those below to
// each other. All links are inside the sleepers, so that a sleep can begin
// even when memory is out. Entering takes one comparison; leaving takes about
// as many as the number of sleepers has binary digits.
static struct timer_sleep *earliest;

// The one that is due first takes the other one below it. Either may be NULL.
static struct timer_sleep *merge(struct timer_sleep *a, struct timer_sleep *b) {
    if (a == NULL || b == NULL) {
        return a != NULL ? a : b;
    }
    if (b->deadline < a->deadline) {
        struct timer_sleep *first = b;
        b = a;
        a = first;
    }
    b->beside = a->below;
    if (b->beside != NULL) {
        b->beside->place = &b->beside;
    }
    b->place = &a->below;
    a->below = b;
    return a;
}

// Makes one heap of a row of heaps: first two and two, from the left, then all
// of these pairs, from the right. It is the pairs that keep the tree flat.
static struct timer_sleep *merge_row(struct timer_sleep *row) {
    struct timer_sleep *pairs = NULL;
    while (row != NULL) {
        struct timer_sleep *a = row, *b = row->beside;
        row = b != NULL ? b->beside : NULL;
        a = merge(a, b);
        a->beside = pairs;
        pairs = a;
    }
    struct timer_sleep *all = NULL;
    while (pairs != NULL) {
        struct timer_sleep *pair = pairs;
        pairs = pair->beside;
        all = merge(all, pair);
    }
    return all;
}

static void set_earliest(struct timer_sleep *s) {
    earliest = s;
    if (s != NULL) {
        s->beside = NULL;
        s->place = &earliest;
    }
}

static void enter(struct timer_sleep *s) {
    s->below = NULL;
    set_earliest(merge(earliest, s));
}

static void leave(struct timer_sleep *s) {
    struct timer_sleep *rest = merge_row(s->below);
    if (s == earliest) {
        set_earliest(rest);
    } else {
        *s->place = s->beside;
        if (s->beside != NULL) {
            s->beside->place = s->place;
        }
        set_earliest(merge(earliest, rest));
    }
    s->place = NULL;
}

// ---- The thread ----

static struct waker take_waker(struct timer_sleep *s) {
    struct waker waker = s->waker;
    s->waker = (struct waker){0};
    return waker;
}

// Wakes some of those who are due; called and left with the lock. Without the
// lock it may take no pointer to a sleeper along, because a sleeper may be
// gone by then; a waker is its own. Sixty-four at a time, so that a crowd that
// is due together costs few turns of the lock and little stack.
static void wake_due(int64_t now) {
    struct waker due[64];
    int count = 0;
    while (count < 64 && earliest != NULL &&
           (earliest->deadline <= now || !running)) {
        struct timer_sleep *s = earliest;
        leave(s);
        due[count++] = take_waker(s);
    }
    unlock();
    for (int i = 0; i < count; i++) {
        waker_wake(&due[i]);
        waker_drop(&due[i]);
    }
    lock();
}

static void wait_until(int64_t deadline) {
    struct timespec at = {.tv_sec = deadline / 1000000000,
                          .tv_nsec = deadline % 1000000000};
    int error = pthread_cond_timedwait(&changed, &mutex, &at);
    must(error == ETIMEDOUT ? 0 : error, "wait");
}

static void *keep_time(void *unused) {
    (void)unused;
    lock();
    while (running || earliest != NULL) {
        int64_t now = monotonic_now();
        if (earliest == NULL) {
            must(pthread_cond_wait(&changed, &mutex), "wait");
        } else if (earliest->deadline > now && running) {
            wait_until(earliest->deadline);
        } else {
            wake_due(now);
        }
    }
    unlock();
    return NULL;
}

// The program ends: everybody is woken, whether due or not, so that the timer
// keeps hold of no task.
static void stop(void) {
    lock();
    bool was_running = running;
    running = false;
    unlock();
    if (was_running) {
        must(pthread_cond_signal(&changed), "signal");
        must(pthread_join(thread, NULL), "join");
    }
}

// Deadlines are on the monotonic clock, so the condition must wait by it too.
static void start(void) {
    pthread_condattr_t attributes;
    if (pthread_condattr_init(&attributes) != 0) {
        return;
    }
    must(pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC), "clock");
    bool ready = pthread_cond_init(&changed, &attributes) == 0;
    must(pthread_condattr_destroy(&attributes), "attributes");
    if (!ready || atexit(stop) != 0) {
        return;
    }
    lock();
    running = pthread_create(&thread, NULL, keep_time, NULL) == 0;
    unlock();
}

// ---- The future ----

// Keeps the waker until the deadline. False: there is no thread to wait for.
static bool keep_waker(struct timer_sleep *me, const struct waker *waker) {
    if (!running) {
        return false;
    }
    me->waker = waker_clone(waker);
    enter(me);
    if (me == earliest) {
        must(pthread_cond_signal(&changed), "signal");
    }
    return true;
}

static struct waker take_back(struct timer_sleep *me) {
    if (me->place != NULL) {
        leave(me);
    }
    return take_waker(me);
}

// Each poll leaves the timer and, if it is still too early, enters it again:
// it may have come with a new waker. Without a thread to wait for, the task
// must ask again at once, like an async_sleep.
static enum poll sleep_poll(struct future *self, const struct waker *waker,
                            void *out) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    (void)out;
    struct timer_sleep *me = (struct timer_sleep *)self;
    pthread_once(&once, start);
    bool due = monotonic_now() >= me->deadline;
    lock();
    struct waker old = take_back(me);
    bool kept = !due && keep_waker(me, waker);
    unlock();
    waker_drop(&old);
    if (due) {
        return FUTURE_READY;
    }
    if (!kept) {
        waker_wake(waker);
    }
    return FUTURE_PENDING;
}

// A cancelled sleeper leaves the timer, or it would be woken after its end.
static void sleep_drop(struct future *self) {
    lock();
    struct waker old = take_back((struct timer_sleep *)self);
    unlock();
    waker_drop(&old);
}

static const struct future_ops sleep_ops = {sleep_poll, sleep_drop};

struct timer_sleep timer_sleep(double seconds) {
    return (struct timer_sleep){.base = {&sleep_ops},
                                .deadline =
                                    monotonic_now() + (int64_t)(seconds * 1e9)};
}
