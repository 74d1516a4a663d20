#define _POSIX_C_SOURCE 200809L
// Chapter 02: six small programs about when a future runs, and on which thread.
// A future that blocks holds its thread; a future that yields does not.
//
//     ./futures              all acts, about 16 seconds
//     ./futures lazy         one act
//     ./futures --list       their names
#include "acts.h"
#include "clock.h"
#include "executor.h"
#include "future.h"

#include <stdio.h>

static void print_elapsed(double start) {
    printf("time elapsed %fs\n", now() - start);
}

// ---- do_something, as a future that blocks ----

// The call of chapter 01, put off: making the struct runs nothing.
struct something {
    struct future base;
    int number;
};

// It blocks its thread for two seconds. That is what a future should never do,
// and we want to see why.
static enum poll_result something_poll(struct future *self, void *out) {
    struct something *me = (struct something *)self;
    printf("number %d is running\n", me->number);
    sleep_seconds(2);
    *(int *)out = 2;
    return FUTURE_READY;
}

static const struct future_ops something_ops = {
    sizeof(struct something), sizeof(int), something_poll, NULL};

static struct something do_something(int number) {
    return (struct something){{&something_ops}, number};
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

static enum poll_result patient_poll(struct future *self, void *out) {
    struct patient *me = (struct patient *)self;
    if (me->wake_at == 0) {
        printf("number %d is running\n", me->number);
        me->wake_at = now() + 2;
    }
    if (now() < me->wake_at) {
        return FUTURE_PENDING;
    }
    *(int *)out = 2;
    return FUTURE_READY;
}

static const struct future_ops patient_ops = {sizeof(struct patient),
                                              sizeof(int), patient_poll, NULL};

static struct patient do_something_patiently(int number) {
    return (struct patient){{&patient_ops}, number, 0};
}

// ---- The acts ----

static int tell(int outcome) {
    printf("Here is the outcome: %d\n", outcome);
    return outcome == 2 ? 0 : 1;
}

static int play_lazy(void) {
    int outcome = 0;
    double start = now();
    struct something f = do_something(1);
    block_on(&f.base, &outcome);
    print_elapsed(start);
    return tell(outcome);
}

// Four seconds, not two: while we slept the future did not run.
static int play_late_await(void) {
    int outcome = 0;
    double start = now();
    struct something f = do_something(1);
    sleep_seconds(2);
    block_on(&f.base, &outcome);
    print_elapsed(start);
    return tell(outcome);
}

enum { most_futures = 100 }; // that one act may try

// Hands the futures to the workers, and sleeps two seconds before it awaits
// them: so what takes no longer than that was run meanwhile. RETURNS the sum of
// the outputs.
static int run(int workers, struct future *futures[], int count) {
    struct handle handles[most_futures];
    int outcomes[most_futures], sum = 0;
    double start = now();
    executor_start(workers);
    for (int i = 0; i < count; i++) {
        handles[i] = executor_spawn(futures[i], &outcomes[i]);
    }
    sleep_seconds(2);
    for (int i = 0; i < count; i++) {
        block_on(&handles[i].base, NULL);
        sum += outcomes[i];
    }
    print_elapsed(start);
    return sum;
}

// Two seconds again: while we slept the worker ran the future.
static int play_spawned(void) {
    struct something f = do_something(1);
    return tell(run(1, (struct future *[]){&f.base}, 1));
}

static int run_two_that_block(int workers) {
    struct something one = do_something(1), two = do_something(2);
    struct future *both[] = {&one.base, &two.base};
    return run(workers, both, 2) == 4 ? 0 : 1;
}

// The first future sleeps in the only worker; the second stands in line.
static int play_two_blocking(void) {
    return run_two_that_block(1);
}

static int play_two_workers(void) {
    return run_two_that_block(2);
}

// One worker again, and yet two seconds: nobody sleeps in it.
static int play_async_sleep(void) {
    struct patient one = do_something_patiently(1);
    struct patient two = do_something_patiently(2);
    struct future *both[] = {&one.base, &two.base};
    return run(1, both, 2) == 4 ? 0 : 1;
}

int main(int argc, char **argv) {
    static const struct act acts[] = {
        {"lazy", "make a future, then await it", 2, .play = play_lazy},
        {"late-await", "make it, sleep, then await it", 4,
         .play = play_late_await},
        {"spawned", "hand it to a worker, sleep meanwhile", 2,
         .play = play_spawned},
        {"two-blocking", "two that block, one worker", 4,
         .play = play_two_blocking},
        {"two-workers", "two that block, two workers", 2,
         .play = play_two_workers},
        {"async-sleep", "two that yield, one worker", 2,
         .play = play_async_sleep},
    };
    return acts_main(argc, argv, "futures", acts, sizeof acts / sizeof acts[0]);
}
