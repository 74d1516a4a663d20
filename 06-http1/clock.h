// The time, and a sleep that blocks. Nothing in here is about async; skip it.
#ifndef CLOCK_H
#define CLOCK_H

#include <stdint.h>

// Nanoseconds, and seconds, on the clock that no one can set back.
int64_t monotonic_now(void);
double now(void);

// Seconds as nanoseconds, for adding to the clock. No time is longer than a
// century, which stands for infinity too, or the sum would overflow. Less than
// nothing, and what is no number, is nothing.
int64_t nanoseconds(double seconds);

// Blocks the calling thread.
void sleep_seconds(double seconds);

#endif
