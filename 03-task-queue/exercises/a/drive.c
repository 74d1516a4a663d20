// The scene of 03a: first polls by hand, with a waker that counts; then three tasks on
// the one worker, that yield after each of their steps.
#include "exercise.h"
#include "executor.h"
#include "task.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

static int clones, drops, wakes;

static void count_clone(void *data) {
    (void)data;
    clones++;
}

static void count_wake(void *data) {
    (void)data;
    wakes++;
}

static void count_drop(void *data) {
    (void)data;
    drops++;
}

static void poll_by_hand(void) {
    static const struct waker_ops ops = {count_clone, count_wake, count_drop};
    const struct waker waker = {&ops, NULL};
    struct yield one = yield_now(), two = yield_now();
    const char *const words[] = {"pending", "ready"};
    enum poll_result first = future_poll(&one.base, &waker, NULL);
    enum poll_result other = future_poll(&two.base, &waker, NULL);
    printf("the first poll: %s, and of another one: %s\n", words[first],
           words[other]);
    printf("wakes %d, clones left %d\n", wakes, clones - drops);
}

enum { steps = 3 };

struct worker {
    struct future base;
    char name;
    int step;
    bool yields; // it awaits this
    struct yield yield;
};

static atomic_int lines;
static char log_of_steps[4 * 3 * steps];

static enum poll_result worker_poll(struct future *self,
                                    const struct waker *waker, void *out) {
    struct worker *me = (struct worker *)self;
    (void)out;
    while (me->step < steps) {
        if (!me->yields) {
            log_of_steps[lines++] = me->name;
            me->yield = yield_now();
            me->yields = true;
        }
        if (future_poll(&me->yield.base, waker, NULL) == FUTURE_PENDING) {
            return FUTURE_PENDING;
        }
        me->yields = false;
        me->step++;
    }
    return FUTURE_READY;
}

// Spawns the other two, so that all three are queued when the first step is done.
static enum poll_result begin_poll(struct future *self,
                                   const struct waker *waker, void *out) {
    static const struct future_ops ops = {sizeof(struct worker), 0, worker_poll,
                                          NULL};
    (void)self;
    (void)waker;
    for (int i = 0; i < 3; i++) {
        struct worker f = {.base = {&ops}, .name = (char)('a' + i)};
        ((struct task **)out)[i] = spawn_task(&f.base);
    }
    return FUTURE_READY;
}

int main(void) {
    static const struct future_ops ops = {
        sizeof(struct future), 3 * sizeof(struct task *), begin_poll, NULL};
    struct task *tasks[3] = {NULL};
    struct future begin = {&ops};
    poll_by_hand();
    struct task *t = spawn_task(&begin);
    if (t == NULL || task_join(t, tasks) != TASK_COMPLETED) {
        return EXIT_FAILURE;
    }
    for (int i = 0; i < 3; i++) {
        if (tasks[i] == NULL || task_join(tasks[i], NULL) != TASK_COMPLETED) {
            return EXIT_FAILURE;
        }
    }
    printf("steps: %s\n", log_of_steps);
    return 0;
}
