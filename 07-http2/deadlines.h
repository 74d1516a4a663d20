// Ten thousand deadlines on one timer of libuv. Nearly every deadline is moved
// before it comes, for each byte from a client moves it; so to move one must cost
// no more than a store. They stand in no heap, then: when the earliest may have
// come, we look at all of them.
#ifndef DEADLINES_H
#define DEADLINES_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

enum {
    tick_ms = 100
}; // so much late at most: then many are looked at together

#define DEADLINE_NEVER INT64_MAX

struct deadlines {
    uv_timer_t timer;
    int64_t look_at; // when it comes, or DEADLINE_NEVER
    void (*look)(struct deadlines *d);
    int64_t standstill; // milliseconds that do not count
    bool listened;      // the loop did, since it was held up
};

// look shall call deadlines_passed for each deadline that there is.
void deadlines_start(struct deadlines *d, uv_loop_t *loop,
                     void (*look)(struct deadlines *d));

// Milliseconds, on a clock that stands still while the loop is held up: nobody
// pays for a time in which we did not listen.
int64_t deadlines_now(const struct deadlines *d);

// There is a deadline at this time. Who moves one to later need not say so.
void deadlines_set(struct deadlines *d, int64_t due);

// RETURNS whether it has passed. If so, look is called again a tick later.
bool deadlines_passed(struct deadlines *d, int64_t due);

#endif
