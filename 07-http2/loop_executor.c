#define _POSIX_C_SOURCE 200809L
// A task queue as in chapter 03, but no worker waits at it: the loop comes by in
// each of its turns and runs what is queued. It may not sleep at the queue,
// because it sleeps in the kernel, where its clients can wake it. So whoever
// queues a task from another thread rings a bell that the kernel hears.
#include "loop_executor.h"

#include "must.h"

#include <stdlib.h>

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

static void on_bell(uv_async_t *bell) {
    (void)bell; // the loop is awake: a round comes before it sleeps again
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

// As if it had been woken and were the only one on the queue.
void loop_run_now(struct task *t) {
    enum task_state asleep = TASK_IDLE;
    if (atomic_compare_exchange_strong(&t->state, &asleep, TASK_WOKEN)) {
        task_ref(t); // the queue's
        task_run(t);
    } else {
        task_wake(t);
    }
}

static void on_before_sleep(uv_prepare_t *handle) {
    struct loop_executor *e = handle->data;
    ours = e;
    loop_executor_run(e);
    lock(e);
    if (e->first != NULL) { // do not fall asleep over these
        uv_async_send(&e->bell);
    }
    unlock(e);
}

// ---- Start and stop ----

struct loop_executor *loop_executor_start(uv_loop_t *loop,
                                          void (*after_round)(void *data),
                                          void *data) {
    struct loop_executor *e = calloc(1, sizeof *e);
    if (e == NULL || uv_async_init(loop, &e->bell, on_bell) != 0) {
        free(e);
        return NULL;
    }
    e->loop = loop;
    e->after_round = after_round;
    e->data = data;
    e->last = &e->first;
    must(pthread_mutex_init(&e->mutex, NULL), "loop_executor: mutex");
    uv_prepare_init(loop, &e->before_sleep);
    uv_prepare_start(&e->before_sleep, on_before_sleep);
    loop_timer_start(&e->timer, loop);
    e->bell.data = e->before_sleep.data = e->timer.uv.data = e;
    e->open_handles = 3;
    return e;
}

static void on_closed(uv_handle_t *handle) {
    struct loop_executor *e = handle->data;
    if (--e->open_handles == 0) {
        must(pthread_mutex_destroy(&e->mutex), "loop_executor: mutex");
        free(e);
    }
}

// A thread of the pool may be about to ring the bell; so it is waited for.
void loop_executor_stop(struct loop_executor *e) {
    while (e->jobs > 0) {
        uv_run(e->loop, UV_RUN_ONCE);
    }
    lock(e);
    e->closed = true;
    unlock(e);
    loop_executor_run(e);
    loop_timer_stop(&e->timer);
    uv_close((uv_handle_t *)&e->before_sleep, on_closed);
    uv_close((uv_handle_t *)&e->bell, on_closed);
    uv_close((uv_handle_t *)&e->timer.uv, on_closed);
}
