#define _POSIX_C_SOURCE 200809L
// Chapter 02: six small programs about when a future runs, and on which thread.
// A future that blocks holds its thread; a future that yields does not.
//
//     ./futures              all acts, about 16 seconds
//     ./futures lazy         one act
//     ./futures --list       their names
#include "acts.h"
#include "executor.h"
#include "future.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

// A signal may cut a sleep short; then the rest is slept.
static void sleep_two_seconds(void) {
    struct timespec left = {.tv_sec = 2};
    while (nanosleep(&left, &left) != 0 && errno == EINTR) {
    }
}

static void print_elapsed(double start) {
    printf("time elapsed %fs\n", now() - start);
}

// The program cannot go on without what it asked for.
static void *need(void *result, const char *what) {
    if (result == NULL) {
        fprintf(stderr, "futures: %s: %s\n", what, strerror(errno));
        exit(EXIT_FAILURE);
    }
    return result;
}

// ---- do_something, as a future that blocks ----

// The call of chapter 01, put off: making the struct runs nothing.
struct something {
    struct future base;
    int number;
};

// It blocks its thread for two seconds. That is what a future should never do,
// and we want to see why.
static enum poll something_poll(struct future *self, int *out) {
    struct something *me = (struct something *)self;
    printf("number %d is running\n", me->number);
    sleep_two_seconds();
    *out = 2;
    return FUTURE_READY;
}

static void something_drop(struct future *self) {
    free(self);
}

static const struct future_ops something_ops = {something_poll, something_drop};

static struct future *do_something(int number) {
    struct something *me = need(malloc(sizeof *me), "make a future");
    *me = (struct something){{&something_ops}, number};
    return &me->base;
}

// ---- do_something, as a future that yields ----

// The same two seconds, but as a date to wait for instead of a sleep. What
// do_something would keep in local variables is kept in the struct, because
// the function returns between two polls.
struct patient {
    struct future base;
    int number;
    double wake_at; // 0: not started
};

static enum poll patient_poll(struct future *self, int *out) {
    struct patient *me = (struct patient *)self;
    if (me->wake_at == 0) {
        printf("number %d is running\n", me->number);
        me->wake_at = now() + 2;
    }
    if (now() < me->wake_at) {
        return FUTURE_PENDING;
    }
    *out = 2;
    return FUTURE_READY;
}

static void patient_drop(struct future *self) {
    free(self);
}

static const struct future_ops patient_ops = {patient_poll, patient_drop};

static struct future *do_something_patiently(int number) {
    struct patient *me = need(malloc(sizeof *me), "make a future");
    *me = (struct patient){{&patient_ops}, number, 0};
    return &me->base;
}

// ---- The acts ----

static struct executor *start_workers(int workers) {
    return need(executor_start(workers), "start the workers");
}

static struct future *spawn(struct executor *e, struct future *f) {
    return need(executor_spawn(e, f), "spawn a future");
}

static int report(double start, int outcome) {
    print_elapsed(start);
    printf("Here is the outcome: %d\n", outcome);
    return outcome == 2 ? 0 : 1;
}

static int play_lazy(long unused) {
    (void)unused;
    double start = now();
    struct future *f = do_something(1);
    int outcome = future_await(f);
    return report(start, outcome);
}

// Four seconds, not two: while we slept the future did not run.
static int play_late_await(long unused) {
    (void)unused;
    double start = now();
    struct future *f = do_something(1);
    sleep_two_seconds();
    int outcome = future_await(f);
    return report(start, outcome);
}

// Two seconds again: while we slept the worker ran the future.
static int play_spawned(long unused) {
    (void)unused;
    double start = now();
    struct executor *e = start_workers(1);
    struct future *handle = spawn(e, do_something(1));
    sleep_two_seconds();
    int outcome = future_await(handle);
    executor_stop(e);
    return report(start, outcome);
}

static int play_two(int workers, struct future *(*make)(int number)) {
    double start = now();
    struct executor *e = start_workers(workers);
    struct future *one = spawn(e, make(1));
    struct future *two = spawn(e, make(2));
    sleep_two_seconds();
    int sum = future_await(one);
    sum += future_await(two);
    executor_stop(e);
    print_elapsed(start);
    return sum == 4 ? 0 : 1;
}

// The first future sleeps in the only worker; the second stands in line.
static int play_two_blocking(long unused) {
    (void)unused;
    return play_two(1, do_something);
}

static int play_two_workers(long unused) {
    (void)unused;
    return play_two(2, do_something);
}

// One worker again, and yet two seconds: nobody sleeps in it.
static int play_async_sleep(long unused) {
    (void)unused;
    return play_two(1, do_something_patiently);
}

int main(int argc, char **argv) {
    static const struct act acts[] = {
        {"lazy", "make a future, then await it", 2, play_lazy, 0},
        {"late-await", "make it, sleep, then await it", 4, play_late_await, 0},
        {"spawned", "hand it to a worker, sleep meanwhile", 2, play_spawned, 0},
        {"two-blocking", "two that block, one worker", 4, play_two_blocking, 0},
        {"two-workers", "two that block, two workers", 2, play_two_workers, 0},
        {"async-sleep", "two that yield, one worker", 2, play_async_sleep, 0},
    };
    return acts_main(argc, argv, "futures", acts, sizeof acts / sizeof acts[0]);
}
