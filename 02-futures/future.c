#define _POSIX_C_SOURCE 200809L
// Two doors to the table of functions, and the simplest way to wait.
#include "future.h"

#include <sched.h>

enum poll_result future_poll(struct future *f, void *out) {
    return f->ops->poll(f, out);
}

void future_drop(struct future *f) {
    if (f->ops->drop != NULL) {
        f->ops->drop(f);
    }
}

// It asks and asks. Nobody tells it when asking is worth while, so all it can
// do for others is to let them have the processor between two questions.
void block_on(struct future *f, void *out) {
    while (future_poll(f, out) == FUTURE_PENDING) {
        (void)sched_yield(); // at worst we ask sooner
    }
    future_drop(f);
}
