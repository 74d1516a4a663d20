#define _POSIX_C_SOURCE 200809L
// The scene of 04a: three tasks on the one worker; each awaits a sleep of its own
// length, and the scene looks at its own clock. It hands the task's waker on in one of its
// own, which counts who holds it.
#include "async_sleep.h"
#include "executor.h"
#include "task.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static double clock_now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

// ---- The task's waker, counted ----

static const struct waker_ops *tasks_ops;
static atomic_int held; // clones that were not dropped yet
static atomic_int
    wakes_unheld; // by one who had no clone, when the poll was over
static _Thread_local bool polled; // this thread is inside of a poll

static void count_clone(void *data) {
    atomic_fetch_add(&held, 1);
    tasks_ops->clone(data);
}

static void count_drop(void *data) {
    atomic_fetch_sub(&held, 1);
    tasks_ops->drop(data);
}

static void count_wake(void *data) {
    if (!polled && atomic_load(&held) <= 0) {
        atomic_fetch_add(&wakes_unheld, 1);
    }
    tasks_ops->wake(data);
}

static enum poll_result poll_counted(struct future *f,
                                     const struct waker *waker, void *out) {
    static const struct waker_ops ops = {count_clone, count_wake, count_drop};
    const struct waker counted = {&ops, waker->data};
    tasks_ops = waker->ops;
    polled = true;
    enum poll_result result = future_poll(f, &counted, out);
    polled = false;
    return result;
}

// ---- A task ----

struct sleeping {
    struct future base;
    int label;
    double seconds, start;
    enum { START, ASLEEP } at;
    struct async_sleep nap;
};

static enum poll_result sleeping_poll(struct future *self,
                                      const struct waker *waker, void *out) {
    struct sleeping *me = (struct sleeping *)self;
    if (me->at == START) {
        printf("sleeping %d\n", me->label);
        me->start = clock_now();
        me->nap = async_sleep(me->seconds);
        me->at = ASLEEP;
    }
    if (poll_counted(&me->nap.base, waker, out) == FUTURE_PENDING) {
        return FUTURE_PENDING;
    }
    double took = clock_now() - me->start;
    printf("done sleeping %d%s\n", me->label,
           took < me->seconds ? ", too early" : "");
    return FUTURE_READY;
}

static void sleeping_drop(struct future *self) {
    struct sleeping *me = (struct sleeping *)self;
    if (me->at == ASLEEP) {
        future_drop(&me->nap.base);
    }
}

// Another thread may still have to let go of its clone.
static void count_wakers(void) {
    const struct timespec little = {.tv_nsec = 5 * 1000 * 1000};
    for (int i = 0; i < 100 && atomic_load(&held) > 0; i++) {
        (void)nanosleep(&little, NULL);
    }
    printf("wakers left %d, called without a clone %d\n", atomic_load(&held),
           atomic_load(&wakes_unheld));
}

int main(void) {
    static const struct future_ops ops = {sizeof(struct sleeping), 0,
                                          sleeping_poll, sleeping_drop};
    static const double seconds[3] = {0.2, 0.1, 0.3};
    struct task *tasks[3];
    for (int i = 0; i < 3; i++) {
        struct sleeping f = {
            .base = {&ops}, .label = i + 1, .seconds = seconds[i]};
        tasks[i] = spawn_task(&f.base);
        if (tasks[i] == NULL) {
            return EXIT_FAILURE;
        }
    }
    for (int i = 0; i < 3; i++) {
        if (task_join(tasks[i], NULL) != TASK_COMPLETED) {
            return EXIT_FAILURE;
        }
    }
    count_wakers();
    return 0;
}
