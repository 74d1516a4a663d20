#define _POSIX_C_SOURCE 200809L
// A task queue as in chapter 03, but no worker waits at it: the loop comes by in
// each of its turns and runs what is queued. It may not sleep at the queue,
// because it sleeps in the kernel, where its clients can wake it. So whoever
// queues a task from another thread rings a bell that the kernel hears.
#include "loop_executor.h"

#include "must.h"

static _Thread_local const struct loop_executor *ours; // of this thread's loop

static void lock(struct loop_executor *e) {
    must(pthread_mutex_lock(&e->mutex), "loop_executor: lock");
}

static void unlock(struct loop_executor *e) {
    must(pthread_mutex_unlock(&e->mutex), "loop_executor: unlock");
}

// ---- Waking, from any thread ----

// On the loop's own thread nobody sleeps, and a round comes before anybody will.
static bool put_on_queue(void *executor, struct task *t) {
    struct loop_executor *e = executor;
    lock(e);
    bool open = !e->closed;
    if (open) {
        t->node.next = NULL;
        *e->last = &t->node;
        e->last = &t->node.next;
    }
    if (open && ours != e) {
        uv_async_send(&e->bell);
    }
    unlock(e);
    return open;
}

struct task *loop_spawn(struct loop_executor *e, struct future *f) {
    return task_new(f, put_on_queue, e);
}

// ---- Polling, on the loop's thread ----

static struct channel_node *take_all(struct loop_executor *e) {
    lock(e);
    struct channel_node *all = e->first;
    e->first = NULL;
    e->last = &e->first;
    unlock(e);
    return all;
}

// What these polls wake is for the next round. So tasks that wake each other
// cannot keep the loop from its sockets.
void loop_executor_run(struct loop_executor *e) {
    struct channel_node *node = take_all(e);
    while (node != NULL) {
        struct task *t = (struct task *)node; // of which it is the first member
        node = node->next;
        task_run(t);
    }
    if (e->after_round != NULL) {
        e->after_round(e->data);
    }
}

void loop_executor_before_sleep(uv_prepare_t *handle) {
    struct loop_executor *e = handle->data;
    ours = e;
    loop_executor_run(e);
    lock(e);
    if (e->first != NULL) { // do not fall asleep over these
        uv_async_send(&e->bell);
    }
    unlock(e);
}
