// A task: a future on its way through an executor, and the handle to it. Built
// first in chapter 03; in the Rust text this is the crate async-task.
//
//   Rust                        here
//   async_task::spawn           task_new
//   Runnable::run               task_run
//   task.await                  task_as_future, and poll that
//   block_on(task)              task_join
//   task.detach()               task_detach
//   task.cancel().await         task_cancel, then task_join
//   dropping the handle         nothing: C drops nothing by itself
//
// Detaching lets the task run on unobserved, as dropping the handle does in
// tokio. In async-task, which the text uses, dropping the handle cancels.
#ifndef TASK_H
#define TASK_H

#include "channel.h"
#include "future.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

struct task;

enum task_outcome { TASK_COMPLETED, TASK_CANCELLED, TASK_PANICKED };

// ---- For those who spawn: the handle ----
// It is ended by exactly one of task_join, task_as_future and task_detach.

// Waits for the end. CONSUMES t. The output goes to *out, only if the task
// completed; out may be NULL. It blocks: never call it inside a poll.
enum task_outcome task_join(struct task *t, void *out);

// The handle as a future, for waiting inside another future. Its output is an
// enum task_outcome; the task's own output goes to *value.
struct task_future {
    struct future base;
    struct task *task; // owned
    void *value;       // NULL: nobody wants it
};

// CONSUMES t. Dropping the future before it is ready detaches the task. A task
// that awaits itself never ends.
struct task_future task_as_future(struct task *t, void *value);

// Lets the task run on, unobserved. CONSUMES t. The output is bytes to us: if
// it is a pointer that somebody must free, do not detach.
void task_detach(struct task *t);

// Asks for an early end; returns at once. BORROWS t. The worker drops the
// future between two polls, never in the middle of one; once the executor has
// closed, the caller does. A task that finishes first still counts as
// completed.
void task_cancel(struct task *t);

// ---- For futures ----

// Gives up on the running task: prints why, has its future dropped and its
// handle say TASK_PANICKED; the worker goes on. Outside a poll it ends the
// program. See panic.c for what this can do and what it cannot.
_Noreturn void task_panic(const char *why);

// ---- For executors ----

// Puts t on a queue of the executor. CONSUMES one reference to t when it
// RETURNS true; false means that the executor has closed, and the task is
// cancelled.
typedef bool task_schedule(void *executor, struct task *t);

// Moves f into a task and schedules it for the first time. CONSUMES f. RETURNS
// the handle, or NULL with errno set when memory is out.
struct task *task_new(struct future *f, task_schedule *schedule_in,
                      void *executor);

// Polls the task's future once. CONSUMES the queue's reference.
void task_run(struct task *t);

// ---- Inside ----
// For task.c, task_handle.c and panic.c, and for loop_run_now.c of chapter 05.

// Whether somebody still has to poll it; see the table in task.c.
enum task_state { TASK_IDLE, TASK_WOKEN, TASK_RUNNING };

// Who waits for the end; see task_handle.c.
enum task_awaiting { TASK_ALONE, TASK_AWAITED, TASK_FINISHED };

struct task {
    struct channel_node node; // the queue's, while the task is on it
    _Atomic enum task_state state;
    atomic_int refs; // the handle, the queue or the worker, and each waker
    _Atomic enum task_awaiting awaiting;
    atomic_bool cancelled;
    enum task_outcome outcome; // set before TASK_FINISHED
    task_schedule *schedule;
    void *executor;       // for schedule; borrowed
    struct waker awaiter; // owned; set while TASK_AWAITED
    max_align_t future[]; // moved in by task_new, and behind it the output
};

struct future *task_inner(struct task *t); // the future that was moved in
void *task_output(struct task *t);         // lies behind it

// The waker of a task, and who holds a pointer to one.
void task_ref(void *task);
void task_wake(void *task);
void task_unref(void *task); // CONSUMES one reference

// Polls the task's future. RETURNS false if it panicked; see panic.c.
bool poll_catching(struct task *t, const struct waker *w, enum poll_result *r);

#endif
