#define _POSIX_C_SOURCE 200809L
// Exercise 03c: who frees the task? Several hold a job, from several threads, and nobody
// knows who will be the last. See exercise.h. As it stands no clone is counted, and
// nobody frees anything. Write the three functions, so that the last one who lets go drops
// the future, if it was never ready, and frees the job.
//
//     make try-03c     builds it, runs it, and says what happened
//     make hint-03c    a hint, and after that a stronger one
//
// By hand, in the chapter's directory: make my-03c && ./my-03c
//
// exercise.h lies in exercises/c/; beside it are the answers, so look at nothing else.
#include "exercise.h"

#include <stdlib.h>

// ---- your part ----

void job_clone(void *data) {
    struct job *job = data;
#ifndef CLONE_DOES_NOT_COUNT
    atomic_fetch_add(&job->refs, 1);
#else
    (void)job;
#endif
}

void job_wake(void *data) {
    struct job *job = data;
#ifdef QUEUES_TWICE
    atomic_fetch_add(&job->refs, 1);
    put_on_queue(job);
#else
#ifdef READS_THE_FUTURE
    if (job->future == NULL) {
        return;
    }
#endif
#ifdef LOOKS_THEN_SETS
    bool was_queued = atomic_load(&job->queued);
    atomic_store(&job->queued, true);
    if (!was_queued) {
#else
    if (!atomic_exchange(&job->queued, true)) {
#endif
#ifdef COUNTS_AFTERWARDS
        put_on_queue(job);
        atomic_fetch_add(&job->refs, 1);
#else
#ifndef QUEUE_DOES_NOT_COUNT
        atomic_fetch_add(&job->refs, 1); // the queue's, before it can let go
#endif
        put_on_queue(job);
#endif
    }
#endif
}

void job_release(void *data) {
    struct job *job = data;
#ifdef NEVER_FREES
    atomic_fetch_sub(&job->refs, 1);
    return;
#endif
#ifdef FREES_AT_ONCE
    atomic_fetch_sub(&job->refs, 1);
    if (job->future != NULL) {
        return;
    }
#else
    if (atomic_fetch_sub(&job->refs, 1) != 1) {
        return;
    }
#endif
#ifndef FORGETS_THE_FUTURE
    if (job->future != NULL) {
        future_drop(job->future);
    }
#endif
    free(job);
}

// ---- to here ----

const struct waker_ops job_waker = {job_clone, job_wake, job_release};
