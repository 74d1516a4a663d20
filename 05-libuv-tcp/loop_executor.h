// An executor that lives on a libuv loop: it polls futures between the loop's
// callbacks, on the loop's thread. Its tasks are those of chapter 03, to the
// letter. In the Rust text this is what tokio does inside; built first in
// chapter 05.
#ifndef LOOP_EXECUTOR_H
#define LOOP_EXECUTOR_H

#include "loop_sleep.h"
#include "task.h"

#include <pthread.h>
#include <uv.h>

struct loop_executor {
    uv_loop_t *loop;
    uv_prepare_t before_sleep;
    uv_async_t bell;             // wakes the loop, from any thread
    struct loop_timer timer;     // of all that sleep on this loop
    int jobs;                    // that the pool has of us, see pool_work.c
    void (*after_round)(void *); // NULL: nothing
    void *data;                  // what it gets
    int open_handles;            // of libuv, until it is gone
    pthread_mutex_t mutex;       // guards what follows
    struct channel_node *first, **last; // the queue
    bool closed;
};

// RETURNS an executor on loop, ended by loop_executor_stop; NULL: no memory.
// What was woken is polled in rounds: one in each turn of the loop, before it
// falls asleep. Each round ends with a call of after_round(data).
struct loop_executor *loop_executor_start(uv_loop_t *loop,
                                          void (*after_round)(void *data),
                                          void *data);

// Moves f into a task, which is polled in the next round. CONSUMES f. RETURNS
// the handle (see task.h), or NULL when memory is out. What f holds on to must
// not be gone before the loop runs again after task_cancel: then it is dropped.
struct task *loop_spawn(struct loop_executor *e, struct future *f);

// Wakes t and runs it at once, without a trip through the queue; but if it is
// there already, or this is its own poll, the next round runs it. On the loop's
// thread.
void loop_run_now(struct task *t);

// One more round, now. On the loop's thread, and not from inside a poll.
void loop_executor_run(struct loop_executor *e);

// CONSUMES e. Waits for work in the pool, drops the tasks that are cancelled,
// and polls no more. Memory is given back when the loop has run once again.
void loop_executor_stop(struct loop_executor *e);

// For loop_executor_start.c: the round before the loop falls asleep.
void loop_executor_before_sleep(uv_prepare_t *handle);

#endif
