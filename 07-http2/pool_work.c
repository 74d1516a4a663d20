#define _POSIX_C_SOURCE 200809L
// Two threads, but no lock: the pool's thread only calls work, and libuv calls
// on_done on the loop's thread when that is over.
#include "pool_work.h"

#include <stdbool.h>
#include <stdlib.h>

// Cannot lie inside the future: that may be dropped at any time, but the pool
// and libuv have their job until on_done.
struct pool_job {
    uv_work_t request;
    void (*work)(void);
    bool done;
    bool abandoned; // nobody awaits it any more
    struct waker waker;
};

static void on_pool_thread(uv_work_t *request) {
    const struct pool_job *job = request->data;
    job->work();
}

static void on_done(uv_work_t *request, int status) {
    struct pool_job *job = request->data;
    (void)status; // cancelled only if it is abandoned, too
    if (job->abandoned) {
        free(job);
        return;
    }
    job->done = true;
    waker_wake(&job->waker);
}

// RETURNS false when memory is out.
static bool begin(struct pool_work *me) {
    struct pool_job *job = malloc(sizeof *job);
    if (job == NULL) {
        return false;
    }
    *job = (struct pool_job){.work = me->work};
    job->request.data = job;
    me->job = job;
    // It fails only without a function to call.
    (void)uv_queue_work(me->loop, &job->request, on_pool_thread, on_done);
    return true;
}

// Without memory for a job it asks for the next poll at once: there may be some
// by then.
static enum poll_result work_poll(struct future *self,
                                  const struct waker *waker, void *out) {
    struct pool_work *me = (struct pool_work *)self;
    (void)out;
    if (me->job == NULL && !begin(me)) {
        waker_wake(waker);
        return FUTURE_PENDING;
    }
    if (me->job->done) {
        return FUTURE_READY;
    }
    waker_drop(&me->job->waker);
    me->job->waker = waker_clone(waker);
    return FUTURE_PENDING;
}

// Nobody can stop a thread half way. Work that still waits for one is taken
// back, and work under way goes on for nothing; on_done frees both.
static void work_drop(struct future *self) {
    struct pool_job *job = ((struct pool_work *)self)->job;
    if (job == NULL) {
        return;
    }
    waker_drop(&job->waker);
    if (job->done) {
        free(job);
    } else {
        job->abandoned = true;
        (void)uv_cancel((uv_req_t *)&job->request);
    }
}

static const struct future_ops work_ops = {sizeof(struct pool_work), 0,
                                           work_poll, work_drop};

struct pool_work pool_work(uv_loop_t *loop, void (*work)(void)) {
    return (struct pool_work){{&work_ops}, work, loop, NULL};
}
