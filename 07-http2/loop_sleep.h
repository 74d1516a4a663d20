// The async sleep of chapter 04 on the loop's timer: nobody asks it again and
// again, the timer wakes it when it is due.
#ifndef LOOP_SLEEP_H
#define LOOP_SLEEP_H

#include "future.h"

#include <stdint.h>
#include <uv.h>

struct loop_sleep {
    struct future base;
    int64_t deadline; // nanoseconds, on the clock of monotonic_now
    uv_loop_t *loop;
    struct loop_timer *timer; // made by the first poll; owned
};

// A future without output that is ready so many seconds from now. For futures
// that run on this loop.
struct loop_sleep loop_sleep(uv_loop_t *loop, double seconds);

#endif
