// 04c, for the answer and its scene. A timeout is a future of two: a work, which may
// take for ever, and a nap. It is ready when the first of them is.
#include "async_sleep.h"

enum timeout_end { IN_TIME, TOO_LATE };

struct timeout {
    struct future base;  // its output is an enum timeout_end
    struct future *work; // owned, but not its memory; it may be any future
    void *value;         // where the work's output goes
    struct async_sleep nap;
};

static inline struct timeout *timeout_of(struct future *f) {
    return (struct timeout *)f; // of which it is the first member
}

// CONSUMES what work holds.
struct timeout timeout(struct future *work, void *value, double seconds);
