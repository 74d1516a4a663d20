#define _POSIX_C_SOURCE 200809L
// Two doors to the table of functions, and the simplest way to await.
#include "future.h"

#include <sched.h>

enum poll future_poll(struct future *f, int *out) {
    return f->ops->poll(f, out);
}

void future_drop(struct future *f) {
    f->ops->drop(f);
}

// It asks and asks. Nobody tells it when asking is worth while, so all it can
// do for others is to let them have the processor between two questions.
int future_await(struct future *f) {
    int out = 0;
    while (future_poll(f, &out) == FUTURE_PENDING) {
        sched_yield();
    }
    future_drop(f);
    return out;
}
