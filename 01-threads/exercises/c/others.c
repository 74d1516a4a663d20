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

#if defined WRONG_LEAVES_A_LOCAL || defined WRONG_LEAVES_A_LOCAL_TEXT
static void *work(void *arg) {
    const int *number = arg;
    struct result r = {2, NULL};
    sleep_ms(50L * *number);
    if (*number == 2) {
        r = (struct result){0, "no data"};
    }
#ifdef WRONG_LEAVES_A_LOCAL
    pthread_exit(&r);
#else
    char why[100] = "no data";
    pthread_exit(r.error != NULL ? why : NULL);
#endif
}

static struct result join(pthread_t thread) {
    void *given = NULL;
    must(pthread_join(thread, &given), "join");
#ifdef WRONG_LEAVES_A_LOCAL_TEXT
    return (struct result){2, given};
#else
    return *(struct result *)given;
#endif
}
#elif defined RIGHT_A_TABLE || defined WRONG_FORGETS_THE_THIRD
// No memory to free: the results lie in a table that outlives the threads.
static struct result results[3];

static void *work(void *arg) {
    const int *number = arg;
    struct result *mine = &results[*number - 1];
    sleep_ms(50L * *number);
#ifdef WRONG_FORGETS_THE_THIRD
    if (*number == 3) {
        return mine;
    }
#endif
    *mine = (struct result){2, *number == 2 ? "no data" : NULL};
    return mine;
}

static struct result join(pthread_t thread) {
    void *given = NULL;
    must(pthread_join(thread, &given), "join");
    return *(struct result *)given;
}
#elif defined RIGHT_NULL_IS_A_FAILURE
static void *work(void *arg) {
    const int *number = arg;
    sleep_ms(50L * *number);
    if (*number == 2) {
        return NULL;
    }
    int *value = malloc(sizeof *value);
    must(value == NULL ? ENOMEM : 0, "value");
    *value = 2;
    return value;
}

static struct result join(pthread_t thread) {
    void *given = NULL;
    must(pthread_join(thread, &given), "join");
    struct result result = {given != NULL ? *(int *)given : 0,
                            given == NULL ? "no data" : NULL};
    free(given);
    return result;
}
#elif defined WRONG_EXITS_THE_THREAD
static void *work(void *arg) {
    const int *number = arg;
    sleep_ms(50L * *number);
    if (*number == 2) {
        pthread_exit(NULL);
    }
    return NULL;
}

static struct result join(pthread_t thread) {
    must(pthread_join(thread, NULL), "join");
    return (struct result){2, NULL};
}
#elif defined WRONG_ALL_FAIL
static void *work(void *arg) {
    (void)arg;
    return NULL;
}

static struct result join(pthread_t thread) {
    must(pthread_join(thread, NULL), "join");
    return (struct result){0, "no data"};
}
#else
static void *work(void *arg) {
    const int *number = arg;
#ifdef WRONG_ONE_PLACE_FOR_ALL
    static struct result one;
    struct result *result = &one;
#else
    struct result *result = malloc(sizeof *result);
    must(result == NULL ? ENOMEM : 0, "result");
#endif
    sleep_ms(50L * *number);
    *result = (struct result){2, *number == 2 ? "no data" : NULL};
#ifdef WRONG_FREES_AND_RETURNS
    free(result);
#endif
    return result;
}

static struct result join(pthread_t thread) {
    void *given = NULL;
    must(pthread_join(thread, &given), "join");
#ifdef WRONG_FREES_AND_THEN_READS
    free(given);
    return *(struct result *)given;
#else
    struct result result = *(struct result *)given;
#ifdef WRONG_NEVER_JOINS_AGAIN
    must(pthread_join(thread, NULL), "join");
#endif
    return result;
#endif
}
#endif

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
