// A task: a future on its way through an executor, and the handle to it. Built
// first in chapter 03; in the Rust text this is the crate async-task.
//
//   Rust                        here
//   async_task::spawn           task_new
//   Runnable::run               task_run
//   task.await, block_on(task)  task_await, task_join
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

#include <stddef.h>

struct task;

enum task_outcome { TASK_COMPLETED, TASK_CANCELLED, TASK_PANICKED };

// ---- For those who spawn: the handle ----
// It is ended by exactly one of task_join, task_await and task_detach.

// Waits for the end. CONSUMES t. The output goes to *out, only if the task
// completed; out may be NULL. It blocks: never call it inside a poll.
enum task_outcome task_join(struct task *t, void *out);

// The handle as a future, for waiting inside another future. CONSUMES t.
// RETURNS a future, ended by block_on or future_drop; dropping it early
// detaches the task. Its output is an enum task_outcome; the task's own output
// goes to *value. A task that awaits itself never ends.
struct future *task_await(struct task *t, void *value);

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
// handle say TASK_PANICKED; the worker goes on. Outside a poll, so also when a
// future is being dropped, it ends the program. This is a jump, not Rust's
// unwinding: nothing between here and the poll is cleaned up, so hold no lock
// and no loose allocation. A wild pointer or a failed assert still ends the
// process.
_Noreturn void task_panic(const char *why);

// ---- For executors ----

// Puts t on a queue. CONSUMES one reference to t when it returns true; false
// means that the executor has closed, and the task is cancelled.
typedef bool task_schedule(struct task *t);

// Makes a task and schedules it for the first time. CONSUMES f. out_size is
// the size of f's output. RETURNS the handle, or NULL with errno
// set when memory is out.
struct task *task_new(struct future *f, size_t out_size,
                      task_schedule *schedule);

// Polls the task's future once. CONSUMES the queue's reference.
void task_run(struct task *t);

struct channel_node *task_node(struct task *t);  // for channel_send
struct task *task_of(struct channel_node *node); // from channel_receive

#endif
