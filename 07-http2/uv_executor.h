// An executor that lives on a libuv loop: futures are polled between the loop's
// callbacks, on the loop's thread. In the Rust text this is TokioExecutor.
#ifndef UV_EXECUTOR_H
#define UV_EXECUTOR_H

#include "future.h"

#include <uv.h>

struct uv_executor;
struct uv_task;

// RETURNS an executor on loop, ended by uv_executor_stop; NULL: no memory.
struct uv_executor *uv_executor_start(uv_loop_t *loop);

// No future of it is left. CONSUMES e; its memory is freed by the loop.
void uv_executor_stop(struct uv_executor *e);

// Hands f over; it is polled soon, not now. Its output must be nothing.
// CONSUMES f. RETURNS the task, ended by uv_task_cancel; NULL: no memory.
// Only on the loop's thread.
struct uv_task *uv_execute(struct uv_executor *e, struct future *f);

// Drops the future, unless it is finished already, and gives the task back.
// CONSUMES t. On the loop's thread, and not from inside the future itself.
void uv_task_cancel(struct uv_task *t);

// Polls what is ready now. The loop does it by itself; a protocol that has just
// made several futures ready calls it to have their answers at once.
void uv_executor_run(struct uv_executor *e);

#endif
