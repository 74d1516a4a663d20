// Ten thousand deadlines on one timer of libuv. Nearly every deadline is moved
// before it comes, for each byte from a client moves it; so to move one must cost
// no more than a store and a comparison. They stand in no heap, then: when the
// earliest may have come, we look at all of them.
#ifndef DEADLINES_H
#define DEADLINES_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

// A look may come so much later than a deadline: then one look serves many.
enum { tick_ms = 100 };

#define DEADLINE_NEVER INT64_MAX

struct deadlines {
    uv_timer_t timer;
    int64_t look_at; // when it comes, or DEADLINE_NEVER
    void (*look)(struct deadlines *d);
    int64_t standstill; // milliseconds that do not count
    bool put_off;       // the look that is due; never twice in a row
};

// look shall call deadlines_passed for each deadline that there is.
void deadlines_start(struct deadlines *d, uv_loop_t *loop,
                     void (*look)(struct deadlines *d));

// Milliseconds, on a clock that stands still while the loop is held up: nobody
// pays for a time in which we did not listen.
int64_t deadlines_now(const struct deadlines *d);

// There is a deadline at this time. One that has moved to later is no news: the
// look comes too early, and finds that out.
void deadlines_set(struct deadlines *d, int64_t due);

// RETURNS whether it has passed. Then look is called again a tick later, too:
// whoever does not move it or take it away is asked again.
bool deadlines_passed(struct deadlines *d, int64_t due);

#endif
