#define _POSIX_C_SOURCE 200809L
// Chapter 07: each request is a future on the executor of its loop. Its lane is
// among the connections, for it is a stream of one of them. The loop's lane and
// the rest are in wrap_loop.c.
#include "future.h"
#include "uv_executor.h"

#include "polls.h"

enum poll __real_future_poll(struct future *f, const struct waker *waker,
                             void *out);
enum poll __wrap_future_poll(struct future *f, const struct waker *waker,
                             void *out) {
    if (!poll_begins(f, waker != NULL ? waker->data : NULL)) {
        return __real_future_poll(f, waker, out);
    }
    enum poll poll = __real_future_poll(f, waker, out);
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

struct uv_task *__real_uv_execute(struct uv_executor *e, struct future *f);
struct uv_task *__wrap_uv_execute(struct uv_executor *e, struct future *f) {
    task_begins(f, A_REQUEST);
    return __real_uv_execute(e, f);
}
