#define _POSIX_C_SOURCE 200809L
// Sixteen tasks for four workers. Every fourth task is four times as long as
// the others, and the tasks are dealt in turn: so the first worker gets all
// the long ones.
#include "makespan.h"

#include "clock.h"
#include "stealing.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

enum {
    task_count = 16,
    worker_total = 4,
    turn_ms = 25,
    picture_width = 64, // twice what the slowest executor needs
};

// Who ran what: a row for each worker, a column for each 25 ms, a letter for
// each task. A worker writes in its own row only, and it is read when the
// workers have ended.
static char picture[worker_total][picture_width + 1];
static int64_t start;

// ---- A task of several turns ----

struct job {
    struct future base;
    int number;
    int turns_left;
};

// The worker is held for one turn, as by a computation. It is a sleep, so that
// the act shows the same on a machine with fewer cores than workers.
static void hold_the_worker(void) {
    sleep_seconds(turn_ms / 1000.0);
}

static void draw(int number) {
    int64_t ns = monotonic_now() - start;
    int64_t column = ns / (turn_ms * 1000 * 1000);
    if (column < picture_width) {
        picture[stealing_worker()][column] = (char)('a' + number);
    }
}

static enum poll_result job_poll(struct future *self, const struct waker *waker,
                                 void *out) {
    (void)out;
    struct job *me = (struct job *)self;
    draw(me->number);
    hold_the_worker();
    me->turns_left--;
    if (me->turns_left > 0) {
        waker_wake(waker);
        return FUTURE_PENDING;
    }
    return FUTURE_READY;
}

static const struct future_ops job_ops = {sizeof(struct job), 0, job_poll,
                                          NULL};

// ---- One load, three executors ----

// RETURNS how many tasks were done.
static int run_all(void) {
    struct task *tasks[task_count];
    int done = 0;
    for (int i = 0; i < task_count; i++) {
        struct job job = {{&job_ops}, i, i % worker_total == 0 ? 8 : 2};
        tasks[i] = stealing_spawn(&job.base);
    }
    for (int i = 0; i < task_count; i++) {
        done += tasks[i] != NULL && task_join(tasks[i], NULL) == TASK_COMPLETED;
    }
    return done;
}

static void print_picture(void) {
    for (int w = 0; w < worker_total; w++) {
        char *row = picture[w];
        size_t end = picture_width;
        while (end > 0 && row[end - 1] == ' ') {
            end--;
        }
        row[end] = '\0';
        printf("  worker %d  %s\n", w + 1, row);
    }
}

// RETURNS the makespan in seconds, or 0 if something went wrong.
static double measure(const char *name, enum sharing sharing) {
    memset(picture, ' ', sizeof picture);
    int error = stealing_start(worker_total, sharing);
    if (error != 0) {
        fprintf(stderr, "task-queue: start a worker: %s\n", strerror(error));
        return 0;
    }
    start = monotonic_now();
    int done = run_all();
    double seconds = (double)(monotonic_now() - start) / 1e9;
    stealing_stop();
    printf("%s\n", name);
    print_picture();
    printf("  makespan %.3fs\n", seconds);
    return done == task_count ? seconds : 0;
}

int play_stealing(void) {
    double shared = measure("one queue for all", SHARED_QUEUE);
    double each = measure("a queue for each worker", QUEUE_EACH);
    double stealing =
        measure("a queue for each worker, and stealing", STEALING);
    if (shared == 0 || each == 0 || stealing == 0) {
        return 1;
    }
    printf("without stealing it takes %.2f times as long\n", each / stealing);
    return 0;
}
