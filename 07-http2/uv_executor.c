#define _POSIX_C_SOURCE 200809L
// A task queue as in chapter 03, with the libuv loop as its worker. All polls
// happen on one thread, the loop's. So one flag for a task is enough where
// chapter 03 needs five states; but a waker may still be used by any thread.
#include "uv_executor.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

struct uv_executor {
    uv_async_t awake; // makes the loop call on_awake, from any thread
    uv_mutex_t mutex; // guards first and last
    struct uv_task *first, **last;
};

struct uv_task {
    struct uv_executor *executor;
    struct uv_task *next;  // the queue's
    struct future *future; // NULL when it is finished; the loop's thread only
    atomic_bool queued;
    atomic_int refs; // the owner, the queue, and each waker
};

static void task_unref(struct uv_task *t) {
    if (atomic_fetch_sub(&t->refs, 1) == 1) {
        free(t);
    }
}

// ---- Waking, from any thread ----

// The flag falls before the poll, so a wake that comes during a poll queues
// the task once more and is not lost.
static void wake(void *data) {
    struct uv_task *t = data;
    struct uv_executor *e = t->executor;
    if (atomic_exchange(&t->queued, true)) {
        return;
    }
    atomic_fetch_add(&t->refs, 1);
    uv_mutex_lock(&e->mutex);
    bool was_empty = e->first == NULL;
    t->next = NULL;
    *e->last = t;
    e->last = &t->next;
    uv_mutex_unlock(&e->mutex);
    if (was_empty) { // else the loop has been told already
        uv_async_send(&e->awake);
    }
}

static struct waker clone(void *data);

static void drop(void *data) {
    task_unref(data);
}

static const struct waker_ops ops = {clone, wake, drop};

static struct waker clone(void *data) {
    struct uv_task *t = data;
    atomic_fetch_add(&t->refs, 1);
    return (struct waker){&ops, t};
}

// ---- Polling, on the loop's thread ----

static void poll_task(struct uv_task *t) {
    const struct waker waker = {&ops, t};
    atomic_store(&t->queued, false);
    if (t->future != NULL &&
        future_poll(t->future, &waker, NULL) == FUTURE_READY) {
        future_drop(t->future);
        t->future = NULL;
    }
    task_unref(t);
}

// One round: what these polls wake is for the next one, so that futures which
// wake each other cannot keep the loop from its sockets.
void uv_executor_run(struct uv_executor *e) {
    uv_mutex_lock(&e->mutex);
    struct uv_task *all = e->first;
    e->first = NULL;
    e->last = &e->first;
    uv_mutex_unlock(&e->mutex);
    while (all != NULL) {
        struct uv_task *t = all;
        all = t->next;
        poll_task(t);
    }
}

static void on_awake(uv_async_t *awake) {
    uv_executor_run(awake->data);
}

// ---- Life ----

struct uv_executor *uv_executor_start(uv_loop_t *loop) {
    struct uv_executor *e = calloc(1, sizeof *e);
    if (e == NULL) {
        return NULL;
    }
    e->last = &e->first;
    if (uv_mutex_init(&e->mutex) != 0) {
        free(e);
        return NULL;
    }
    if (uv_async_init(loop, &e->awake, on_awake) != 0) {
        uv_mutex_destroy(&e->mutex);
        free(e);
        return NULL;
    }
    e->awake.data = e;
    uv_unref((uv_handle_t *)&e->awake); // it alone keeps no loop running
    return e;
}

static void on_close(uv_handle_t *handle) {
    struct uv_executor *e = handle->data;
    uv_mutex_destroy(&e->mutex);
    free(e);
}

void uv_executor_stop(struct uv_executor *e) {
    uv_executor_run(e); // lets go of cancelled tasks that are still queued
    uv_close((uv_handle_t *)&e->awake, on_close);
}

struct uv_task *uv_execute(struct uv_executor *e, struct future *f) {
    struct uv_task *t = calloc(1, sizeof *t);
    if (t == NULL) {
        future_drop(f);
        return NULL;
    }
    t->executor = e;
    t->future = f;
    atomic_init(&t->refs, 1);
    wake(t);
    return t;
}

void uv_task_cancel(struct uv_task *t) {
    if (t->future != NULL) {
        future_drop(t->future);
        t->future = NULL;
    }
    task_unref(t);
}
