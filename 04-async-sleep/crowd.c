#define _POSIX_C_SOURCE 200809L
#define _DARWIN_C_SOURCE // macOS: shows ru_maxrss
// The same crowd of sleepers twice: as tasks on one worker, and as threads.
#include "crowd.h"

#include "async_sleep.h"
#include "clock.h"
#include "executor.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

// How to join a sleeper.
union handle {
    struct task *task;
    pthread_t thread;
};

// What is noted about a crowd.
struct crowd {
    const char *kind; // "task" or "thread"
    long size;
    int64_t *late;         // nanoseconds, one for each sleeper; owned
    union handle *handles; // owned
    int64_t start;
    long memory; // in KiB: before the first sleeper, and then what they need
};

// The memory in use, in KiB. Linux counts it here page by page. Elsewhere the
// most that ever was in use must do.
static long memory_in_use(void) {
    struct rusage usage = {0};
    char line[256];
    long kib = 0;
    FILE *f = fopen("/proc/self/smaps_rollup", "r");
    while (f != NULL && kib == 0 && fgets(line, sizeof line, f) != NULL) {
        if (strncmp(line, "Anonymous:", 10) == 0) { // all that is not a file
            kib = strtol(line + 10, NULL, 10);
        }
    }
    if (f != NULL) {
        (void)fclose(f);
    }
    if (kib == 0 && getrusage(RUSAGE_SELF, &usage) == 0) {
        kib = usage.ru_maxrss;
#ifdef __APPLE__
        kib /= 1024; // there it is in bytes
#endif
    }
    return kib;
}

// False, with errno set: no memory for the notes. All of them are written once,
// so that they are in use before the measuring begins.
static bool crowd_open(struct crowd *c, const char *kind, long size) {
    *c = (struct crowd){.kind = kind, .size = size};
    size_t n = (size_t)size;
    c->late = malloc(n * sizeof *c->late);
    c->handles = malloc(n * sizeof *c->handles);
    if (c->late == NULL || c->handles == NULL) {
        return false;
    }
    memset(c->late, 0xff, n * sizeof *c->late);
    memset(c->handles, 0xff, n * sizeof *c->handles);
    c->memory = memory_in_use();
    c->start = monotonic_now();
    return true;
}

// The machine may not have room for all; then the crowd is smaller.
static void crowd_refuse(struct crowd *c, long number, int error) {
    printf("%s %ld was refused: %s; going on with %ld\n", c->kind, number + 1,
           strerror(error), number);
    c->size = number;
}

static int by_lateness(const void *a, const void *b) {
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

// The first one sleeps a second and is joined first. When it wakes, all others
// still sleep, if they were all started by then: what they need is in use.
static void crowd_measure(struct crowd *c, long joined) {
    if (joined == 1) {
        c->memory = memory_in_use() - c->memory;
    }
}

static void crowd_report(struct crowd *c) {
    double seconds = (double)(monotonic_now() - c->start) / 1e9;
    printf("time elapsed %.6fs\n", seconds);
    if (c->size > 0) {
        size_t n = (size_t)c->size, middle = n / 2;
        qsort(c->late, n, sizeof *c->late, by_lateness);
        printf("late: median %.3f ms, worst %.3f ms\n",
               (double)c->late[middle] / 1e6, (double)c->late[n - 1] / 1e6);
        printf("bytes per %s: %ld\n", c->kind, c->memory * 1024 / c->size);
    }
}

static void crowd_close(struct crowd *c) {
    free(c->late);
    free(c->handles);
}

// From one to three seconds, well mixed: 7919 is a prime number, so that
// neighbours get very different times.
static double seconds_for(long number) {
    return 1 + (double)(number % 2001 * 7919 % 2001) / 1000;
}

// ---- Tasks ----

struct sleeper {
    struct future base;
    struct async_sleep nap;
    int64_t *late; // where to note it; the crowd's
};

static enum poll_result sleeper_poll(struct future *self,
                                     const struct waker *waker, void *out) {
    struct sleeper *me = (struct sleeper *)self;
    if (future_poll(&me->nap.base, waker, out) == FUTURE_PENDING) {
        return FUTURE_PENDING;
    }
    *me->late = monotonic_now() - me->nap.deadline.at;
    return FUTURE_READY;
}

static void sleeper_drop(struct future *self) {
    future_drop(&((struct sleeper *)self)->nap.base);
}

static const struct future_ops sleeper_ops = {sizeof(struct sleeper), 0,
                                              sleeper_poll, sleeper_drop};

// RETURNS the task's handle, or NULL with errno set.
static struct task *start_task(double seconds, int64_t *late) {
    struct sleeper f = {{&sleeper_ops}, timer_sleep(seconds), late};
    return spawn_task(&f.base);
}

// Starts the worker and the timer's thread, so that their memory is not taken
// for the sleepers'.
static bool start_executor(void) {
    int64_t late = 0;
    struct task *first = start_task(0, &late);
    return first != NULL && task_join(first, NULL) == TASK_COMPLETED;
}

int crowd_of_tasks(long n) {
    struct crowd c = {0};
    int status = 0;
    if (!start_executor() || !crowd_open(&c, "task", n)) {
        fprintf(stderr, "sleepers: %s\n", strerror(errno));
        crowd_close(&c);
        return 1;
    }
    for (long i = 0; i < c.size; i++) {
        c.handles[i].task = start_task(seconds_for(i), &c.late[i]);
        if (c.handles[i].task == NULL) {
            crowd_refuse(&c, i, errno);
        }
    }
    printf("%ld tasks sleep on one worker\n", c.size);
    for (long i = 0; i < c.size; i++) {
        if (task_join(c.handles[i].task, NULL) != TASK_COMPLETED) {
            status = 1;
        }
        crowd_measure(&c, i + 1);
    }
    crowd_report(&c);
    crowd_close(&c);
    return status;
}

// ---- Threads ----

// Finds its deadline where it leaves its lateness.
static void *sleep_and_note(void *arg) {
    int64_t *late = arg;
    int64_t deadline = *late;
    sleep_seconds((double)(deadline - monotonic_now()) / 1e9);
    *late = monotonic_now() - deadline;
    return NULL;
}

// RETURNS 0 or an error number.
static int start_thread(struct crowd *c, long number) {
    c->late[number] = monotonic_now() + nanoseconds(seconds_for(number));
    return pthread_create(&c->handles[number].thread, NULL, sleep_and_note,
                          &c->late[number]);
}

int crowd_of_threads(long n) {
    struct crowd c;
    int status = 0;
    if (!crowd_open(&c, "thread", n)) {
        fprintf(stderr, "sleepers: %s\n", strerror(errno));
        crowd_close(&c);
        return 1;
    }
    for (long i = 0; i < c.size; i++) {
        int error = start_thread(&c, i);
        if (error != 0) {
            crowd_refuse(&c, i, error);
        }
    }
    printf("%ld threads sleep, each its own sleep\n", c.size);
    for (long i = 0; i < c.size; i++) {
        if (pthread_join(c.handles[i].thread, NULL) != 0) {
            status = 1;
        }
        crowd_measure(&c, i + 1);
    }
    crowd_report(&c);
    crowd_close(&c);
    return status;
}
