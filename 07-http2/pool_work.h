// Work that takes long, as a future: a thread of libuv's pool does it, and the
// loop stays free meanwhile. In the Rust text this is spawn_blocking.
#ifndef POOL_WORK_H
#define POOL_WORK_H

#include "future.h"

#include <uv.h>

struct pool_work {
    struct future base;
    void (*work)(void);
    uv_loop_t *loop;
    struct pool_job *job; // made by the first poll; owned
};

// A future without output that is ready when the pool has called work. Like
// every future it begins with the first poll. For futures that run on this
// loop.
struct pool_work pool_work(uv_loop_t *loop, void (*work)(void));

#endif
