// The task queue of the text: a channel of tasks and one worker that runs
// them. Built first in chapter 03.
#ifndef EXECUTOR_H
#define EXECUTOR_H

#include "task.h"

#include <stdbool.h>
#include <stddef.h>

// Hands f to the worker; the first call builds the queue and starts the
// worker. CONSUMES f, which must own all it uses: it runs on another thread
// and may live as long as the program (in Rust: Send + 'static). out_size is
// the size of f's output, 0 for none. RETURNS the handle (see task.h), or NULL
// with errno set when there is no memory or no thread left.
struct task *spawn_task(struct future *f, size_t out_size);

// Has a first spawn_task built the queue and its worker?
bool executor_is_running(void);

#endif
