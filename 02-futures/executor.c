#define _POSIX_C_SOURCE 200809L
// A mutex, a list and N threads. A worker takes a future from the front of the
// list, polls it once, and puts it at the back if it is still pending. So it
// asks everybody, all the time, whether or not there is news: look at the CPU
// seconds. Chapter 03 is about not having to.
#include "executor.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// A lock fails only when the program is wrong. It is not an assert, because
// -DNDEBUG would delete the call with it.
static void must(int error, const char *what) {
    if (error != 0) {
        fprintf(stderr, "executor: %s: %s\n", what, strerror(error));
        abort();
    }
}

// A spawned future. It has two owners, the executor that polls it and the
// handle that waits for it, and the one that lets go last frees it.
struct job {
    struct future handle; // what executor_spawn gives out
    struct job *next;     // the list's
    struct future *future;
    int output; // written before done
    atomic_bool done;
    atomic_int owners;
};

struct executor {
    pthread_mutex_t mutex; // guards first, end and stopping
    pthread_cond_t changed;
    struct job *first;
    struct job **end; // where the next job is hooked in: the last one's next
    bool stopping;
    int workers;
    pthread_t threads[];
};

// ---- Jobs ----

static void job_release(struct job *job) {
    if (atomic_fetch_sub(&job->owners, 1) == 1) {
        free(job);
    }
}

// The executor lets go. If the future never became ready, neither does the
// handle.
static void job_leave(struct job *job) {
    future_drop(job->future);
    job_release(job);
}

// The handle is the first member, so both have the same address.
static enum poll handle_poll(struct future *self, int *out) {
    struct job *job = (struct job *)self;
    if (!atomic_load(&job->done)) {
        return FUTURE_PENDING;
    }
    *out = job->output;
    return FUTURE_READY;
}

static void handle_drop(struct future *self) {
    job_release((struct job *)self);
}

static const struct future_ops handle_ops = {handle_poll, handle_drop};

static struct job *job_new(struct future *f) {
    struct job *job = malloc(sizeof *job);
    if (job == NULL) {
        future_drop(f);
        return NULL;
    }
    *job = (struct job){.handle = {&handle_ops}, .future = f};
    atomic_init(&job->owners, 2);
    return job;
}

// ---- The list ----

static void put_back(struct executor *e, struct job *job) {
    job->next = NULL;
    must(pthread_mutex_lock(&e->mutex), "lock");
    *e->end = job;
    e->end = &job->next;
    must(pthread_cond_signal(&e->changed), "signal");
    must(pthread_mutex_unlock(&e->mutex), "unlock");
}

// Waits only while the list is empty. RETURNS NULL when it is time to stop.
static struct job *take_out(struct executor *e) {
    must(pthread_mutex_lock(&e->mutex), "lock");
    while (e->first == NULL && !e->stopping) {
        must(pthread_cond_wait(&e->changed, &e->mutex), "wait");
    }
    struct job *job = e->stopping ? NULL : e->first;
    if (job != NULL) {
        e->first = job->next;
        if (e->first == NULL) {
            e->end = &e->first;
        }
    }
    must(pthread_mutex_unlock(&e->mutex), "unlock");
    return job;
}

// ---- The workers ----

// While a job is out of the list nobody else can poll it.
static void *work(void *arg) {
    struct executor *e = arg;
    struct job *job;
    while ((job = take_out(e)) != NULL) {
        if (future_poll(job->future, &job->output) == FUTURE_READY) {
            atomic_store(&job->done, true);
            job_leave(job);
        } else {
            put_back(e, job);
        }
    }
    return NULL;
}

struct executor *executor_start(int workers) {
    if (workers < 1) { // nobody would ever poll
        errno = EINVAL;
        return NULL;
    }
    struct executor *e =
        calloc(1, sizeof *e + (size_t)workers * sizeof e->threads[0]);
    if (e == NULL) {
        return NULL;
    }
    e->end = &e->first;
    must(pthread_mutex_init(&e->mutex, NULL), "mutex");
    must(pthread_cond_init(&e->changed, NULL), "condition");
    while (e->workers < workers) {
        pthread_t *thread = &e->threads[e->workers];
        int error = pthread_create(thread, NULL, work, e);
        if (error != 0) {
            executor_stop(e);
            errno = error;
            return NULL;
        }
        e->workers++;
    }
    return e;
}

struct future *executor_spawn(struct executor *e, struct future *f) {
    struct job *job = job_new(f);
    if (job == NULL) {
        return NULL;
    }
    put_back(e, job);
    return &job->handle;
}

void executor_stop(struct executor *e) {
    must(pthread_mutex_lock(&e->mutex), "lock");
    e->stopping = true;
    must(pthread_cond_broadcast(&e->changed), "broadcast");
    must(pthread_mutex_unlock(&e->mutex), "unlock");
    for (int i = 0; i < e->workers; i++) {
        must(pthread_join(e->threads[i], NULL), "join");
    }
    while (e->first != NULL) {
        struct job *job = e->first;
        e->first = job->next;
        job_leave(job);
    }
    must(pthread_cond_destroy(&e->changed), "destroy condition");
    must(pthread_mutex_destroy(&e->mutex), "destroy mutex");
    free(e);
}
