// An executor with several workers, in three forms that differ in one thing:
// on which queue a task waits, and who may take it from there. It runs the
// same tasks as executor.h, which has one worker and one queue.
#ifndef STEALING_H
#define STEALING_H

#include "task.h"

enum sharing {
    SHARED_QUEUE, // one queue for all workers
    QUEUE_EACH,   // a queue for each worker; nobody takes from another's
    STEALING,     // the same, but who has nothing to do takes from another's
};

enum { most_workers = 64 }; // far more than a machine has use for here

// Starts the workers: at least one, at most most_workers. There is one such
// executor at a time. RETURNS 0, or an error number and then nothing runs.
int stealing_start(int workers, enum sharing sharing);

// Like spawn_task; from outside, tasks are dealt to the workers in turn.
struct task *stealing_spawn(struct future *f);

// Which worker runs the poll that calls this: 0 is the first.
int stealing_worker(void);

// Waits for the polls that are going on, cancels what is queued, and joins the
// workers.
void stealing_stop(void);

#endif
