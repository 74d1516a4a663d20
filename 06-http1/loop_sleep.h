// The sleep of chapter 04 on a libuv loop: the loop is the thread that knows the
// earliest deadline. All sleeps of a loop share one timer, and chapter 04's heap.
#ifndef LOOP_SLEEP_H
#define LOOP_SLEEP_H

#include "future.h"
#include "heap.h"

#include <uv.h>

struct loop_timer {
    uv_timer_t uv; // set to the earliest deadline
    struct heap heap;
};

struct loop_executor;

struct loop_sleep {
    struct future base;
    struct deadline deadline; // nanoseconds, on the clock of monotonic_now
    struct loop_timer *timer; // borrowed
    struct waker waker;       // who sleeps; owned
};

// A future without output that is ready so many seconds from now. For futures
// that run on this executor.
struct loop_sleep loop_sleep(struct loop_executor *e, double seconds);

#endif
