#define _POSIX_C_SOURCE 200809L
// One global queue, made by whoever spawns first, and one worker on it.
// When the program ends, the worker is joined and what is queued is dropped.
#include "executor.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct channel queue;
static pthread_t worker;
static atomic_bool running;

// Without a queue there is nothing to spawn on, so the program ends here.
static void must(int error, const char *what) {
    if (error != 0) {
        fprintf(stderr, "executor: %s: %s\n", what, strerror(error));
        exit(EXIT_FAILURE);
    }
}

static bool put_on_queue(struct task *t) {
    return channel_send(&queue, task_node(t));
}

// The whole executor: what can make progress is on the queue, and nobody
// else is ever asked.
static void *work(void *unused) {
    (void)unused;
    struct channel_node *node;
    while ((node = channel_receive(&queue)) != NULL) {
        task_run(task_of(node));
    }
    return NULL;
}

// At exit. A task that is woken again finds the queue closed and is
// cancelled, so even one that would spin for ever comes to its end. If the
// worker itself called exit it cannot wait for itself.
static void stop(void) {
    channel_close(&queue);
    if (!pthread_equal(pthread_self(), worker)) {
        must(pthread_join(worker, NULL), "join the worker");
    }
}

static void start(void) {
    must(channel_init(&queue), "channel");
    must(pthread_create(&worker, NULL, work, NULL), "start the worker");
    must(atexit(stop) == 0 ? 0 : 12, "atexit");
    atomic_store(&running, true);
}

struct task *spawn_task(struct future *f, size_t out_size) {
    static pthread_once_t once = PTHREAD_ONCE_INIT; // in Rust: Lazy
    must(pthread_once(&once, start), "pthread_once");
    return task_new(f, out_size, put_on_queue);
}

bool executor_is_running(void) {
    return atomic_load(&running);
}
