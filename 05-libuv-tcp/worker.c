#define _POSIX_C_SOURCE 200809L
// The same work in the wrong and in the right place. See worker.h.
#include "worker.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

// Stands for a computation that holds its thread for a second.
static void one_second_of_work(bool quiet) {
    static atomic_int messages; // of all threads
    int number = atomic_fetch_add(&messages, 1) + 1;
    if (!quiet) {
        printf("message %d: work begins\n", number);
    }
    struct timespec left = {.tv_sec = 1};
    // A signal ends a sleep. It would not end a computation.
    while (nanosleep(&left, &left) != 0 && errno == EINTR) {
    }
    if (!quiet) {
        printf("message %d: work is done\n", number);
    }
}

// ---- Blocking ----

// The mistake. While this works, the loop does not come back to the kernel: it
// accepts nobody, reads from nobody, and no deadline is looked at.
static void on_bytes_blocking(struct tcp_connection *c, const char *bytes,
                              size_t size) {
    one_second_of_work(tcp_options(c)->quiet);
    (void)tcp_write(c, bytes, size);
}

const struct tcp_protocol blocking_worker = {.on_bytes = on_bytes_blocking};

// ---- Pooled ----

// A message on its way through the pool. It has a copy of the bytes, for they
// are gone from the loop's buffer when on_bytes returns. Freed in on_work_done.
struct job {
    uv_work_t request;
    struct tcp_connection *connection; // held
    size_t size;
    char bytes[];
};

struct pooled {
    struct job *job; // under way, or NULL
};

// On a thread of the pool: it touches nothing that the loop may change.
static void on_pool_thread(uv_work_t *request) {
    const struct job *job = request->data;
    one_second_of_work(tcp_options(job->connection)->quiet);
}

// On the loop's thread again. If the client has left meanwhile, tcp_write does
// nothing, and the release gives back what is left of its connection.
static void on_work_done(uv_work_t *request, int error) {
    struct job *job = request->data;
    struct tcp_connection *c = job->connection;
    struct pooled *me = tcp_state(c);
    me->job = NULL;
    if (error == 0) {
        (void)tcp_write(c, job->bytes, job->size);
    }
    free(job);
    tcp_release(c);
}

// Held, the connection reads nothing until the work is done. So the answers
// come in the order of the messages, and a client that sends faster than we
// work fills its own buffers, not our memory.
static void on_bytes_pooled(struct tcp_connection *c, const char *bytes,
                            size_t size) {
    struct pooled *me = tcp_state(c);
    me->job = malloc(sizeof *me->job + size);
    if (me->job == NULL) {
        tcp_abort(c, "out of memory");
        return;
    }
    me->job->request.data = me->job;
    me->job->connection = c;
    me->job->size = size;
    memcpy(me->job->bytes, bytes, size);
    tcp_hold(c);
    // It fails only without a function to call.
    (void)uv_queue_work(tcp_loop(c), &me->job->request, on_pool_thread,
                        on_work_done);
}

// Work that still waits for a thread is taken back, and on_work_done hears of
// it. Work under way goes on for nothing: nobody can stop a thread half way.
static void on_close_pooled(struct tcp_connection *c) {
    const struct pooled *me = tcp_state(c);
    if (me->job != NULL) {
        (void)uv_cancel((uv_req_t *)&me->job->request);
    }
}

const struct tcp_protocol pooled_worker = {
    .state_size = sizeof(struct pooled),
    .on_bytes = on_bytes_pooled,
    .on_close = on_close_pooled,
};
