#define _POSIX_C_SOURCE 200809L
// A look at ten thousand takes less than a millisecond, and there are ten looks in
// a second at most.
#include "deadlines.h"

int64_t deadlines_now(const struct deadlines *d) {
    return (int64_t)uv_now(d->timer.loop) - d->standstill;
}

// If the timer is late, the loop was held up, and clients may have spoken whom
// we have not heard. So the clock goes back to before the deadline, and the
// loop listens once before anybody is judged; once only, or a loop that is
// always late would judge nobody.
static void on_timer(uv_timer_t *timer) {
    struct deadlines *d = timer->data;
    int64_t was = d->look_at, late = deadlines_now(d) - was;
    d->look_at = DEADLINE_NEVER;
    d->put_off = late >= tick_ms && !d->put_off;
    if (d->put_off) {
        d->standstill += late + 1;
        deadlines_set(d, was);
    } else {
        d->look(d);
    }
}

// Rounded up to a tick, so that those who are due in the same one are looked at
// together. Nearly always a look comes sooner, and there is nothing to do.
void deadlines_set(struct deadlines *d, int64_t due) {
    if (due > d->look_at - tick_ms) {
        return;
    }
    d->look_at = (due + tick_ms - 1) / tick_ms * tick_ms;
    int64_t left = d->look_at - deadlines_now(d);
    uv_timer_start(&d->timer, on_timer, left > 0 ? (uint64_t)left : 0, 0);
}

bool deadlines_passed(struct deadlines *d, int64_t due) {
    int64_t now = deadlines_now(d);
    deadlines_set(d, due > now ? due : now + tick_ms);
    return due <= now;
}

void deadlines_start(struct deadlines *d, uv_loop_t *loop,
                     void (*look)(struct deadlines *d)) {
    *d = (struct deadlines){.look = look, .look_at = DEADLINE_NEVER};
    uv_timer_init(loop, &d->timer);
    d->timer.data = d;
}
