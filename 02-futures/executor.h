// An executor: a list of futures, and threads that poll them in turn.
#ifndef EXECUTOR_H
#define EXECUTOR_H

#include "future.h"

// What one gets for a future that is spawned: a future too, which is ready when
// that one is. It has no output of its own.
struct handle {
    struct future base;
    struct job *job;
    void *value; // where the spawned future's output goes; NULL: nowhere
};

// Starts the workers, at least one, which run until the program ends. If the
// system refuses a thread, the program ends and says so.
void executor_start(int workers);

// Moves f to the list; a worker will poll it until it is ready. CONSUMES f,
// whose old place may then be used for something else. The poll that finds the
// handle ready puts f's output into *value; before it, nothing is there. RETURNS
// the handle, ended by block_on or future_drop. Without memory, the program ends
// and says so.
struct handle executor_spawn(struct future *f, void *value);

#endif
