#define _POSIX_C_SOURCE 200809L
// The pool's thread does the work, and calls the waker of whoever awaits it: from
// there the task goes onto the loop's queue, and the bell rings.
#include "pool_work.h"

#include "loop_executor.h"
#include "must.h"

#include <stdatomic.h>
#include <stdlib.h>

// Cannot lie inside the future: that may be dropped at any time, but libuv has its
// job until on_done. So both own it, and the last one frees it.
struct pool_job {
    uv_work_t request;      // first, so that libuv's request is our job
    struct pool_work asked; // a copy of the future that has begun it
    int owners;             // only the loop's thread counts them
    atomic_bool done;
    pthread_mutex_t mutex; // guards the waker
    struct waker waker;
};

// RETURNS the waker that was there before.
static struct waker exchange(struct pool_job *job, struct waker waker) {
    must(pthread_mutex_lock(&job->mutex), "pool_work: lock");
    struct waker before = job->waker;
    job->waker = waker;
    must(pthread_mutex_unlock(&job->mutex), "pool_work: unlock");
    return before;
}

// ---- On a thread of the pool ----

static void on_pool_thread(uv_work_t *request) {
    struct pool_job *job = (struct pool_job *)request;
    job->asked.work(job->asked.arg);
    job->done = true; // first: a waker that comes too late for us sees it
    struct waker waker = exchange(job, (struct waker){0});
    waker_wake(&waker);
    waker_drop(&waker);
}

// ---- On the loop's thread ----

static void disown(struct pool_job *job) {
    if (--job->owners == 0) {
        must(pthread_mutex_destroy(&job->mutex), "pool_work: mutex");
        free(job);
    }
}

static void on_done(uv_work_t *request, int status) {
    struct pool_job *job = (struct pool_job *)request;
    (void)status; // cancelled only if nobody awaits it any more
    job->asked.executor->jobs--;
    disown(job);
}

// RETURNS false when memory is out.
static bool begin(struct pool_work *me) {
    struct pool_job *job = calloc(1, sizeof *job);
    if (job == NULL) {
        return false;
    }
    must(pthread_mutex_init(&job->mutex, NULL), "pool_work: mutex");
    job->asked = *me;
    job->owners = 2;
    me->job = job;
    me->executor->jobs++;
    // It fails only without a function to call.
    (void)uv_queue_work(me->executor->loop, &job->request, on_pool_thread,
                        on_done);
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
    struct waker before = exchange(me->job, waker_clone(waker));
    waker_drop(&before);
    return me->job->done ? FUTURE_READY : FUTURE_PENDING;
}

// Nobody can stop a thread half way. Work that still waits for one is taken
// back, and work under way goes on for nothing: it is abandoned.
static void work_drop(struct future *self) {
    struct pool_job *job = ((struct pool_work *)self)->job;
    if (job != NULL) {
        struct waker before = exchange(job, (struct waker){0});
        waker_drop(&before);
        (void)uv_cancel((uv_req_t *)&job->request); // not what has begun
        disown(job);
    }
}

static const struct future_ops work_ops = {sizeof(struct pool_work), 0,
                                           work_poll, work_drop};

struct pool_work pool_work(struct loop_executor *e,
                           void (*work)(const void *arg), const void *arg) {
    return (struct pool_work){{&work_ops}, e, work, arg, NULL};
}
