#define _POSIX_C_SOURCE 200809L
// The sleep that nobody has to ask about. One thread knows the earliest of all
// deadlines, sleeps until then, and calls the wakers of those who are due. While
// nobody is due, it sleeps, and so does the worker.
#include "async_sleep.h"
#include "at_end.h"
#include "clock.h"
#include "clock_wait.h"
#include "must.h"

#include <errno.h>
#include <pthread.h>

// It serves at most once in this time, so that in a crowd those who are due within
// the same millisecond are woken together. A sleeper that is alone is woken on
// time.
static const int64_t pause_ns = 1000 * 1000;

// Guards the heap, running, and the timer's part of every sleeper. No waker is
// called or dropped under it: that may end a task, whose sleep would want the
// lock to leave the heap.
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed; // there is a new earliest deadline, or the end
static struct heap heap;
static bool running;
static pthread_t thread;

static void lock(void) {
    must(pthread_mutex_lock(&mutex), "timer: lock");
}

static void unlock(void) {
    must(pthread_mutex_unlock(&mutex), "timer: unlock");
}

// ---- The thread ----

// The deadline lies inside the sleep, so one address tells the other.
static struct async_sleep *sleep_of(struct deadline *d) {
    return (struct async_sleep *)((char *)d -
                                  offsetof(struct async_sleep, deadline));
}

// Calls whoever is due; with the lock, which it gives back for each call. It may
// take no pointer to a sleeper along then, because the sleeper may be gone. Its
// waker is a clone, and ours.
static void wake_due(int64_t time) {
    struct deadline *d;
    while ((d = heap_earliest(&heap)) != NULL && d->at <= time) {
        heap_leave(&heap, d);
        struct waker waker = waker_take(&sleep_of(d)->waker);
        unlock();
        waker_wake(&waker);
        waker_drop(&waker);
        lock();
    }
}

static void *keep_time(void *unused) {
    int64_t next = 0; // not before this time
    lock();
    while (running) {
        struct deadline *d = heap_earliest(&heap);
        int64_t due = d != NULL ? d->at : INT64_MAX;
        if (due < next) {
            due = next;
        }
        if (monotonic_now() < due) {
            int error = clock_wait_until(&changed, &mutex, due);
            must(error == ETIMEDOUT ? 0 : error, "timer: wait");
        } else {
            wake_due(monotonic_now());
            next = monotonic_now() + pause_ns;
        }
    }
    unlock();
    return unused;
}

// The program ends: everybody is woken, whether due or not, so that the timer
// keeps hold of no task.
static void stop(void) {
    lock();
    running = false;
    must(pthread_cond_signal(&changed), "timer: signal");
    unlock();
    must(pthread_join(thread, NULL), "timer: join");
    lock();
    wake_due(INT64_MAX);
    heap_free(&heap);
    unlock();
}

// Deadlines are on the monotonic clock, so the condition must wait by it too.
static void start(void) {
    must(clock_wait_init(&changed), "timer: condition");
    running = true;
    must(pthread_create(&thread, NULL, keep_time, NULL), "timer: start");
    at_end(stop);
}

// ---- The future ----

// Leaves the waker; an earlier poll may have left another. If the timer cannot
// help, for want of memory or because the program ends, then the task must ask
// again at once, like an async_sleep.
static void leave_waker(struct async_sleep *me, const struct waker *waker) {
    lock();
    struct waker old = waker_take(&me->waker);
    me->waker = waker_clone(waker);
    bool kept = me->deadline.place != 0 ||
                (running && heap_enter(&heap, &me->deadline));
    if (heap_earliest(&heap) == &me->deadline) {
        must(pthread_cond_signal(&changed), "timer: signal");
    }
    unlock();
    waker_drop(&old);
    if (!kept) {
        waker_wake(waker);
    }
}

// A sleeper that is dropped leaves the heap, which would otherwise point into a
// future that is gone.
static void sleep_drop(struct future *self) {
    struct async_sleep *me = (struct async_sleep *)self;
    lock();
    if (me->deadline.place != 0) {
        heap_leave(&heap, &me->deadline);
    }
    struct waker old = waker_take(&me->waker);
    unlock();
    waker_drop(&old);
}

static enum poll_result sleep_poll(struct future *self,
                                   const struct waker *waker, void *out) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    struct async_sleep *me = (struct async_sleep *)self;
    (void)out;
    must(pthread_once(&once, start), "timer: start");
    if (monotonic_now() >= me->deadline.at) {
        sleep_drop(self);
        return FUTURE_READY;
    }
    leave_waker(me, waker);
    return FUTURE_PENDING;
}

static const struct future_ops sleep_ops = {sizeof(struct async_sleep), 0,
                                            sleep_poll, sleep_drop};

struct async_sleep timer_sleep(double seconds) {
    int64_t at = monotonic_now() + nanoseconds(seconds);
    return (struct async_sleep){.base = {&sleep_ops}, .deadline = {at, 0}};
}
