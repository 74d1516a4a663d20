#define _POSIX_C_SOURCE 200809L
// The life of a task: who may run it, who may wake it, who frees it.
#include "task.h"

#include <errno.h>
#include <limits.h>
#include <setjmp.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// ---- States and events ----

// Three states are enough to know whether somebody has to poll the task.
//
//   event                   IDLE              WOKEN        RUNNING
//   a wake                  WOKEN, and onto   stays        WOKEN
//                           the queue
//   taken from the queue    -                 RUNNING      -
//   the poll said pending   -                 back onto    IDLE
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
// A finished task is never IDLE again. A wake that comes too late finds
// nothing to do.
enum state { IDLE, WOKEN, RUNNING };

// Who waits for the end. The handle writes the waker and then says AWAITED;
// the worker says FINISHED. Whoever comes second sees what the first has done:
// so no waker is missed, and no lock is needed.
enum awaiting { ALONE, AWAITED, FINISHED };

struct task {
    struct channel_node node; // the queue's, while the task is on it
    _Atomic enum state state;
    atomic_int refs; // the handle, the queue or the worker, and each waker
    _Atomic enum awaiting awaiting;
    enum task_outcome outcome; // set before FINISHED
    atomic_bool cancelled;
    unsigned out_size; // of four bytes: it fills a hole, a task takes 80
    task_schedule *schedule;
    struct future *future; // owned; touched only by who runs the task
    struct waker awaiter;  // owned; set while AWAITED
    struct future join;    // the handle, seen as a future
    void *value;           // where that future puts the output
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
    // Whoever sees that its reference is the only one need not count down: no
    // one else is left who could add one.
    if (atomic_load_explicit(&t->refs, memory_order_acquire) != 1 &&
        atomic_fetch_sub_explicit(&t->refs, 1, memory_order_acq_rel) != 1) {
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
    if (atomic_exchange(&t->awaiting, FINISHED) == AWAITED) {
        waker_wake(&t->awaiter);
        // Kept until we are freed, it would keep the awaiter; and two tasks
        // that once awaited each other would keep each other for ever.
        waker_drop(&t->awaiter);
    }
    task_unref(t);
}

// CONSUMES one reference. A closed executor means: the program is ending. Then
// a chain of tasks that await each other ends by recursion, as deep as the
// chain is long.
static void schedule(struct task *t) {
    if (!t->schedule(t)) {
        finish(t, TASK_CANCELLED);
    }
}

// ---- Waking ----

// It writes even where the state stays the same: the write is what makes all
// that the waking thread did before visible to the poll that follows. Merely
// to look at the state would promise nothing of the kind.
static void wake(void *data) {
    struct task *t = data;
    if (atomic_exchange(&t->state, WOKEN) == IDLE) {
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
    enum state old = RUNNING;
    if (atomic_load(&t->state) == WOKEN ||
        !atomic_compare_exchange_strong(&t->state, &old, IDLE)) {
        schedule(t);
    } else {
        task_unref(t);
    }
}

void task_run(struct task *t) {
    // It also reads, to see what those did before who woke the task.
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

static bool is_finished(struct task *t) {
    return atomic_load(&t->awaiting) == FINISHED;
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
    if (!is_finished(t) && await_end(t, waker)) {
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
    struct future *end = task_await(t, out);
    if (!is_finished(t)) {
        block_on(end, &outcome);
        return outcome;
    }
    // Nothing to wait for. The poll is ready at once and needs no waker.
    future_poll(end, NULL, &outcome);
    future_drop(end);
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

// One allocation holds the task and its output. In async-task it holds the
// future, too, which saves about a third of the time to spawn and join; here
// the future comes from whoever made it.
struct task *task_new(struct future *f, size_t out_size,
                      task_schedule *put_on_queue) {
    struct task *t = NULL;
    if (out_size <= INT_MAX) {
        t = malloc(sizeof *t + out_size);
    }
    if (t == NULL) {
        future_drop(f);
        errno = ENOMEM;
        return NULL;
    }
    *t = (struct task){.state = WOKEN, // the first poll needs no wake
                       .refs = 2,      // the handle's and the queue's
                       .awaiting = ALONE,
                       .schedule = put_on_queue,
                       .future = f,
                       .join = {&join_ops},
                       .out_size = (unsigned)out_size};
    schedule(t);
    return t;
}
