#define _POSIX_C_SOURCE 200809L
// Chapters 03, 04 and 07: futures that are polled with a waker, whoever runs
// them.
#include "future.h"

#include "polls.h"

#include <stddef.h>

enum poll_result __real_future_poll(struct future *f, const struct waker *waker,
                                    void *out);
enum poll_result __wrap_future_poll(struct future *f, const struct waker *waker,
                                    void *out) {
    if (!poll_begins(f, waker != NULL ? waker->data : NULL)) {
        return __real_future_poll(f, waker, out);
    }
    enum poll_result poll = __real_future_poll(f, waker, out);
    poll_ends(poll == FUTURE_READY);
    return poll;
}

void __real_future_drop(struct future *f);
void __wrap_future_drop(struct future *f) {
    task_ends(f);
    __real_future_drop(f);
}

void __real_waker_wake(const struct waker *w);
void __wrap_waker_wake(const struct waker *w) {
    task_is_woken(w->data);
    __real_waker_wake(w);
}
