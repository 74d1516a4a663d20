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

#include <stdatomic.h>

static void job_is_worked(struct pool_job *job) {
#ifdef WRONG_WAKES_UNDER_THE_LOCK
    pthread_mutex_lock(&job->mutex);
    job->is_worked = true;
    waker_wake(&job->waker);
    struct waker mine = waker_take(&job->waker);
    waker_drop(&mine);
    pthread_mutex_unlock(&job->mutex);
    return;
#endif
#ifdef WRONG_LOOKS_WHO_IS_THERE
    if (job->is_abandoned) {
        return; // the loop's thread writes it
    }
#endif
    pthread_mutex_lock(&job->mutex);
#ifndef WRONG_FORGETS_TO_SAY_SO
    job->is_worked = true;
#endif
    struct waker waker = waker_take(&job->waker);
    pthread_mutex_unlock(&job->mutex);
#ifdef RIGHT_WAKES_ON_THE_LOOP
    pthread_mutex_lock(&job->mutex);
    job->waker = waker; // for job_is_over
    pthread_mutex_unlock(&job->mutex);
#else
    waker_wake(&waker);
#ifdef WRONG_WAKES_TWICE
    waker_wake(&waker);
#endif
#ifndef WRONG_KEEPS_THE_WAKER
    waker_drop(&waker);
#endif
#endif
#ifdef WRONG_FREES_ON_THE_POOLS_THREAD
    if (job->is_abandoned) {
        job_free(job);
    }
#endif
}

static void job_is_over(struct pool_job *job) {
#ifdef RIGHT_WAKES_ON_THE_LOOP
    pthread_mutex_lock(&job->mutex);
    struct waker waker = waker_take(&job->waker);
    pthread_mutex_unlock(&job->mutex);
    waker_wake(&waker);
    waker_drop(&waker);
#endif
    job->is_over = true;
    if (job->is_abandoned) {
        job_free(job);
    }
}

static void work_drop(struct future *self) {
    struct pool_work *me = (struct pool_work *)self;
    struct pool_job *job = me->job;
#ifndef WRONG_FORGETS_THE_UNPOLLED
    if (job == NULL) {
        return;
    }
#endif
    pthread_mutex_lock(&job->mutex);
    struct waker waker = waker_take(&job->waker);
    bool is_worked = job->is_worked;
    pthread_mutex_unlock(&job->mutex);
#ifndef WRONG_FORGETS_THE_WAKER
    waker_drop(&waker);
#endif
#ifdef WRONG_TAKES_WORKED_FOR_OVER
    if (is_worked) {
#else
    (void)is_worked;
    if (job->is_over) {
#endif
#ifdef WRONG_FREES_WHAT_STANDS_IN_LINE
        job_free(job);
    } else if (uv_cancel((uv_req_t *)&job->request) == 0) {
#endif
        job_free(job);
#ifdef WRONG_NEVER_ABANDONS
        return;
    }
#else
    } else {
        job->is_abandoned = true;
    }
#endif
#ifdef RIGHT_FORGETS_THE_JOB
    me->job = NULL;
#endif
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
