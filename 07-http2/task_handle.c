#define _POSIX_C_SOURCE 200809L
// The handle of a task: how its end reaches whoever waits for it, and how to
// part with it before.
//
// The worker and whoever waits meet in one word of memory. At first it says
// TASK_ALONE. The one who waits leaves a waker in the task and then says
// TASK_AWAITED; the worker says TASK_FINISHED. Whoever comes second sees what the
// first has done, so no waker is missed, and no lock is needed.
#include "task.h"

#include <string.h>

// Leaves a clone of the waker with the task, for whoever finishes it to call.
// RETURNS false if it is too late: the task has finished. A waker that an
// earlier poll has left is taken back first, for this poll may have come with
// another one. If the task finishes between the two exchanges, the second one
// fails, and the new clone stays where it is until the task is freed.
static bool leave_waker(struct task *t, const struct waker *waker) {
    enum task_awaiting was = TASK_AWAITED;
    if (atomic_compare_exchange_strong(&t->awaiting, &was, TASK_ALONE)) {
        waker_drop(&t->awaiter);
        was = TASK_ALONE;
    }
    if (was == TASK_FINISHED) {
        return false;
    }
    t->awaiter = waker_clone(waker);
    return atomic_compare_exchange_strong(&t->awaiting, &was, TASK_AWAITED);
}

static enum poll_result handle_poll(struct future *self,
                                    const struct waker *waker, void *out) {
    struct task_future *me = (struct task_future *)self;
    struct task *t = me->task;
    if (leave_waker(t, waker)) {
        return FUTURE_PENDING;
    }
    if (t->outcome == TASK_COMPLETED && me->value != NULL) {
        memcpy(me->value, task_output(t), task_inner(t)->ops->out_size);
    }
    *(enum task_outcome *)out = t->outcome;
    return FUTURE_READY;
}

static void handle_drop(struct future *self) {
    task_unref(((struct task_future *)self)->task);
}

static const struct future_ops handle_ops = {sizeof(struct task_future),
                                             sizeof(enum task_outcome),
                                             handle_poll, handle_drop};

struct task_future task_as_future(struct task *t, void *value) {
    return (struct task_future){{&handle_ops}, t, value};
}

enum task_outcome task_join(struct task *t, void *out) {
    enum task_outcome outcome;
    struct task_future end = task_as_future(t, out);
    block_on(&end.base, &outcome);
    return outcome;
}

void task_detach(struct task *t) {
    task_unref(t);
}

// The wake makes the worker look at the flag.
void task_cancel(struct task *t) {
    atomic_store(&t->cancelled, true);
    task_wake(t);
}
