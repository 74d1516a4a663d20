// Ten thousand deadlines on one timer of libuv. They are kept in chapter 04's
// heap; but here nearly every deadline is moved before it comes, for each byte
// from a client moves it. So to move it to later costs a store and no more: the
// heap is told when the old one has come.
#ifndef DEADLINES_H
#define DEADLINES_H

#include "heap.h"

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

enum {
    tick_ms = 100
}; // so much late at most: then many are looked at together

#define DEADLINE_NEVER INT64_MAX

// A part of what has the deadline. Its address is fixed until the removal.
struct watched {
    struct deadline deadline; // in the heap: when we look at it
    int64_t due;              // never before that; milliseconds
};

struct deadlines {
    struct heap heap;
    uv_timer_t timer; // set to the earliest
    int64_t set_to;   // or DEADLINE_NEVER
    void (*on_due)(struct watched *w);
    int64_t standstill; // milliseconds that do not count
    bool listened;      // the loop did, since it was held up
};

// on_due is called when a deadline has passed, and again with each tick until
// the deadline is moved or removed. It may move or remove any.
void deadlines_start(struct deadlines *d, uv_loop_t *loop,
                     void (*on_due)(struct watched *w));
void deadlines_stop(struct deadlines *d); // all are removed

// Milliseconds, on a clock that stands still while the loop is held up: nobody
// pays for a time in which we did not listen.
int64_t deadlines_now(const struct deadlines *d);

// BORROWS w until deadlines_remove. RETURNS false when memory is out.
bool deadlines_add(struct deadlines *d, struct watched *w, int64_t due);
void deadlines_remove(struct deadlines *d, struct watched *w);
void deadlines_set(struct deadlines *d, struct watched *w, int64_t due);

#endif
