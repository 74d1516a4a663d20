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

#include <pthread.h>

#ifdef RIGHT_COUNTS_UNDER_A_LOCK
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

static int add(struct job *job, int n) {
    pthread_mutex_lock(&mutex);
    int before = atomic_load(&job->refs);
    atomic_store(&job->refs, before + n);
    pthread_mutex_unlock(&mutex);
    return before;
}
#elif defined RIGHT_COMPARES_AND_SWAPS
static int add(struct job *job, int n) {
    int before = atomic_load(&job->refs);
    while (!atomic_compare_exchange_weak(&job->refs, &before, before + n)) {
    }
    return before;
}
#else
static int add(struct job *job, int n) {
    return atomic_fetch_add(&job->refs, n);
}
#endif

void job_clone(void *data) {
    add(data, 1);
#ifdef WRONG_CLONE_COUNTS_TWICE
    add(data, 1);
#endif
}

void job_wake(void *data) {
    struct job *job = data;
#ifdef WRONG_NEVER_QUEUES
    return;
#endif
    if (!atomic_exchange(&job->queued, true)) {
        add(job, 1);
        put_on_queue(job);
    }
#ifdef WRONG_COUNTS_EACH_WAKE
    else {
        add(job, 1);
    }
#endif
#ifdef WRONG_A_WAKE_LETS_GO
    job_release(job);
#endif
#ifdef WRONG_THE_WAKE_OPENS_THE_QUEUE
    atomic_store(&job->queued, false);
#endif
}

void job_release(void *data) {
    struct job *job = data;
#ifdef WRONG_STOPS_AT_TWO
    if (add(job, -1) > 2) {
        return;
    }
#else
    if (add(job, -1) != 1) {
        return;
    }
#endif
#ifdef WRONG_DROPS_WHAT_WAS_READY
    future_drop(job->future);
#elif defined WRONG_FREES_THE_FUTURE
    free(job->future);
#else
    if (job->future != NULL) {
        future_drop(job->future);
    }
#endif
    free(job);
}

// ---- to here ----

const struct waker_ops job_waker = {job_clone, job_wake, job_release};
