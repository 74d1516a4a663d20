#define _POSIX_C_SOURCE 200809L
// Exercise 05c: one slow client. Each message costs 0.15 s of work, and as it stands the loop
// does it, while all others wait. Let the pool of libuv do the work, and the loop answer. A
// client may leave while the pool still works for it. See exercise.h, and pool_work.c of
// this chapter for the call of uv_queue_work.
//
//     make try-05c     builds it, runs it, and says what happened
//     make hint-05c    a hint, and after that a stronger one
//
// By hand, in the chapter's directory: make my-05c && ./my-05c
//
// exercise.h lies in exercises/c/; beside it are the answers, so look at nothing else.
#include "exercise.h"

#include <stdlib.h>
#include <string.h>

// ---- your part ----

struct job {
#ifdef RIGHT_ASKS_FOR_ITS_DATA
    int number; // so that the request is not the first
#endif
    uv_work_t request;
    struct client *client;
    size_t size;
    char *bytes;
};

static void on_pool_thread(uv_work_t *request) {
    struct job *job = request->data;
#ifdef WRONG_WORKS_TOO_LATE
    (void)job;
#else
    work(job->bytes, job->size);
#endif
#ifdef WRONG_LOOKS_FROM_THE_POOL
    if (job->client != NULL) {
        send_back(job->client, job->bytes, job->size);
        job->client = NULL;
    }
#endif
}

static void on_work_done(uv_work_t *request, int status) {
    struct job *job = request->data;
#ifdef WRONG_WORKS_TOO_LATE
    work(job->bytes, job->size);
#endif
#ifdef WRONG_NEVER_ANSWERS
    job->client = NULL;
#endif
    if (job->client != NULL && status == 0) {
#ifndef WRONG_LEAVES_A_STALE_POINTER
        *state_of(job->client) = NULL;
#endif
        send_back(job->client, job->bytes, job->size);
    }
#ifdef WRONG_NEVER_FREES
    return;
#endif
    free(job->bytes);
    free(job);
}

void on_bytes(struct client *c, const char *bytes, size_t size) {
    struct job *job = calloc(1, sizeof *job);
    char *copy = malloc(size);
    if (job == NULL || copy == NULL) {
        abort();
    }
    memcpy(copy, bytes, size);
    job->request.data = job;
    job->client = c;
    job->size = size;
    job->bytes = copy;
#ifdef WRONG_ANSWERS_BEFORE_THE_WORK
    send_back(c, copy, size);
    job->client = NULL;
#else
    *state_of(c) = job;
#endif
#ifdef WRONG_ONE_JOB_FOR_ALL
    static struct job shared;
    free(job->bytes);
    free(job);
    job = &shared;
    job->request.data = job;
    job->client = c;
    job->bytes = copy;
    job->size = size;
#endif
    uv_queue_work(loop_of(c), &job->request, on_pool_thread, on_work_done);
}

void on_left(struct client *c) {
    struct job *job = *state_of(c);
    if (job == NULL) {
        return;
    }
#ifdef WRONG_FREES_WHAT_THE_POOL_HAS
    free(job->bytes);
    free(job);
    return;
#endif
    job->client = NULL;
#ifdef RIGHT_TAKES_IT_BACK
    (void)uv_cancel((uv_req_t *)&job->request);
#endif
}

// ---- to here ----
