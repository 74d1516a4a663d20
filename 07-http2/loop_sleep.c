#define _POSIX_C_SOURCE 200809L
// A deadline, a timer, and the waker of whoever sleeps.
#include "loop_sleep.h"

#include "clock.h"

#include <stdbool.h>
#include <stdlib.h>

// Cannot lie inside the sleep: that may be dropped at any time, but the loop
// has its timer until on_closed.
struct loop_timer {
    uv_timer_t uv;
    struct waker waker;
};

static void on_timer(uv_timer_t *timer) {
    struct loop_timer *t = timer->data;
    waker_wake(&t->waker);
}

// RETURNS false when memory is out.
static bool make_timer(struct loop_sleep *me) {
    struct loop_timer *t = malloc(sizeof *t);
    if (t == NULL) {
        return false;
    }
    t->waker = (struct waker){0};
    uv_timer_init(me->loop, &t->uv);
    t->uv.data = t;
    me->timer = t;
    return true;
}

// The clock decides, not the timer. libuv counts in whole milliseconds, from a
// time that it noted before it called us; so its timer can fire early. Then
// the next poll sets it once more, for the rest. Without memory for a timer the
// sleep asks for the next poll at once, like the first one of chapter 04.
static enum poll_result sleep_poll(struct future *self,
                                   const struct waker *waker, void *out) {
    struct loop_sleep *me = (struct loop_sleep *)self;
    (void)out;
    int64_t left = me->deadline - monotonic_now();
    if (left <= 0) {
        return FUTURE_READY;
    }
    if (me->timer == NULL && !make_timer(me)) {
        waker_wake(waker);
        return FUTURE_PENDING;
    }
    waker_drop(&me->timer->waker);
    me->timer->waker = waker_clone(waker);
    uint64_t ms = ((uint64_t)left + 999999) / 1000000; // rounded up
    uv_timer_start(&me->timer->uv, on_timer, ms, 0);
    return FUTURE_PENDING;
}

static void on_closed(uv_handle_t *timer) {
    free(timer->data);
}

static void sleep_drop(struct future *self) {
    struct loop_sleep *me = (struct loop_sleep *)self;
    if (me->timer != NULL) {
        waker_drop(&me->timer->waker);
        uv_close((uv_handle_t *)&me->timer->uv, on_closed);
    }
}

static const struct future_ops sleep_ops = {sizeof(struct loop_sleep), 0,
                                            sleep_poll, sleep_drop};

struct loop_sleep loop_sleep(uv_loop_t *loop, double seconds) {
    return (struct loop_sleep){.base = {&sleep_ops},
                               .deadline =
                                   monotonic_now() + nanoseconds(seconds),
                               .loop = loop};
}
