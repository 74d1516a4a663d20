#define _POSIX_C_SOURCE 200809L
// One global queue, made by whoever spawns first, and one worker on it.
// When the program ends, the worker is joined and what is queued is dropped.
#include "executor.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/types.h>
#include <unistd.h>

static struct channel queue;
static pthread_t worker;
static atomic_bool running; // from the first spawn until the end begins
static pid_t process;       // which has the worker; a fork of it has none
static int start_error;     // why there is no worker; 0 if there is one
static _Thread_local bool on_worker;

// The worker's own way to its queue needs no lock.
static bool put_on_queue(struct task *t) {
    if (on_worker) {
        channel_put_back(&queue, task_node(t));
        return true;
    }
    return channel_send(&queue, task_node(t));
}

// The whole executor: what can make progress is on the queue, and nobody
// else is ever asked. At the end, what is still queued is cancelled: it is
// dropped without another poll.
static void *work(void *unused) {
    (void)unused;
    on_worker = true;
    struct channel_node *node;
    while ((node = channel_receive(&queue)) != NULL) {
        struct task *t = task_of(node);
        if (!atomic_load(&running)) {
            task_cancel(t);
        }
        task_run(t);
    }
    return NULL;
}

// The program ends. Whoever is woken from now on finds the queue closed and is
// cancelled, so even a task that would spin for ever comes to its end. Only
// a poll that never returns could hold us up. If a future called exit, then
// this is the worker: it cannot wait for itself, but it can empty the queue.
static void stop(void) {
    if (process != getpid() || !atomic_exchange(&running, false)) {
        return; // here is no worker to wait for
    }
    channel_close(&queue);
    if (on_worker) {
        work(NULL);
    } else if (pthread_join(worker, NULL) != 0) {
        abort(); // it fails only when the program is wrong
    }
}

// Both calls fail only when the system has nothing left. The handler comes
// first, because a worker could not be taken back.
static void start(void) {
    channel_init(&queue);
    process = getpid();
    if (atexit(stop) != 0) {
        start_error = ENOMEM;
        return;
    }
    start_error = pthread_create(&worker, NULL, work, NULL);
    atomic_store(&running, start_error == 0);
}

struct task *spawn_task(struct future *f, size_t out_size) {
    static pthread_once_t once = PTHREAD_ONCE_INIT; // in Rust: Lazy
    int error = pthread_once(&once, start);
    if (error == 0) {
        error = start_error;
    }
    if (error != 0) {
        future_drop(f);
        errno = error;
        return NULL;
    }
    return task_new(f, out_size, put_on_queue);
}

bool executor_is_running(void) {
    return atomic_load(&running);
}
