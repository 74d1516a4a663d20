// An executor: a list of futures, and threads that poll them in turn.
#ifndef EXECUTOR_H
#define EXECUTOR_H

#include "future.h"

struct executor;

// Starts the worker threads, at least one. RETURNS an executor, ended by
// executor_stop; NULL, with errno set, if the system refuses.
struct executor *executor_start(int workers);

// Puts f on the list; a worker will poll it until it is ready. CONSUMES f.
// RETURNS the handle: a future too, whose output is f's output, ended by
// future_await or future_drop. NULL when memory is out.
struct future *executor_spawn(struct executor *e, struct future *f);

// Joins the workers once the polls they are in have returned. Futures that are
// still on the list are dropped, and their handles never become ready: await
// them before. CONSUMES e.
void executor_stop(struct executor *e);

#endif
