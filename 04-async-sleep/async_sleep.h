// A sleep that holds nobody up: a future that is ready when its time has come.
// There are two kinds of it, and this is what both look like. It has no output.
#ifndef ASYNC_SLEEP_H
#define ASYNC_SLEEP_H

#include "future.h"
#include "heap.h"

struct async_sleep {
    struct future base;
    struct deadline deadline; // when it is over
    struct waker waker;       // whom the timer calls then; owned
};

// The text's own: it asks again and again. The time runs from here on.
struct async_sleep async_sleep(double seconds);

// It leaves its waker with a timer, and is asked once more when it is due: see
// timer.c.
struct async_sleep timer_sleep(double seconds);

#endif
