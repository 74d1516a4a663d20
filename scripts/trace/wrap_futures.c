#define _POSIX_C_SOURCE 200809L
// Chapter 02: futures that are polled without a waker, and their executor.
// Included are the chapter's own headers, so that the types are right.
#include "executor.h"
#include "future.h"

#include "polls.h"
#include "threads.h"

#include <stddef.h>

enum poll __real_future_poll(struct future *f, int *out);
enum poll __wrap_future_poll(struct future *f, int *out) {
    if (!poll_begins(f, NULL)) {
        return __real_future_poll(f, out);
    }
    enum poll poll = __real_future_poll(f, out);
    poll_ends(poll == FUTURE_READY);
    return poll;
}

void __real_future_drop(struct future *f);
void __wrap_future_drop(struct future *f) {
    task_ends(f);
    __real_future_drop(f);
}

// A handle waits for its task, and asks all the time. Any other future is
// polled right here: seen from outside, that is one long poll.
int __real_future_await(struct future *f);
int __wrap_future_await(struct future *f) {
    struct thread *me = this_thread();
    const char *task = task_name_by_handle(f);
    bool polls = task == NULL && me->inside == NULL && trace_is_on();
    if (polls) {
        task_begins(f, A_FUTURE);
        polls = poll_begins(f, NULL);
    }
    me->asks = me->lane != NULL;
    if (task != NULL) {
        trace_enter(me->lane, ON_CPU,
                    (struct about){"await", me->inside, task, me->task},
                    look(me));
    }
    int out = __real_future_await(f);
    me->asks = false;
    if (polls) {
        poll_ends(true);
        task_ends(f);
    } else {
        go_on(me);
    }
    return out;
}

struct executor *__real_executor_start(int workers);
struct executor *__wrap_executor_start(int workers) {
    struct thread *me = this_thread();
    tasks_need_no_wake();
    me->makes_workers = workers;
    me->workers_made = 0;
    struct executor *e = __real_executor_start(workers);
    me->makes_workers = 0;
    return e;
}

struct future *__real_executor_spawn(struct executor *e, struct future *f);
struct future *__wrap_executor_spawn(struct executor *e, struct future *f) {
    task_begins(f, A_TASK);
    struct future *handle = __real_executor_spawn(e, f);
    task_has_handle(f, handle);
    return handle;
}
