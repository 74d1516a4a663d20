// A sleep that holds nobody up: a future that is ready when its time has come.
#ifndef ASYNC_SLEEP_H
#define ASYNC_SLEEP_H

#include "future.h"

#include <stdint.h>

// Lives inside the future that awaits it, so that nothing is allocated. The
// clock starts when it is made. Its output is nothing.
struct async_sleep {
    struct future base;
    int64_t start_time; // nanoseconds on the monotonic clock
    int64_t duration;   // nanoseconds
};

struct async_sleep async_sleep(double seconds);

// Nanoseconds on the clock that no one can set back.
int64_t monotonic_now(void);

// Seconds as nanoseconds, for adding to the clock. No sleep is longer than a
// century, which stands for infinity too, or the sum would overflow and the
// sleep end at once. Less than nothing, and what is no number, is nothing.
int64_t nanoseconds(double seconds);

#endif
