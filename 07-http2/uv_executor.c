#define _POSIX_C_SOURCE 200809L
// A task queue as in chapter 03, but with no worker of its own: the libuv loop
// comes by in each of its turns and polls what is queued. Polls happen on one
// thread, the loop's. So a task needs no states here, only the note that it is
// queued. A waker may still be used by any thread.
#include "uv_executor.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

struct uv_executor {
    uv_prepare_t before_sleep;
    uv_async_t bell; // wakes the loop, from any thread
    int open_handles;
    int unfinished; // tasks that have a future
    void (*after_round)(void *data);
    void *data;
    atomic_int refs;  // the owner, and each task
    uv_mutex_t mutex; // guards what follows
    struct uv_task *first, **last;
    uv_thread_t thread; // the loop's
    bool stopped;
};

struct uv_task {
    struct uv_executor *executor;
    struct uv_task *next; // in the queue
    bool finished;        // has no future; only the loop's thread looks
    atomic_bool queued;
    atomic_int refs;      // the owner, the queue, and each waker
    max_align_t future[]; // moved in by uv_execute
};

static struct future *inner(struct uv_task *t) {
    return (struct future *)t->future;
}

static void executor_unref(struct uv_executor *e) {
    if (atomic_fetch_sub(&e->refs, 1) == 1) {
        uv_mutex_destroy(&e->mutex);
        free(e);
    }
}

static void task_ref(void *task) {
    struct uv_task *t = task;
    atomic_fetch_add(&t->refs, 1);
}

static void task_unref(void *task) {
    struct uv_task *t = task;
    if (atomic_fetch_sub(&t->refs, 1) == 1) {
        executor_unref(t->executor);
        free(t);
    }
}

// ---- Waking, from any thread ----

// On the loop's own thread nobody sleeps, and a round comes before anybody
// will. From elsewhere the loop may be asleep in the kernel, so ring. The lock
// is held for that: the bell must not be closed at the same time.
static void enqueue(struct uv_executor *e, struct uv_task *t) {
    uv_thread_t self = uv_thread_self();
    uv_mutex_lock(&e->mutex);
    bool stopped = e->stopped;
    if (!stopped) {
        t->next = NULL;
        *e->last = t;
        e->last = &t->next;
        if (!uv_thread_equal(&self, &e->thread)) {
            uv_async_send(&e->bell);
        }
    }
    uv_mutex_unlock(&e->mutex);
    if (stopped) {
        task_unref(t);
    }
}

static void task_wake(void *task) {
    struct uv_task *t = task;
    if (!atomic_exchange(&t->queued, true)) {
        task_ref(t); // the queue's
        enqueue(t->executor, t);
    }
}

static const struct waker_ops task_waker = {task_ref, task_wake, task_unref};

// ---- Polling, on the loop's thread ----

// A task that is not finished keeps the loop running, whatever it awaits: the
// last socket may be closed, and its wake come from another thread.
static void begin(struct uv_executor *e) {
    if (e->unfinished++ == 0) {
        uv_ref((uv_handle_t *)&e->bell);
    }
}

static void finish(struct uv_task *t) {
    future_drop(inner(t));
    t->finished = true;
    if (--t->executor->unfinished == 0) {
        uv_unref((uv_handle_t *)&t->executor->bell);
    }
}

// The note is taken off before the poll. So a wake that comes during the poll
// queues the task once more, and is not lost. It is an exchange and no store,
// because that also reads: what another thread did before its wake is seen by
// the poll, even if the task was queued already.
static void poll_task(struct uv_task *t) {
    const struct waker waker = {&task_waker, t};
    (void)atomic_exchange(&t->queued, false);
    if (!t->finished && future_poll(inner(t), &waker, NULL) == FUTURE_READY) {
        finish(t);
    }
    task_unref(t); // the queue's
}

static struct uv_task *take_all(struct uv_executor *e) {
    uv_mutex_lock(&e->mutex);
    struct uv_task *all = e->first;
    e->first = NULL;
    e->last = &e->first;
    uv_mutex_unlock(&e->mutex);
    return all;
}

// What these polls wake is for the next round. So futures that wake each other
// cannot keep the loop from its sockets.
void uv_executor_run(struct uv_executor *e) {
    struct uv_task *t = take_all(e);
    while (t != NULL) {
        struct uv_task *next = t->next;
        poll_task(t);
        t = next;
    }
    e->after_round(e->data);
}

static void on_before_sleep(uv_prepare_t *handle) {
    struct uv_executor *e = handle->data;
    uv_executor_run(e);
    uv_mutex_lock(&e->mutex);
    e->thread = uv_thread_self(); // known only now that the loop runs
    if (e->first != NULL) {       // do not fall asleep over these
        uv_async_send(&e->bell);
    }
    uv_mutex_unlock(&e->mutex);
}

static void on_bell(uv_async_t *handle) {
    (void)handle; // the loop is awake: a round comes before it sleeps again
}

// ---- Life ----

// Neither of them keeps the loop running; see begin.
static void start_handles(uv_loop_t *loop, struct uv_executor *e) {
    uv_prepare_init(loop, &e->before_sleep);
    e->before_sleep.data = e->bell.data = e;
    uv_prepare_start(&e->before_sleep, on_before_sleep);
    uv_unref((uv_handle_t *)&e->before_sleep);
    uv_unref((uv_handle_t *)&e->bell);
    e->open_handles = 2;
}

struct uv_executor *uv_executor_start(uv_loop_t *loop,
                                      void (*after_round)(void *data),
                                      void *data) {
    struct uv_executor *e = calloc(1, sizeof *e);
    if (e == NULL) {
        return NULL;
    }
    e->after_round = after_round;
    e->data = data;
    e->last = &e->first;
    atomic_init(&e->refs, 1);
    if (uv_mutex_init(&e->mutex) != 0) {
        free(e);
        return NULL;
    }
    if (uv_async_init(loop, &e->bell, on_bell) != 0) {
        executor_unref(e);
        return NULL;
    }
    start_handles(loop, e);
    return e;
}

static void on_closed(uv_handle_t *handle) {
    struct uv_executor *e = handle->data;
    if (--e->open_handles == 0) {
        executor_unref(e);
    }
}

void uv_executor_stop(struct uv_executor *e) {
    uv_mutex_lock(&e->mutex);
    e->stopped = true;
    uv_mutex_unlock(&e->mutex);
    struct uv_task *t = take_all(e);
    while (t != NULL) {
        struct uv_task *next = t->next;
        task_unref(t);
        t = next;
    }
    uv_close((uv_handle_t *)&e->before_sleep, on_closed);
    uv_close((uv_handle_t *)&e->bell, on_closed);
}

// One allocation holds the task and its future. The copy is the last time that
// the future moves: from the first poll on it may hold pointers into itself, as
// struct handle in http2.c does, and others may hold pointers to it.
struct uv_task *uv_execute(struct uv_executor *e, struct future *f) {
    struct uv_task *t = malloc(sizeof *t + f->ops->size);
    if (t == NULL) {
        future_drop(f);
        return NULL;
    }
    *t = (struct uv_task){.executor = e, .refs = 1};
    memcpy(t->future, f, f->ops->size);
    atomic_fetch_add(&e->refs, 1);
    begin(e);
    task_wake(t);
    return t;
}

void uv_task_drop(struct uv_task *t) {
    if (!t->finished) {
        finish(t);
    }
    task_unref(t);
}
