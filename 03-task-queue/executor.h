// The task queue of the text: a channel of tasks and one worker that runs
// them. Built first in chapter 03.
#ifndef EXECUTOR_H
#define EXECUTOR_H

#include "task.h"

#include <stdbool.h>

// Moves f to a task for the worker; the first call builds the queue and starts
// the worker. CONSUMES f, which must own all it uses: it runs on another
// thread and may live as long as the program (in Rust: Send + 'static).
// RETURNS the handle (see task.h), or NULL with errno set when memory is out. If
// there is no queue or no worker to be had, the program ends and says so.
struct task *spawn_task(struct future *f);

// Has a first spawn_task built the queue and its worker?
bool executor_is_running(void);

#endif
