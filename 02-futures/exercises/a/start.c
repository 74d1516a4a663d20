#define _POSIX_C_SOURCE 200809L
// Exercise 02a: start early, wait late. A future works for 0.3 seconds on the one
// worker, and main has 0.3 seconds of work of its own. Both together take 0.6. Let
// them take 0.3. Change the order in run; you need nothing new.
//
//     make try-02a     builds it, runs it, and says what happened
//     make hint-02a    a hint, and after that a stronger one
//
// By hand, in 02-futures: make my-02a && ./my-02a
#include "executor.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <time.h>

static void sleep_ms(long ms) {
    struct timespec left = {.tv_nsec = ms * 1000 * 1000};
    while (nanosleep(&left, &left) != 0 && errno == EINTR) {
    }
}

static int salt; // so that the output is not what came in

// A future that blocks its thread, and is ready with a secret number.
struct something {
    struct future base;
    int secret;
};

static enum poll_result something_poll(struct future *self, void *out) {
    sleep_ms(300);
    printf("the future is ready\n");
    *(int *)out = ((struct something *)self)->secret + salt;
    return FUTURE_READY;
}

static struct something do_something(int secret) {
    static const struct future_ops ops = {sizeof(struct something), sizeof(int),
                                          something_poll, NULL};
    return (struct something){{&ops}, secret};
}

static void own_work(void) {
    sleep_ms(300);
    printf("main has done its own\n");
}

// ---- your part ----

// RETURNS the output of do_something(secret).
static int run(int secret) {
    int outcome = 0;
    struct something f = do_something(secret);
    own_work();
    struct handle handle = executor_spawn(&f.base, &outcome);
    block_on(&handle.base, NULL);
    return outcome;
}

// ---- to here ----

int main(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    int secret = (int)(t.tv_nsec / 1000 % 1000 + 1);
    salt = (int)(t.tv_nsec % 1000 + 1);
    executor_start(1);
    bool right = run(secret) == secret + salt;
    printf("the outcome is %s\n", right ? "right" : "wrong");
    return 0;
}
