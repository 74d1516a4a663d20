// Work that takes long, as a future: a thread of libuv's pool does it, and the
// loop stays free meanwhile. In the Rust text this is spawn_blocking.
#ifndef POOL_WORK_H
#define POOL_WORK_H

#include "future.h"

struct loop_executor;

struct pool_work {
    struct future base;
    struct loop_executor *executor; // borrowed
    void (*work)(const void *arg);
    const void *arg;      // borrowed until work has returned, whoever drops us
    struct pool_job *job; // made by the first poll; libuv owns it, too
};

// A future without output that is ready when the pool has called work(arg). Like
// every future it begins with the first poll. For futures that run on this
// executor.
struct pool_work pool_work(struct loop_executor *e,
                           void (*work)(const void *arg), const void *arg);

// Before the first work: sees that the pool's threads can be made, and ends the
// program with a message if not.
void pool_prepare(void); // pool_start.c

#endif
