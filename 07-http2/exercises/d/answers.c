#define _POSIX_C_SOURCE 200809L
// Exercise 07d: the client changed its mind. This file takes the place of pool_work.c. A
// thread of the pool works for a request, and its client takes the request back, so that the
// future is dropped. Nobody can stop a thread half way. As it stands, the job is freed under
// the hands of the pool. Write what happens when the work is done, when libuv has done with
// the job, and when the future is dropped; the drop must not wait, nobody may be woken who has
// gone, and each job is freed once. See exercise.h.
//
//     make try-07d     builds it, runs it, and says what happened
//     make hint-07d    a hint, and after that a stronger one
//
// By hand, in the chapter's directory: make my-07d && ./my-07d
//
// exercise.h lies in exercises/d/; beside it are the answers, so look at nothing else.
#include "exercise.h"

static void job_free(struct pool_job *job) {
    pthread_mutex_destroy(&job->mutex);
    free(job);
}

// ---- your part ----

// RETURNS the waker that was there; it is ours now.
static struct waker take_waker(struct pool_job *job, bool is_worked) {
    pthread_mutex_lock(&job->mutex);
    struct waker waker = waker_take(&job->waker);
    job->is_worked = job->is_worked || is_worked;
    pthread_mutex_unlock(&job->mutex);
    return waker;
}

static void job_is_worked(struct pool_job *job) {
    struct waker waker = take_waker(job, true);
#ifndef WAKES_NOBODY
    waker_wake(&waker);
#endif
    waker_drop(&waker);
}

// Two must have done with it, and the second frees: libuv here, or the drop below.
static void job_is_over(struct pool_job *job) {
    job->is_over = true;
#ifdef FREES_WHEN_IT_IS_OVER
    job_free(job);
    return;
#endif
#ifndef LEAKS
    if (job->is_abandoned) {
        job_free(job);
    }
#endif
}

static void work_drop(struct future *self) {
    struct pool_job *job = ((struct pool_work *)self)->job;
    if (job == NULL) {
        return;
    }
#ifdef WAITS_IN_DROP
    while (!job->is_over) {
        uv_run(job->executor->loop, UV_RUN_ONCE);
    }
#endif
#ifndef ANSWERS_THE_DEAD
    struct waker waker = take_waker(job, false);
    waker_drop(&waker);
#endif
#ifdef FREES_AT_ONCE
    job_free(job);
    return;
#endif
    if (job->is_over) {
        job_free(job);
    } else {
        job->is_abandoned = true;
        (void)uv_cancel((uv_req_t *)&job->request); // if it has not begun
    }
}

// ---- to here ----

static void on_pool_thread(uv_work_t *request) {
    struct pool_job *job = request->data;
    job->work(job->arg);
    job_is_worked(job);
}

static void on_done(uv_work_t *request, int status) {
    struct pool_job *job = request->data;
    (void)status; // also if it was cancelled before it began
    job->executor->jobs--;
    job_is_over(job);
}

static void begin(struct pool_work *me) {
    struct pool_job *job = calloc(1, sizeof *job);
    if (job == NULL || pthread_mutex_init(&job->mutex, NULL) != 0) {
        abort();
    }
    job->request.data = job;
    job->executor = me->executor;
    job->work = me->work;
    job->arg = me->arg;
    me->job = job;
    me->executor->jobs++;
    (void)uv_queue_work(me->executor->loop, &job->request, on_pool_thread,
                        on_done);
}

static enum poll_result work_poll(struct future *self,
                                  const struct waker *waker, void *out) {
    struct pool_work *me = (struct pool_work *)self;
    (void)out;
    if (me->job == NULL) {
        begin(me);
    }
    pthread_mutex_lock(&me->job->mutex);
    struct waker old = waker_take(&me->job->waker);
    bool is_worked = me->job->is_worked;
    if (!is_worked) {
        me->job->waker = waker_clone(waker);
    }
    pthread_mutex_unlock(&me->job->mutex);
    waker_drop(&old);
    return is_worked ? FUTURE_READY : FUTURE_PENDING;
}

struct pool_work pool_work(struct loop_executor *e,
                           void (*work)(const void *arg), const void *arg) {
    static const struct future_ops ops = {sizeof(struct pool_work), 0,
                                          work_poll, work_drop};
    return (struct pool_work){
        .base = {&ops}, .executor = e, .work = work, .arg = arg};
}
