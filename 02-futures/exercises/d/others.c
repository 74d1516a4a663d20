#define _POSIX_C_SOURCE 200809L
// Exercise 02d: the lock and the poll. This file takes the place of executor.c. Two
// workers are there, and two futures that block for 0.2 seconds each. It takes 0.4
// seconds. Why? Change work, so that both workers are of use.
//
//     make try-02d     builds it, runs it, and says what happened
//     make hint-02d    a hint, and after that a stronger one
//
// By hand, in 02-futures: make my-02d && ./my-02d
#include "executor.h"

#include "must.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sched.h>
#include <stdbool.h>

// A spawned future and its output, in one block of memory. It has two owners,
// the executor that polls it and the handle that waits for it, and the one that
// lets go last frees it.
struct job {
    struct job *next; // the list's
    atomic_int owners;
    atomic_bool done;     // set when the output is there
    char *output;         // in this block too, behind the future
    max_align_t future[]; // room for any kind of future
};

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER; // guards the list
static struct job *first, *last;
static pthread_cond_t arrived = PTHREAD_COND_INITIALIZER;

// ---- Jobs ----

static struct future *future_of(struct job *job) {
    return (struct future *)job->future;
}

// The copy is the last time that the future moves. Once it is polled, it may
// hold pointers into itself, and others may hold pointers to it; after another
// copy they would point to the old place. Rust has the type Pin for a future
// that may not move any more. C has the rule.
static struct job *job_new(const struct future *f) {
    size_t unit = sizeof(max_align_t); // the output begins on a whole one
    size_t room = (f->ops->size + unit - 1) / unit * unit;
    struct job *job = malloc(sizeof *job + room + f->ops->out_size);
    must(job == NULL ? ENOMEM : 0, "executor: spawn a future");
    *job = (struct job){.owners = 2, .output = (char *)job->future + room};
    memcpy(job->future, f, f->ops->size);
    return job;
}

static void job_release(struct job *job) {
    if (atomic_fetch_sub(&job->owners, 1) == 1) {
        free(job);
    }
}

// ---- The list ----

static void put_back(struct job *job) {
    job->next = NULL;
    must(pthread_mutex_lock(&mutex), "executor: lock");
    if (first == NULL) {
        first = job;
    } else {
        last->next = job;
    }
    last = job;
    must(pthread_cond_signal(&arrived), "executor: signal");
    must(pthread_mutex_unlock(&mutex), "executor: unlock");
}

// Waits only while the list is empty.
static struct job *take_out(void) {
    must(pthread_mutex_lock(&mutex), "executor: lock");
    while (first == NULL) {
        must(pthread_cond_wait(&arrived, &mutex), "executor: wait");
    }
    struct job *job = first;
    first = job->next;
    must(pthread_mutex_unlock(&mutex), "executor: unlock");
    return job;
}

// ---- The workers ----

// ---- your part ----

static _Noreturn void *work(void *unused) {
    (void)unused;
    for (;;) {
        struct job *job = take_out();
#ifdef WRONG_HOLDS_THE_LOCK_OF_THE_LIST
        must(pthread_mutex_lock(&mutex), "executor: lock");
        enum poll_result result = future_poll(future_of(job), job->output);
        must(pthread_mutex_unlock(&mutex), "executor: unlock");
        if (result == FUTURE_PENDING) {
            put_back(job);
            continue;
        }
        future_drop(future_of(job));
        atomic_store(&job->done, true);
        job_release(job);
        continue;
#endif
#ifdef WRONG_ASKS_AGAIN_BEFORE_IT_GOES_ON
        if (future_poll(future_of(job), job->output) == FUTURE_READY) {
            future_drop(future_of(job));
            atomic_store(&job->done, true);
            job_release(job);
        } else if (future_poll(future_of(job), job->output) == FUTURE_PENDING) {
            put_back(job);
        } else {
            future_drop(future_of(job));
            atomic_store(&job->done, true);
            job_release(job);
        }
        continue;
#endif
#ifdef WRONG_PUTS_BACK_AND_RELEASES
        put_back(job);
#endif
        if (future_poll(future_of(job), job->output) == FUTURE_PENDING) {
#ifndef WRONG_PUTS_BACK_AND_RELEASES
            put_back(job);
#endif
            continue;
        }
#if defined WRONG_TELLS_BEFORE_THE_DROP
        atomic_store(&job->done, true);
        job_release(job);
        future_drop(future_of(job));
#elif defined WRONG_NEVER_DONE
        future_drop(future_of(job));
        job_release(job);
#elif defined WRONG_RELEASES_TWICE
        future_drop(future_of(job));
        atomic_store(&job->done, true);
        job_release(job);
        job_release(job);
#elif defined WRONG_DROPS_TWICE
        future_drop(future_of(job));
        future_drop(future_of(job));
        atomic_store(&job->done, true);
        job_release(job);
#elif defined WRONG_ENDS_AFTER_ONE
        future_drop(future_of(job));
        atomic_store(&job->done, true);
        job_release(job);
        pthread_exit(NULL);
#elif defined WRONG_RELEASES_AND_FREES
        future_drop(future_of(job));
        atomic_store(&job->done, true);
        job_release(job);
        free(job);
#elif defined RIGHT_RELEASES_LAST
        struct future *f = future_of(job);
        future_drop(f);
        atomic_store_explicit(&job->done, true, memory_order_release);
        job_release(job);
#elif defined RIGHT_YIELDS_IN_BETWEEN
        future_drop(future_of(job));
        (void)sched_yield();
        atomic_store(&job->done, true);
        (void)sched_yield();
        job_release(job);
#else
        future_drop(future_of(job));
#ifdef WRONG_TELLS_BEFORE_THE_OUTPUT
        job->output[0] = 0;
#endif
        atomic_store(&job->done, true);
        job_release(job);
#endif
    }
}

// ---- to here ----

void executor_start(int workers) {
    pthread_t thread;
    must(workers >= 1 ? 0 : EINVAL, "executor: start the workers");
    for (int i = 0; i < workers; i++) {
        must(pthread_create(&thread, NULL, work, NULL),
             "executor: start a worker");
        must(pthread_detach(thread), "executor: detach a worker");
    }
}

// ---- The handle ----

static enum poll_result handle_poll(struct future *self, void *out) {
    struct handle *me = (struct handle *)self;
    (void)out;
    if (!atomic_load(&me->job->done)) {
        return FUTURE_PENDING;
    }
    if (me->value != NULL) {
        memcpy(me->value, me->job->output, future_of(me->job)->ops->out_size);
    }
    return FUTURE_READY;
}

static void handle_drop(struct future *self) {
    job_release(((struct handle *)self)->job);
}

static const struct future_ops handle_ops = {sizeof(struct handle), 0,
                                             handle_poll, handle_drop};

struct handle executor_spawn(struct future *f, void *value) {
    struct job *job = job_new(f);
    put_back(job);
    return (struct handle){{&handle_ops}, job, value};
}
