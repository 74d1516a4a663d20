#define _POSIX_C_SOURCE 200809L
// The scene of 04a: three tasks on the one worker; each awaits a sleep of its own
// length, and the scene looks at its own clock.
#include "async_sleep.h"
#include "executor.h"
#include "task.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static double clock_now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

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
    if (future_poll(&me->nap.base, waker, out) == FUTURE_PENDING) {
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
    return 0;
}
