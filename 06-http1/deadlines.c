#define _POSIX_C_SOURCE 200809L
// Slots in a ring, one for each tick. A deadline lies in the slot of its tick,
// or of an earlier one: when it is moved to later it stays where it is, and
// whoever looks into the slot finds that it is not due and files it anew. One
// beyond the wheel's turn lies in the farthest slot. So each is looked at once
// a turn at least, whatever happens between.
#include "deadlines.h"

#include <stddef.h>

static void on_timer(uv_timer_t *timer);

uint64_t deadlines_now(const struct deadlines *d) {
    return uv_now(d->timer.loop) - d->standstill;
}

// ---- Places in the wheel ----

static void push(struct deadline **list, struct deadline *e) {
    e->next = *list;
    e->link = list;
    if (e->next != NULL) {
        e->next->link = &e->next;
    }
    *list = e;
}

static struct deadline *take(struct deadline *e) {
    *e->link = e->next;
    if (e->next != NULL) {
        e->next->link = e->link;
    }
    return e;
}

static void set_timer(struct deadlines *d, uint64_t tick) {
    uint64_t now = deadlines_now(d), due = tick * tick_ms;
    d->next_tick = tick;
    uv_timer_start(&d->timer, on_timer, due > now ? due - now : 0, 0);
}

// Rounds up: when its tick comes, it is due.
static uint64_t tick_for(uint64_t now, uint64_t at) {
    uint64_t first = now / tick_ms + 1, last = first + wheel_slots - 2;
    uint64_t tick = at / tick_ms + (at % tick_ms != 0);
    if (tick < first) {
        return first;
    }
    return tick < last ? tick : last;
}

static void file(struct deadlines *d, struct deadline *e) {
    e->tick = tick_for(deadlines_now(d), e->at);
    push(&d->slots[e->tick % wheel_slots], e);
    if (e->tick < d->next_tick) {
        set_timer(d, e->tick);
    }
}

// ---- When the timer fires ----

// The slot is emptied first: what is filed meanwhile belongs to a later turn.
static void look_at(struct deadlines *d, uint64_t tick) {
    struct deadline *list = NULL, **slot = &d->slots[tick % wheel_slots];
    uint64_t now = deadlines_now(d);
    while (*slot != NULL) {
        push(&list, take(*slot));
    }
    while (list != NULL) {
        struct deadline *e = take(list);
        file(d, e);
        if (e->at <= now) {
            d->on_due(e);
        }
    }
}

static void set_timer_to_next(struct deadlines *d) {
    for (uint64_t t = d->last_tick + 1; t < d->last_tick + wheel_slots; t++) {
        if (d->slots[t % wheel_slots] != NULL) {
            set_timer(d, t);
            return;
        }
    }
}

// If the timer is late, the loop was held up, and clients may have spoken whom
// we have not heard. So the clock goes back to before the deadline, and the
// loop listens once before anybody is judged; once only, or a loop that is
// always late would judge nobody.
static void on_timer(uv_timer_t *timer) {
    struct deadlines *d = timer->data;
    uint64_t now = deadlines_now(d), due = d->next_tick * tick_ms;
    if (now >= due + tick_ms && !d->listened) {
        d->listened = true;
        d->standstill += now - due + 1;
        set_timer(d, d->next_tick);
        return;
    }
    d->listened = false;
    uint64_t tick = d->last_tick;
    d->last_tick = now / tick_ms;
    d->next_tick = DEADLINE_NEVER;
    if (d->last_tick - tick > wheel_slots) {
        tick = d->last_tick - wheel_slots;
    }
    while (tick < d->last_tick) {
        look_at(d, ++tick);
    }
    set_timer_to_next(d);
}

// ---- For all to call ----

void deadlines_start(struct deadlines *d, uv_loop_t *loop,
                     void (*on_due)(struct deadline *e)) {
    *d = (struct deadlines){.on_due = on_due, .next_tick = DEADLINE_NEVER};
    uv_timer_init(loop, &d->timer);
    d->timer.data = d;
    d->last_tick = deadlines_now(d) / tick_ms;
    uv_unref((uv_handle_t *)&d->timer);
}

void deadlines_add(struct deadlines *d, struct deadline *e) {
    e->at = DEADLINE_NEVER;
    file(d, e);
}

void deadlines_remove(struct deadline *e) {
    take(e);
}

void deadlines_set(struct deadlines *d, struct deadline *e, uint64_t at) {
    e->at = at;
    if (at <= (e->tick - 1) * tick_ms) {
        take(e);
        file(d, e);
    }
}

void deadlines_each(struct deadlines *d, void (*visit)(struct deadline *e)) {
    struct deadline *all = NULL;
    for (int i = 0; i < wheel_slots; i++) {
        while (d->slots[i] != NULL) {
            push(&all, take(d->slots[i]));
        }
    }
    while (all != NULL) {
        struct deadline *e = take(all);
        file(d, e);
        visit(e);
    }
}
