#define _POSIX_C_SOURCE 200809L
// Workers that look first at a queue of their own. The lists and locks are the
// simplest that are right; what a fast one does instead is said where it
// matters.
#include "stealing.h"

#include "must.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

struct queue {
    pthread_mutex_t mutex; // guards the rest
    struct channel_node *first, **end;
    bool closed;
};

static struct queue queues[most_workers];
static pthread_t workers[most_workers];
static int worker_count;
static enum sharing how;
static atomic_uint dealt;         // tasks that came from outside
static _Thread_local int me = -1; // this worker's number; -1: not a worker

// Who finds nothing to do sleeps here.
static pthread_mutex_t idle_mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t something_to_do = PTHREAD_COND_INITIALIZER;
static atomic_int idle;    // how many sleep or are about to
static atomic_bool ending; // set under idle_mutex, so that no sleeper misses it

static void lock(pthread_mutex_t *mutex) {
    must(pthread_mutex_lock(mutex), "stealing: lock");
}

static void unlock(pthread_mutex_t *mutex) {
    must(pthread_mutex_unlock(mutex), "stealing: unlock");
}

// ---- One queue ----

static void queue_open(struct queue *q) {
    *q = (struct queue){.mutex = PTHREAD_MUTEX_INITIALIZER, .end = &q->first};
}

// False: the queue is closed.
static bool queue_put(struct queue *q, struct channel_node *node) {
    node->next = NULL;
    lock(&q->mutex);
    bool open = !q->closed;
    if (open) {
        *q->end = node;
        q->end = &node->next;
    }
    unlock(&q->mutex);
    return open;
}

// RETURNS the one that has waited longest, or NULL.
static struct channel_node *queue_take(struct queue *q) {
    lock(&q->mutex);
    struct channel_node *node = q->first;
    if (node != NULL) {
        q->first = node->next;
        if (q->first == NULL) {
            q->end = &q->first;
        }
    }
    unlock(&q->mutex);
    return node;
}

static void queue_close(struct queue *q) {
    lock(&q->mutex);
    q->closed = true;
    unlock(&q->mutex);
}

// ---- Putting a task on a queue ----

// A task that a worker wakes stays with that worker: what the task needs is
// likely to be in that core's cache.
static int choose_queue(void) {
    if (how == SHARED_QUEUE) {
        return 0;
    }
    if (me >= 0) {
        return me;
    }
    return (int)(atomic_fetch_add(&dealt, 1) % (unsigned)worker_count);
}

// Called after the task is on the queue. A worker first says that it is idle
// and then looks at the queues once more, so either it finds the task or we
// find it idle. The lock makes us wait until it really sleeps.
//
// With a queue for each, only one worker may take the task, and this may wake
// the wrong one; so it wakes all. A fast executor lets each worker sleep in a
// place of its own.
static void rouse_somebody(void) {
    if (atomic_load(&idle) == 0) {
        return;
    }
    lock(&idle_mutex);
    if (how == QUEUE_EACH) {
        must(pthread_cond_broadcast(&something_to_do), "stealing: broadcast");
    } else {
        must(pthread_cond_signal(&something_to_do), "stealing: signal");
    }
    unlock(&idle_mutex);
}

static bool put_on_queue(void *unused, struct task *t) {
    (void)unused; // which queue is decided now
    if (!queue_put(&queues[choose_queue()], &t->node)) {
        return false;
    }
    rouse_somebody();
    return true;
}

// ---- Finding a task ----

// This is the theft: the others' queues are looked at one after another,
// beginning with the neighbour's. A fast executor takes half of what it finds
// and needs no lock to do so.
static struct channel_node *steal(void) {
    struct channel_node *node = NULL;
    for (int i = 1; i < worker_count && node == NULL; i++) {
        node = queue_take(&queues[(me + i) % worker_count]);
    }
    return node;
}

static struct channel_node *find_work(void) {
    struct channel_node *node =
        queue_take(&queues[how == SHARED_QUEUE ? 0 : me]);
    if (node == NULL && how == STEALING) {
        node = steal();
    }
    return node;
}

// Sleeps until there is work. RETURNS NULL at the end, when nothing is left.
static struct channel_node *wait_for_work(void) {
    struct channel_node *node;
    lock(&idle_mutex);
    atomic_fetch_add(&idle, 1);
    while ((node = find_work()) == NULL && !atomic_load(&ending)) {
        must(pthread_cond_wait(&something_to_do, &idle_mutex),
             "stealing: wait");
    }
    atomic_fetch_sub(&idle, 1);
    unlock(&idle_mutex);
    return node;
}

// ---- The workers ----

// At the end, what is still queued is cancelled, without another poll.
static void *work(void *number) {
    me = *(int *)number;
    struct channel_node *node;
    while ((node = find_work()) != NULL || (node = wait_for_work()) != NULL) {
        struct task *t = (struct task *)node; // its first member
        if (atomic_load(&ending)) {
            task_cancel(t);
        }
        task_run(t);
    }
    return NULL;
}

static void join_workers(int count) {
    lock(&idle_mutex);
    atomic_store(&ending, true);
    must(pthread_cond_broadcast(&something_to_do), "stealing: broadcast");
    unlock(&idle_mutex);
    for (int i = 0; i < count; i++) {
        must(pthread_join(workers[i], NULL), "stealing: join");
    }
}

// Every queue is there before the first worker looks for work.
static void prepare(int count, enum sharing sharing) {
    how = sharing;
    worker_count = count;
    atomic_store(&dealt, 0);
    atomic_store(&ending, false);
    for (int i = 0; i < count; i++) {
        queue_open(&queues[i]);
    }
}

int stealing_start(int count, enum sharing sharing) {
    static int numbers[most_workers];
    if (count < 1 || count > most_workers) {
        return EINVAL;
    }
    prepare(count, sharing);
    for (int i = 0; i < count; i++) {
        numbers[i] = i;
        int error = pthread_create(&workers[i], NULL, work, &numbers[i]);
        if (error != 0) {
            join_workers(i);
            return error;
        }
    }
    return 0;
}

struct task *stealing_spawn(struct future *f) {
    return task_new(f, put_on_queue, NULL);
}

int stealing_worker(void) {
    return me;
}

void stealing_stop(void) {
    for (int i = 0; i < worker_count; i++) {
        queue_close(&queues[i]);
    }
    join_workers(worker_count);
}
