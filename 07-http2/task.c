#define _POSIX_C_SOURCE 200809L
// The life of a task: who may run it, who may wake it, who frees it.
//
// Three states are enough to know whether somebody has to poll the task. (In the
// table, they go without TASK_.)
//
//   event                   IDLE              WOKEN        RUNNING
//   a wake                  WOKEN, and onto   stays        WOKEN
//                           the queue
//   taken from the queue    -                 RUNNING      -
//   the poll was pending    -                 back onto    IDLE
//                                             the queue
//
// So WOKEN means: one more poll is coming. The task is on the queue, or the
// worker that is polling it will put it there. Only a wake in IDLE and the
// worker after its poll put a task on a queue: it is never there twice, so it
// is never polled by two workers at once.
//
// The wake in RUNNING is the one that is easily forgotten. If it changed
// nothing, the worker would go on to IDLE, and the task would sleep for ever.
//
// A finished task is never IDLE again. A wake that comes too late finds nothing
// to do.
#include "task.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

// ---- Who frees it ----

// Each pointer to a task is counted: the handle's, that of the queue or of the
// worker that took it from there, and that of each waker.
void task_ref(void *task) {
    struct task *t = task;
    atomic_fetch_add(&t->refs, 1);
}

// The last one frees. A task that has not finished is asleep then, and nobody
// is left who could wake it.
void task_unref(void *task) {
    struct task *t = task;
    if (atomic_fetch_sub(&t->refs, 1) != 1) {
        return;
    }
    if (atomic_load(&t->awaiting) != TASK_FINISHED) {
        future_drop(task_inner(t));
    }
    waker_drop(&t->awaiter);
    free(t);
}

// CONSUMES one reference. The future goes first: whoever joins may rely on its
// resources being free. The awaiter goes too, or two tasks that once awaited
// each other would keep each other for ever.
static void finish(struct task *t, enum task_outcome outcome) {
    future_drop(task_inner(t));
    t->outcome = outcome;
    if (atomic_exchange(&t->awaiting, TASK_FINISHED) == TASK_AWAITED) {
        waker_wake(&t->awaiter);
        waker_drop(&t->awaiter);
    }
    task_unref(t);
}

// ---- Waking ----

// CONSUMES one reference. A closed executor means that the program is ending.
// Then tasks that await each other end one inside the call of the other, as deep
// as their chain is long.
static void schedule(struct task *t) {
    if (!t->schedule(t->executor, t)) {
        finish(t, TASK_CANCELLED);
    }
}

// It exchanges even if the state was WOKEN already. That is how the poll gets to
// see what this thread has written before the wake; a plain look at the state
// would not promise it.
void task_wake(void *task) {
    struct task *t = task;
    if (atomic_exchange(&t->state, TASK_WOKEN) == TASK_IDLE) {
        task_ref(t); // the queue's
        schedule(t);
    }
}

static const struct waker_ops task_waker = {task_ref, task_wake, task_unref};

// ---- Running ----

// The exchange is the other half of that promise. After the poll, the state tells
// whether the task was woken meanwhile.
void task_run(struct task *t) {
    const struct waker waker = {&task_waker, t}; // lent, so not counted
    enum poll_result result = FUTURE_PENDING;
    enum task_state running = TASK_RUNNING;
    (void)atomic_exchange(&t->state, TASK_RUNNING);
    if (atomic_load(&t->cancelled)) {
        finish(t, TASK_CANCELLED);
    } else if (!poll_catching(t, &waker, &result)) {
        finish(t, TASK_PANICKED);
    } else if (result == FUTURE_READY) {
        finish(t, TASK_COMPLETED);
    } else if (atomic_compare_exchange_strong(&t->state, &running, TASK_IDLE)) {
        task_unref(t);
    } else {
        schedule(t);
    }
}

// ---- Making one ----

struct future *task_inner(struct task *t) {
    return (struct future *)t->future;
}

// Behind the future the output begins, on an address that is good for any type.
// Where there is none, no room is lost: a small task is a cheap one.
static size_t room_for(const struct future *f) {
    size_t unit = f->ops->out_size > 0 ? _Alignof(max_align_t) : 1;
    return (f->ops->size + unit - 1) / unit * unit;
}

void *task_output(struct task *t) {
    return (char *)t->future + room_for(task_inner(t));
}

// One allocation holds the task, its future and its output. The copy is the
// last time that the future moves. Once it is polled, it may hold pointers into
// itself, and others may hold pointers to it; after another copy they would
// point to the old place. Rust has the type Pin for a future that may not move
// any more. C has the rule.
struct task *task_new(struct future *f, task_schedule *schedule_in,
                      void *executor) {
    struct task *t = malloc(sizeof *t + room_for(f) + f->ops->out_size);
    if (t == NULL) {
        future_drop(f);
        errno = ENOMEM; // whatever the drop has made of it
        return NULL;
    }
    *t = (struct task){.state = TASK_WOKEN, // the first poll needs no wake
                       .refs = 2,           // the handle's and the queue's
                       .awaiting = TASK_ALONE,
                       .schedule = schedule_in,
                       .executor = executor};
    memcpy(t->future, f, f->ops->size);
    schedule(t);
    return t;
}
