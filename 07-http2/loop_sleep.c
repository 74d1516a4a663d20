#define _POSIX_C_SOURCE 200809L
// A deadline, a timer, and the waker of whoever sleeps.
#include "loop_sleep.h"

#include <stdlib.h>

struct loop_sleep {
    struct future base;
    uv_timer_t timer;
    uint64_t deadline; // nanoseconds, on the clock of uv_hrtime
    struct waker waker;
};

static void on_timer(uv_timer_t *timer) {
    struct loop_sleep *me = timer->data;
    waker_wake(&me->waker);
}

// The clock decides, not the timer. libuv counts in whole milliseconds, from a
// time that it noted before it called us; so its timer can fire early. Then
// the next poll sets it once more, for the rest.
static enum poll sleep_poll(struct future *self, const struct waker *waker,
                            void *out) {
    struct loop_sleep *me = (struct loop_sleep *)self;
    (void)out;
    uint64_t now = uv_hrtime();
    if (now >= me->deadline) {
        return FUTURE_READY;
    }
    waker_drop(&me->waker);
    me->waker = waker_clone(waker);
    uint64_t ms = (me->deadline - now + 999999) / 1000000; // rounded up
    uv_timer_start(&me->timer, on_timer, ms, 0);
    return FUTURE_PENDING;
}

static void on_closed(uv_handle_t *timer) {
    free(timer->data);
}

// The timer lies inside us, and the loop owns it until on_closed.
static void sleep_drop(struct future *self) {
    struct loop_sleep *me = (struct loop_sleep *)self;
    waker_drop(&me->waker);
    uv_close((uv_handle_t *)&me->timer, on_closed);
}

static const struct future_ops sleep_ops = {sleep_poll, sleep_drop};

// No sleep is longer than a century, which stands for infinity too, or the sum
// with the clock would overflow. What is no number is nothing.
static uint64_t nanoseconds(double seconds) {
    const double century = 100 * 365.25 * 24 * 60 * 60;
    if (!(seconds > 0)) {
        return 0;
    }
    return (uint64_t)((seconds < century ? seconds : century) * 1e9);
}

struct future *loop_sleep(uv_loop_t *loop, double seconds) {
    struct loop_sleep *me = calloc(1, sizeof *me);
    if (me == NULL) {
        return NULL;
    }
    me->base.ops = &sleep_ops;
    me->deadline = uv_hrtime() + nanoseconds(seconds);
    uv_timer_init(loop, &me->timer);
    me->timer.data = me;
    return &me->base;
}
