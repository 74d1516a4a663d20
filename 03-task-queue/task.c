#define _POSIX_C_SOURCE 200809L
// The life of a task: who may run it, who may wake it, who frees it.
#include "task.h"

#include <setjmp.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// ---- States and events ----

// A task is in one of five states. Only the step into SCHEDULED puts it on a
// queue, so it is never there twice, and only whoever took it from the queue
// polls it, so it is never polled by two threads at once.
//
//   state \ event   wake            run        pending      ready, panic,
//                                                           cancelled
//   IDLE            SCHEDULED, on   -          -            -
//                   the queue
//   SCHEDULED       stays           RUNNING    -            -
//   RUNNING         RUNNING_WOKEN   -          IDLE         DONE
//   RUNNING_WOKEN   stays           -          SCHEDULED,   DONE
//                                              on the queue
//   DONE            stays           -          -            -
//
// RUNNING_WOKEN is the state that one forgets at first. Without it, a wake that
// comes while the future is being polled is lost, and the task sleeps for ever.
enum state { IDLE, SCHEDULED, RUNNING, RUNNING_WOKEN, DONE };

static const enum state after_wake[] = {
    [IDLE] = SCHEDULED,
    [SCHEDULED] = SCHEDULED,
    [RUNNING] = RUNNING_WOKEN,
    [RUNNING_WOKEN] = RUNNING_WOKEN,
    [DONE] = DONE,
};

// Who waits for the end. The handle writes the waker and then says AWAITED;
// the worker says FINISHED. Whoever comes second sees what the first has done:
// so no waker is missed, and no lock is needed.
enum awaiting { ALONE, AWAITED, FINISHED };

struct task {
    struct channel_node node; // the queue's, while SCHEDULED
    _Atomic enum state state;
    atomic_int refs; // the handle, the queue or the worker, and each waker
    atomic_bool cancelled;
    _Atomic enum awaiting awaiting;
    struct waker awaiter;      // owned; set while AWAITED
    enum task_outcome outcome; // set before FINISHED
    task_schedule *schedule;
    struct future *future; // owned; touched only by who runs the task
    struct future join;    // the handle, seen as a future
    void *value;           // where that future puts the output
    size_t out_size;
    max_align_t output[];
};

// ---- References ----

static void task_ref(struct task *t) {
    // Relaxed is enough: whoever adds a reference has one already.
    atomic_fetch_add_explicit(&t->refs, 1, memory_order_relaxed);
}

// CONSUMES one reference; the last one frees. The future is still there if the
// task is detached and asleep, and now nobody is left who could wake it.
static void task_unref(struct task *t) {
    if (atomic_fetch_sub_explicit(&t->refs, 1, memory_order_acq_rel) != 1) {
        return;
    }
    if (t->future != NULL) {
        future_drop(t->future);
    }
    waker_drop(&t->awaiter);
    free(t);
}

struct channel_node *task_node(struct task *t) {
    return &t->node;
}

// The node is the task's first member, so both have the same address.
struct task *task_of(struct channel_node *node) {
    return (struct task *)node;
}

// ---- The end of a task ----

// CONSUMES one reference. The future goes first: whoever joins may rely on its
// resources being free.
static void finish(struct task *t, enum task_outcome outcome) {
    future_drop(t->future);
    t->future = NULL;
    t->outcome = outcome;
    atomic_store(&t->state, DONE);
    if (atomic_exchange(&t->awaiting, FINISHED) == AWAITED) {
        waker_wake(&t->awaiter);
    }
    task_unref(t);
}

// CONSUMES one reference. A closed executor means: the program is ending.
static void schedule(struct task *t) {
    if (!t->schedule(t)) {
        finish(t, TASK_CANCELLED);
    }
}

// ---- Waking ----

// The exchange happens even where the state stays the same: it is what makes
// the waker's own writes visible to the poll that follows. A plain look at the
// state would promise nothing of the kind.
static void wake(void *data) {
    struct task *t = data;
    enum state old = atomic_load(&t->state);
    while (!atomic_compare_exchange_weak(&t->state, &old, after_wake[old])) {
    }
    if (old == IDLE) {
        task_ref(t); // the queue's
        schedule(t);
    }
}

static struct waker clone(void *data);

static void drop(void *data) {
    task_unref(data);
}

static const struct waker_ops task_waker_ops = {clone, wake, drop};

static struct waker clone(void *data) {
    task_ref(data);
    return (struct waker){&task_waker_ops, data};
}

// ---- Running ----

static _Thread_local jmp_buf *landing; // where task_panic jumps to, or NULL

_Noreturn void task_panic(const char *why) {
    fprintf(stderr, "task panicked: %s\n", why);
    if (landing == NULL) {
        abort();
    }
    longjmp(*landing, 1);
}

// catch_unwind around one poll. False: it panicked. Nothing in here changes
// between setjmp and longjmp, so no local is in doubt after the jump.
static bool poll_catching(struct task *t, enum poll *poll) {
    // Lent to the poll on the worker's reference, so not counted.
    const struct waker waker = {&task_waker_ops, t};
    jmp_buf frame;
    if (setjmp(frame) != 0) {
        landing = NULL;
        return false;
    }
    landing = &frame;
    *poll = future_poll(t->future, &waker, t->output);
    landing = NULL;
    return true;
}

// The poll said pending. CONSUMES one reference.
static void rest(struct task *t) {
    enum state woken = RUNNING;
    if (atomic_compare_exchange_strong(&t->state, &woken, IDLE)) {
        task_unref(t);
        return;
    }
    // An exchange, for the same reason as in wake: one more wake may just have
    // come, and the next poll must see what was written before it.
    atomic_exchange(&t->state, SCHEDULED);
    schedule(t);
}

void task_run(struct task *t) {
    // An exchange, for the same reason as in wake.
    atomic_exchange(&t->state, RUNNING);
    if (atomic_load(&t->cancelled)) {
        finish(t, TASK_CANCELLED);
        return;
    }
    enum poll poll = FUTURE_PENDING;
    if (!poll_catching(t, &poll)) {
        finish(t, TASK_PANICKED);
    } else if (poll == FUTURE_READY) {
        finish(t, TASK_COMPLETED);
    } else {
        rest(t);
    }
}

// ---- The handle ----

static struct task *task_of_join(struct future *self) {
    return (struct task *)((char *)self - offsetof(struct task, join));
}

// Leaves waker where the worker will find it. False: too late, the task is
// finished. A waker that is there already is first taken back.
static bool await_end(struct task *t, const struct waker *waker) {
    enum awaiting was = AWAITED;
    if (atomic_compare_exchange_strong(&t->awaiting, &was, ALONE)) {
        waker_drop(&t->awaiter);
        was = ALONE;
    }
    if (was == FINISHED) {
        return false;
    }
    t->awaiter = waker_clone(waker);
    return atomic_compare_exchange_strong(&t->awaiting, &was, AWAITED);
}

static enum poll join_poll(struct future *self, const struct waker *waker,
                           void *out) {
    struct task *t = task_of_join(self);
    if (await_end(t, waker)) {
        return FUTURE_PENDING;
    }
    if (t->outcome == TASK_COMPLETED && t->value != NULL) {
        memcpy(t->value, t->output, t->out_size);
    }
    *(enum task_outcome *)out = t->outcome;
    return FUTURE_READY;
}

static void join_drop(struct future *self) {
    task_unref(task_of_join(self));
}

static const struct future_ops join_ops = {join_poll, join_drop};

struct future *task_await(struct task *t, void *value) {
    t->value = value;
    return &t->join;
}

enum task_outcome task_join(struct task *t, void *out) {
    enum task_outcome outcome;
    block_on(task_await(t, out), &outcome);
    return outcome;
}

void task_detach(struct task *t) {
    task_unref(t);
}

// The wake makes the worker look at the flag.
void task_cancel(struct task *t) {
    atomic_store(&t->cancelled, true);
    wake(t);
}

// ---- Making one ----

struct task *task_new(struct future *f, size_t out_size,
                      task_schedule *put_on_queue) {
    struct task *t = calloc(1, sizeof *t + out_size);
    if (t == NULL) {
        future_drop(f);
        return NULL;
    }
    atomic_init(&t->state, SCHEDULED);
    atomic_init(&t->refs, 2); // the handle's and the queue's
    t->join.ops = &join_ops;
    t->schedule = put_on_queue;
    t->future = f;
    t->out_size = out_size;
    schedule(t);
    return t;
}
