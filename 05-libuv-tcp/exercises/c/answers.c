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

#ifdef WORKS_ON_THE_LOOP
void on_bytes(struct client *c, const char *bytes, size_t size) {
    char copy[100];
    memcpy(copy, bytes, size);
    work(copy, size);
    send_back(c, copy, size);
}

void on_left(struct client *c) {
    (void)c;
}
#else

#ifdef THREAD_PER_MESSAGE
#include <pthread.h>
#endif

// One message on its way through the pool.
struct job {
    uv_work_t request; // the first member, so its address is that of the job
    struct client *client; // NULL: it has left. For the loop's thread
    size_t size;
#ifdef KEEPS_THE_POINTER
    char *bytes;
#else
    char bytes[];
#endif
};

static void on_pool_thread(uv_work_t *request) {
    struct job *job = (struct job *)request;
    work(job->bytes, job->size);
#ifdef ANSWERS_FROM_THE_POOL
    send_back(job->client, job->bytes, job->size);
#endif
}

// On the loop's thread again.
static void on_work_done(uv_work_t *request, int status) {
    struct job *job = (struct job *)request;
    (void)status;
#ifndef ANSWERS_FROM_THE_POOL
    if (job->client != NULL) {
        *state_of(job->client) = NULL;
        send_back(job->client, job->bytes, job->size);
    }
#endif
    free(job);
}

#ifdef THREAD_PER_MESSAGE
static void *run(void *arg) {
    struct job *job = arg;
    work(job->bytes, job->size);
    send_back(job->client, job->bytes, job->size);
    free(job);
    return NULL;
}
#endif

void on_bytes(struct client *c, const char *bytes, size_t size) {
    struct job *job = malloc(sizeof *job + size);
    if (job == NULL) {
        abort();
    }
    job->client = c;
    job->size = size;
#ifdef KEEPS_THE_POINTER
    job->bytes = (char *)bytes;
#else
    memcpy(job->bytes, bytes, size);
#endif
#ifdef THREAD_PER_MESSAGE
    pthread_t thread;
    pthread_create(&thread, NULL, run, job);
    pthread_detach(thread);
    return;
#endif
#ifdef FORGETS_WHO_HAS_LEFT
    (void)state_of(c);
#else
    *state_of(c) = job;
#endif
#ifdef WAITS_ON_THE_LOOP
    uv_loop_t other;
    uv_loop_init(&other);
    uv_queue_work(&other, &job->request, on_pool_thread, on_work_done);
    uv_run(&other, UV_RUN_DEFAULT);
    uv_loop_close(&other);
    return;
#endif
    uv_queue_work(loop_of(c), &job->request, on_pool_thread, on_work_done);
}

// Nobody can stop a thread half way. The work goes on, and nobody hears of it.
void on_left(struct client *c) {
    struct job *job = *state_of(c);
    if (job != NULL) {
        job->client = NULL;
    }
}
#endif

// ---- to here ----
