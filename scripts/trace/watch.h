// A future is moved when it becomes a task, so its address tells nothing. But it
// takes along the pointer to its table of functions. So a future that is watched
// is given a table of our own, which calls the functions of its own one; and that
// table tells which task it is, wherever the future lies.
//
// Compiled for each chapter with the chapter's own future.h.
#ifndef TRACE_WATCH_H
#define TRACE_WATCH_H

#include "future.h"

#include "polls.h"

struct watch {
    struct future_ops ops; // what the future has instead of its own
    const struct future_ops *own;
    struct watched *task;
};

// From now on f is watched, as a task that begins here. RETURNS NULL if nobody
// wants to know; then f is as it was. Who has moved f gives the old place back its
// own table, for another future may be moved from there.
struct watched *watch(struct future *f, enum task_kind kind);

// Of a future that is watched.
const struct watch *watch_of(const struct future *f);

// Calls the poll of the future's own table, between poll_begins and poll_ends.
// What a poll is given differs: see wrap_futures.c and wrap_polls.c.
extern const struct future_ops watching; // only its poll is set

#endif
