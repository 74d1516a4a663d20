#define _POSIX_C_SOURCE 200809L
// Exercise 01a: a join too early. Three threads sleep for 0.2, 0.25 and 0.15
// seconds. They should all sleep at the same time, but it takes 0.6 seconds. Why?
// Change run_three so that it takes 0.25, and still returns the sum of their values.
//
//     make try-01a     builds it, runs it, and says what happened
//     make hint-01a    a hint, and after that a stronger one
//
// By hand, in 01-threads: cc -pthread exercises/01a.c && ./a.out
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static void must(int error, const char *what) {
    if (error != 0) {
        fprintf(stderr, "01a: %s: %s\n", what, strerror(error));
        exit(EXIT_FAILURE);
    }
}

static void sleep_ms(long ms) {
    struct timespec left = {.tv_nsec = ms * 1000 * 1000};
    while (nanosleep(&left, &left) != 0 && errno == EINTR) {
    }
}

struct call {
    int number;
    int value; // what the call gave back
};

static int secret; // so that nobody knows the sum before

static void *do_something(void *arg) {
    static const long ms[] = {200, 250, 150};
    struct call *call = arg;
    printf("number %d is running\n", call->number);
    sleep_ms(ms[call->number - 1]);
    call->value = secret + call->number;
    return NULL;
}

// ---- your part ----

// RETURNS the sum of the three values.
static int run_three(struct call calls[3]) {
    pthread_t threads[3];
    int result = 0;
    for (int i = 0; i < 3; i++) {
#if defined ALL_GOT_THE_FIRST
        must(pthread_create(&threads[i], NULL, do_something, calls), "create");
#elif defined CALLS_THE_FUNCTION
        void *function = do_something(&calls[i]);
        must(pthread_create(&threads[i], NULL, *(void *(**)(void *)) & function,
                            &calls[i]),
             "create");
#elif defined JOINED_AGAIN
        must(pthread_create(&threads[0], NULL, do_something, &calls[i]),
             "create");
        threads[i] = threads[0];
#elif defined CALL_FAILED
        must(pthread_create(&threads[i], NULL, do_something, &calls[i]),
             "create");
        must(i == 1 ? EAGAIN : 0, "create");
#else
        must(pthread_create(&threads[i], NULL, do_something, &calls[i]),
             "create");
#endif
#ifdef JOINED_TOO_EARLY
        must(pthread_join(threads[i], NULL), "join");
#endif
#ifdef ADDED_TOO_EARLY
        result += calls[i].value;
#endif
    }
#ifdef SLEPT_INSTEAD
    sleep_ms(300);
#endif
    for (int i = 0; i < 3; i++) {
#ifdef JOINED_AGAIN
        must(pthread_join(threads[2], NULL), "join");
#elif !defined NO_JOIN && !defined SLEPT_INSTEAD && !defined JOINED_TOO_EARLY
        must(pthread_join(threads[i], NULL), "join");
#endif
#ifndef ADDED_TOO_EARLY
        result += calls[i].value;
#endif
    }
    return result;
}

// ---- to here ----

int main(void) {
    struct call calls[3] = {{1, 0}, {2, 0}, {3, 0}};
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    secret = (int)(t.tv_nsec / 1000 % 1000 + 1);
    int sum = run_three(calls);
    printf("the sum is %s\n", sum == 3 * secret + 6 ? "right" : "wrong");
    return 0;
}
