#define _POSIX_C_SOURCE 200809L
// One global queue, made by whoever spawns first, and one worker on it.
// When the program ends, what is queued is dropped and the worker is joined.
#include "executor.h"

#include "at_end.h"
#include "must.h"

#include <pthread.h>

static struct channel *queue;
static pthread_t worker;
static atomic_bool running; // from the first spawn until the end begins

static bool put_on_queue(void *channel, struct task *t) {
    return channel_send(channel, &t->node);
}

// The whole executor: what can make progress is on the queue, and nobody
// else is ever asked. At the end, what is still queued is cancelled: it is
// dropped without another poll.
static void *work(void *unused) {
    struct channel_node *node;
    while ((node = channel_receive(queue)) != NULL) {
        struct task *t = (struct task *)node; // of which it is the first member
        if (!atomic_load(&running)) {
            task_cancel(t);
        }
        task_run(t);
    }
    return unused;
}

// The program ends. Whoever is woken from now on finds the queue closed and is
// cancelled, so even a task that would spin for ever comes to its end. Only
// a poll that never returns could hold us up. If a future called exit, then
// this is the worker: it cannot wait for itself, but it can empty the queue.
static void stop(void) {
    atomic_store(&running, false);
    channel_close(queue);
    end_thread(worker, work);
}

static void start(void) {
    queue = channel_new();
    atomic_store(&running, true);
    must(pthread_create(&worker, NULL, work, NULL), "executor: start a worker");
    at_end(stop);
}

struct task *spawn_task(struct future *f) {
    static pthread_once_t once = PTHREAD_ONCE_INIT; // in Rust: Lazy
    must(pthread_once(&once, start), "executor: start");
    return task_new(f, put_on_queue, queue);
}

bool executor_is_running(void) {
    return atomic_load(&running);
}
