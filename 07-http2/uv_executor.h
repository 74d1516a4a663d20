// An executor that lives on a libuv loop: it polls futures between the loop's
// callbacks, on the loop's thread. In the Rust text this is TokioExecutor.
#ifndef UV_EXECUTOR_H
#define UV_EXECUTOR_H

#include "future.h"

#include <uv.h>

struct uv_executor;
struct uv_task;

// RETURNS an executor on loop, ended by uv_executor_stop; NULL: no memory.
// The futures that were woken are polled together, in rounds: one in each turn
// of the loop, before it falls asleep. Each round ends with a call of
// after_round(data), where all that the futures have produced can be sent
// together.
struct uv_executor *
uv_executor_start(uv_loop_t *loop, void (*after_round)(void *data), void *data);

// One more round, now. On the loop's thread only, and not from inside a future.
void uv_executor_run(struct uv_executor *e);

// Polls no more. CONSUMES e, when all of its tasks have ended. Wakers that are
// still about do no harm; the last of them frees the memory.
void uv_executor_stop(struct uv_executor *e);

// Moves f into a task; it is polled in the next round, and keeps the loop
// running until it is finished. CONSUMES f. Its output is nothing, so poll gets
// NULL for it. RETURNS the task, ended by uv_task_drop; NULL: no memory. On the
// loop's thread only.
struct uv_task *uv_execute(struct uv_executor *e, struct future *f);

// Ends a task; a future that is not finished is dropped half way. CONSUMES t.
// On the loop's thread only, and not from inside that future.
void uv_task_drop(struct uv_task *t);

#endif
