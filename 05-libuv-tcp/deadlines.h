// A wheel of deadlines: ten thousand of them on one libuv timer. Chapter 04
// keeps its timers in order, so that each new one must find its place. Here
// nearly every deadline is moved before it comes: each byte from a client moves
// it. So moving must cost nothing, and a little late is early enough.
#ifndef DEADLINES_H
#define DEADLINES_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

enum {
    tick_ms = 100,     // so much late at most
    wheel_slots = 256, // 25.6 s: a turn of the wheel
};

#define DEADLINE_NEVER UINT64_MAX

// A part of what has the deadline. Its address is fixed until the removal.
struct deadline {
    uint64_t at;            // milliseconds; see deadlines_now
    uint64_t tick;          // when it will be looked at
    struct deadline *next;  // in the same slot
    struct deadline **link; // what points at us
};

struct deadlines {
    uv_timer_t timer; // set to the next slot that is not empty
    void (*on_due)(struct deadline *e);
    uint64_t last_tick;  // looked at, and all before it
    uint64_t next_tick;  // what the timer is set to, or DEADLINE_NEVER
    uint64_t standstill; // milliseconds that do not count
    bool listened;       // the loop did, since it was held up
    struct deadline *slots[wheel_slots];
};

// on_due is called when a deadline has passed, and again with each tick until
// the deadline is moved or removed. It may move any. The timer does not keep
// the loop alive.
void deadlines_start(struct deadlines *d, uv_loop_t *loop,
                     void (*on_due)(struct deadline *e));

// The clock of the wheel. It stands still while the loop is held up: nobody
// pays for a time in which we did not listen.
uint64_t deadlines_now(const struct deadlines *d);

// BORROWS e until deadlines_remove. It has no deadline yet.
void deadlines_add(struct deadlines *d, struct deadline *e);
void deadlines_remove(struct deadline *e);

// Moves the deadline. Later costs a store; to an earlier tick, a new place.
void deadlines_set(struct deadlines *d, struct deadline *e, uint64_t at);

// Visits each of them once, also if the visit moves it.
void deadlines_each(struct deadlines *d, void (*visit)(struct deadline *e));

#endif
