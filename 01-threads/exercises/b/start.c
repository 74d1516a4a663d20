#define _POSIX_C_SOURCE 200809L
// Exercise 01b: the borrowed counter. Each thread should print a number of its
// own, 1 to 3. Run it some times: what do you get?
//
//     make try-01b     builds it, runs it, and says what happened
//     make hint-01b    a hint, and after that a stronger one
//
// By hand, in 01-threads: cc -pthread exercises/01b.c && ./a.out
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static void must(int error, const char *what) {
    if (error != 0) {
        fprintf(stderr, "01b: %s: %s\n", what, strerror(error));
        exit(EXIT_FAILURE);
    }
}

static void sleep_ms(long ms) {
    struct timespec left = {.tv_nsec = ms * 1000 * 1000};
    while (nanosleep(&left, &left) != 0 && errno == EINTR) {
    }
}

// ---- your part ----

static void *do_something(void *arg) {
    const int *number = arg;
    sleep_ms(5); // somebody else has the processor
    printf("number %d is running\n", *number);
    sleep_ms(100);
    return NULL;
}

int main(void) {
    pthread_t threads[3];
    for (int i = 1; i <= 3; i++) {
        must(pthread_create(&threads[i - 1], NULL, do_something, &i), "create");
    }
    for (int i = 0; i < 3; i++) {
        must(pthread_join(threads[i], NULL), "join");
    }
    return 0;
}

// ---- to here ----
