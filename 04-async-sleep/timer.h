// A sleep that nobody has to ask about. One thread keeps the deadlines of all
// sleepers, waits for the earliest, and wakes exactly those who are due.
// async_sleep.h has the sleep that it improves on.
#ifndef TIMER_H
#define TIMER_H

#include "future.h"

#include <stddef.h>
#include <stdint.h>

// Lives inside the future that awaits it, so that nothing is allocated. The
// clock starts when it is made. Its output is nothing. A sleep that is
// ready has left the timer; one that is not must be dropped.
struct timer_sleep {
    struct future base;
    int64_t deadline; // nanoseconds on the clock of monotonic_now
    // The timer's; its lock guards them.
    struct waker waker; // who sleeps; owned
    size_t place;       // in the heap of timer.c; 0: not in the timer
};

// The first sleep that is polled starts the timer's thread.
struct timer_sleep timer_sleep(double seconds);

#endif
