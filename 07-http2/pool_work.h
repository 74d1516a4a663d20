// Work that takes long, as a future: a thread of libuv's pool does it, and the
// loop stays free meanwhile. In the Rust text this is spawn_blocking.
#ifndef POOL_WORK_H
#define POOL_WORK_H

#include "future.h"

#include <uv.h>

// RETURNS a future without output that is ready when the pool has called work;
// NULL: no memory. Like every future it begins with the first poll. For futures
// that run on this loop.
struct future *pool_work(uv_loop_t *loop, void (*work)(void));

#endif
