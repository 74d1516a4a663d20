#define _POSIX_C_SOURCE 200809L
// The heap says whom to look at next; who was moved meanwhile goes back in.
#include "deadlines.h"

// ---- The clock and the timer ----

int64_t deadlines_now(const struct deadlines *d) {
    return (int64_t)uv_now(d->timer.loop) - d->standstill;
}

static void on_timer(uv_timer_t *timer);

// Rounded up to a tick, so that those who are due in the same one are looked at
// together.
static void set_timer(struct deadlines *d) {
    const struct deadline *earliest = heap_earliest(&d->heap);
    int64_t now = deadlines_now(d), at = DEADLINE_NEVER;
    if (earliest != NULL && earliest->at < DEADLINE_NEVER - tick_ms) {
        at = (earliest->at + tick_ms - 1) / tick_ms * tick_ms;
    }
    if (at == d->set_to) {
        return;
    }
    d->set_to = at;
    if (at == DEADLINE_NEVER) {
        uv_timer_stop(&d->timer);
    } else {
        uv_timer_start(&d->timer, on_timer, at > now ? (uint64_t)(at - now) : 0,
                       0);
    }
}

// It was in the heap just now, so there is room.
static void move(struct deadlines *d, struct watched *w, int64_t to) {
    heap_leave(&d->heap, &w->deadline);
    w->deadline.at = to;
    (void)heap_enter(&d->heap, &w->deadline);
}

static void look_at(struct deadlines *d, struct watched *w, int64_t now) {
    if (w->due > now) {
        move(d, w, w->due);
    } else {
        move(d, w, now + tick_ms);
        d->on_due(w);
    }
}

// If the timer is late, the loop was held up, and clients may have spoken whom
// we have not heard. So the clock goes back to before the deadline, and the
// loop listens once before anybody is judged; once only, or a loop that is
// always late would judge nobody.
static void on_timer(uv_timer_t *timer) {
    struct deadlines *d = timer->data;
    struct deadline *e;
    int64_t now = deadlines_now(d), late = now - d->set_to;
    d->set_to = DEADLINE_NEVER;
    if (late >= tick_ms && !d->listened) {
        d->listened = true;
        d->standstill += late + 1;
    } else {
        d->listened = false;
        while ((e = heap_earliest(&d->heap)) != NULL && e->at <= now) {
            look_at(d, (struct watched *)e, now); // of which it is the first
        }
    }
    set_timer(d);
}

// ---- For all to call ----

void deadlines_start(struct deadlines *d, uv_loop_t *loop,
                     void (*on_due)(struct watched *w)) {
    *d = (struct deadlines){.on_due = on_due, .set_to = DEADLINE_NEVER};
    uv_timer_init(loop, &d->timer);
    d->timer.data = d;
}

void deadlines_stop(struct deadlines *d) {
    heap_free(&d->heap);
}

bool deadlines_add(struct deadlines *d, struct watched *w, int64_t due) {
    w->due = w->deadline.at = due;
    if (!heap_enter(&d->heap, &w->deadline)) {
        return false;
    }
    set_timer(d);
    return true;
}

// Its connection may never have come in.
void deadlines_remove(struct deadlines *d, struct watched *w) {
    if (w->deadline.place != 0) {
        heap_leave(&d->heap, &w->deadline);
    }
}

void deadlines_set(struct deadlines *d, struct watched *w, int64_t due) {
    w->due = due;
    if (due < w->deadline.at) {
        move(d, w, due);
        set_timer(d);
    }
}
