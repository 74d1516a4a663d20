#define _POSIX_C_SOURCE 200809L
// Chapters 03 and 04: futures that are polled with a waker, as tasks on a
// queue.
#include "executor.h"
#include "future.h"
#include "task.h"

#include "polls.h"
#include "threads.h"

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

// The worker is made by the first spawn.
struct task *__real_spawn_task(struct future *f, size_t out_size);
struct task *__wrap_spawn_task(struct future *f, size_t out_size) {
    struct thread *me = this_thread();
    task_begins(f, A_TASK);
    me->makes_workers = 1;
    me->workers_made = 0;
    struct task *t = __real_spawn_task(f, out_size);
    me->makes_workers = 0;
    task_has_handle(f, t);
    return t;
}

// Not seen by poll_ends: it jumps over it.
_Noreturn void __real_task_panic(const char *why);
_Noreturn void __wrap_task_panic(const char *why) {
    poll_panics();
    __real_task_panic(why);
}

enum task_outcome __real_task_join(struct task *t, void *out);
enum task_outcome __wrap_task_join(struct task *t, void *out) {
    struct thread *me = this_thread();
    me->waits_for = task_name_by_handle(t);
    enum task_outcome outcome = __real_task_join(t, out);
    me->waits_for = NULL;
    return outcome;
}
