// 07d, for the answer and its scene. A work that the pool does, as a future: see pool_work.h.
#include "loop_executor.h"
#include "pool_work.h"

#include <stdlib.h>

// What the pool works on. It cannot lie inside the future, which may be dropped at any time:
// libuv has its request until job_is_over, and the pool has the rest until job_is_worked.
struct pool_job {
    uv_work_t request;
    struct loop_executor *executor;
    void (*work)(const void *arg);
    const void *arg;
    bool is_over;      // libuv is done with the request; for the loop's thread
    bool is_abandoned; // nobody awaits it any more; for the loop's thread

    pthread_mutex_t mutex; // guards what follows, from both threads
    bool is_worked;
    struct waker waker; // of whoever awaits it; owned
};
