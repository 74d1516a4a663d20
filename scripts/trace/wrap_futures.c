#define _POSIX_C_SOURCE 200809L
// Chapter 02: futures that are polled without a waker, and their executor.
// Included are the chapter's own headers, so that the types are right.
#include "executor.h"

#include "threads.h"
#include "watch.h"

#include <stddef.h>

static enum poll_result poll_watched(struct future *f, void *out) {
    const struct watch *w = watch_of(f);
    bool is_told = poll_begins(w->task, NULL);
    enum poll_result result = w->own->poll(f, out);
    if (is_told) {
        poll_ends(result == FUTURE_READY);
    }
    return result;
}

const struct future_ops watching = {.poll = poll_watched};

static _Atomic(const struct future_ops *) handle_ops; // of all handles

static const char *task_of_handle(const struct future *f) {
    bool is_handle = f->ops == handle_ops;
    return is_handle ? task_name_by_handle(((const struct handle *)f)->job)
                     : NULL;
}

// A handle waits for its task, and asks all the time. Any other future is
// polled right here: seen from outside, that is one long poll.
void __real_block_on(struct future *f, void *out);
void __wrap_block_on(struct future *f, void *out) {
    struct thread *me = this_thread();
    const char *task = task_of_handle(f);
    bool is_task = f->ops == handle_ops;
    struct watched *w =
        is_task || me->inside != NULL ? NULL : task_begins(A_FUTURE);
    bool is_told = w != NULL && poll_begins(w, NULL);
    me->asks = me->lane != NULL;
    if (is_task) {
        trace_enter(me->lane, ON_CPU,
                    (struct about){"await", me->inside, task, me->task},
                    look(me));
    }
    __real_block_on(f, out);
    me->asks = false;
    if (is_told) {
        poll_ends(true);
        task_ends(w);
    } else {
        go_on(me);
    }
}

void __real_executor_start(int workers);
void __wrap_executor_start(int workers) {
    struct thread *me = this_thread();
    tasks_need_no_wake();
    me->makes_workers = workers;
    me->workers_made = 0;
    __real_executor_start(workers);
    me->makes_workers = 0;
}

struct handle __real_executor_spawn(struct future *f, void *value);
struct handle __wrap_executor_spawn(struct future *f, void *value) {
    const struct future_ops *own = f->ops;
    struct watched *w = watch(f, A_TASK);
    struct handle handle = __real_executor_spawn(f, value);
    f->ops = own;
    handle_ops = handle.base.ops;
    task_has_handle(w, handle.job);
    return handle;
}
