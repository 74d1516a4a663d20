// The async sleep of chapter 04 on the loop's timer: nobody asks it again and
// again, the timer wakes it when it is due.
#ifndef LOOP_SLEEP_H
#define LOOP_SLEEP_H

#include "future.h"

#include <uv.h>

// RETURNS a future without output that is ready so many seconds from now;
// NULL: no memory. For futures that run on this loop.
struct future *loop_sleep(uv_loop_t *loop, double seconds);

#endif
