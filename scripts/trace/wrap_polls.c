#define _POSIX_C_SOURCE 200809L
// Chapters 03 to 07: futures that are polled with a waker, whoever runs
// them.
#include "watch.h"

#include <stddef.h>

// What a waker carries is the task that it wakes. That of block_on carries
// nothing; it wakes all threads that wait there.
static const void *whom(const struct waker *w) {
    return w->data != NULL ? w->data : w->ops;
}

static enum poll_result poll_watched(struct future *f,
                                     const struct waker *waker, void *out) {
    const struct watch *w = watch_of(f);
    bool is_told = poll_begins(w->task, whom(waker));
    enum poll_result result = w->own->poll(f, waker, out);
    if (is_told) {
        poll_ends(result == FUTURE_READY);
    }
    return result;
}

const struct future_ops watching = {.poll = poll_watched};

void __real_waker_wake(const struct waker *w);
void __wrap_waker_wake(const struct waker *w) {
    task_is_woken(whom(w));
    __real_waker_wake(w);
}
