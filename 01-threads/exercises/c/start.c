#define _POSIX_C_SOURCE 200809L
// Exercise 01c: a result that can fail. Three threads work. The second fails, and
// then the whole program is over. Let each give back a result: the value 2, or the
// reason why there is none. main tells what failed and adds up the rest.
//
//     make try-01c     builds it, runs it, and says what happened
//     make hint-01c    a hint, and after that a stronger one
//
// By hand, in 01-threads: cc -pthread exercises/01c.c && ./a.out
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static void must(int error, const char *what) {
    if (error != 0) {
        fprintf(stderr, "01c: %s: %s\n", what, strerror(error));
        exit(EXIT_FAILURE);
    }
}

static void sleep_ms(long ms) {
    struct timespec left = {.tv_nsec = ms * 1000 * 1000};
    while (nanosleep(&left, &left) != 0 && errno == EINTR) {
    }
}

// What joining gives.
struct result {
    int value;
    const char *error; // NULL: value is good
};

// ---- your part ----

// RETURNS a struct result.
static void *work(void *arg) {
    const int *number = arg;
    sleep_ms(50L * *number);
    if (*number == 2) {
        printf("number 2 failed: no data\n");
        exit(EXIT_FAILURE);
    }
    return NULL;
}

// Joins the thread. RETURNS its result.
static struct result join(pthread_t thread) {
    must(pthread_join(thread, NULL), "join");
    return (struct result){0, NULL};
}

// ---- to here ----

int main(void) {
    int numbers[3] = {1, 2, 3};
    pthread_t threads[3];
    int sum = 0;
    for (int i = 0; i < 3; i++) {
        must(pthread_create(&threads[i], NULL, work, &numbers[i]), "create");
    }
    for (int i = 0; i < 3; i++) {
        struct result result = join(threads[i]);
        if (result.error != NULL) {
            printf("number %d failed: %s\n", numbers[i], result.error);
        } else {
            printf("number %d delivered %d\n", numbers[i], result.value);
            sum += result.value;
        }
    }
    printf("sum %d\n", sum);
    return 0;
}
