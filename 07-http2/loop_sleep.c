#define _POSIX_C_SOURCE 200809L
// As timer.c in chapter 04, without its thread and its lock: all of this happens
// on the loop's thread.
#include "loop_sleep.h"

#include "clock.h"
#include "loop_executor.h"

static void on_timer(uv_timer_t *uv);

// libuv counts in whole milliseconds, from a time that it noted before it called
// us. So its timer can be early. Then nobody is due, and it is set once more.
static void set_timer(struct loop_timer *t) {
    const struct deadline *d = heap_earliest(&t->heap);
    if (d != NULL) {
        int64_t left = d->at - monotonic_now();
        uint64_t ms = left > 0 ? ((uint64_t)left + 999999) / 1000000 : 0;
        uv_timer_start(&t->uv, on_timer, ms, 0);
    }
}

static struct loop_sleep *sleep_of(struct deadline *d) {
    return (struct loop_sleep *)((char *)d -
                                 offsetof(struct loop_sleep, deadline));
}

static void on_timer(uv_timer_t *uv) {
    struct loop_timer *t = (struct loop_timer *)uv; // its first member
    struct deadline *d;
    int64_t now = monotonic_now();
    while ((d = heap_earliest(&t->heap)) != NULL && d->at <= now) {
        heap_leave(&t->heap, d);
        struct waker waker = waker_take(&sleep_of(d)->waker);
        waker_wake(&waker);
        waker_drop(&waker);
    }
    set_timer(t);
}

// A sleeper that is dropped leaves the heap. The timer is not told: it comes for
// nothing once, and that costs less.
static void sleep_drop(struct future *self) {
    struct loop_sleep *me = (struct loop_sleep *)self;
    if (me->deadline.place != 0) {
        heap_leave(&me->timer->heap, &me->deadline);
    }
    waker_drop(&me->waker);
}

// The clock decides, not the timer. Without memory for the heap the sleep asks
// for the next poll at once, like the first one of chapter 04.
static enum poll_result sleep_poll(struct future *self,
                                   const struct waker *waker, void *out) {
    struct loop_sleep *me = (struct loop_sleep *)self;
    struct heap *heap = &me->timer->heap;
    (void)out;
    if (monotonic_now() >= me->deadline.at) {
        sleep_drop(self);
        return FUTURE_READY;
    }
    waker_drop(&me->waker);
    me->waker = waker_clone(waker);
    if (me->deadline.place == 0 && !heap_enter(heap, &me->deadline)) {
        waker_wake(waker);
    } else if (heap_earliest(heap) == &me->deadline) {
        set_timer(me->timer);
    }
    return FUTURE_PENDING;
}

static const struct future_ops sleep_ops = {sizeof(struct loop_sleep), 0,
                                            sleep_poll, sleep_drop};

struct loop_sleep loop_sleep(struct loop_executor *e, double seconds) {
    int64_t at = monotonic_now() + nanoseconds(seconds);
    return (struct loop_sleep){{&sleep_ops}, {at, 0}, &e->timer, {0}};
}
