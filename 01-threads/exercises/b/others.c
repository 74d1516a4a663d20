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
#if defined RIGHT_NUMBER_IN_THE_POINTER
    const int number = (int)(size_t)arg;
#elif defined RIGHT_FROM_THE_HEAP
    const int number = *(int *)arg;
    free(arg);
#else
    const int *place = arg;
    sleep_ms(5);
    const int number = *place;
#endif
    sleep_ms(5);
    printf("number %d is running\n", number);
    sleep_ms(100);
    return NULL;
}

#ifdef WRONG_ASKS_A_GLOBAL
static int next_number;

static void *count_up(void *unused) {
    (void)unused;
    int number = ++next_number;
    sleep_ms(5);
    printf("number %d is running\n", number);
    sleep_ms(100);
    return NULL;
}
#endif

int main(void) {
    pthread_t threads[3];
    static int numbers[3];
    int one = 0;
    (void)numbers;
    (void)one;
    for (int i = 0; i < 3; i++) {
        void *arg = &numbers[i];
        void *(*function)(void *) = do_something;
        numbers[i] = i + 1;
#if defined RIGHT_NUMBER_IN_THE_POINTER
        arg = (void *)(size_t)(i + 1);
#elif defined RIGHT_FROM_THE_HEAP
        int *mine = malloc(sizeof *mine);
        must(mine == NULL ? ENOMEM : 0, "number");
        *mine = i + 1;
        arg = mine;
#elif defined WRONG_BACK_TO_ONE_PLACE
        one = i + 1;
        arg = &one;
#elif defined WRONG_VOLATILE
        static volatile int shared;
        shared = i + 1;
        arg = (void *)&shared;
#elif defined WRONG_COUNTS_FROM_ZERO
        numbers[i] = i;
#elif defined WRONG_ASKS_A_GLOBAL
        function = count_up;
#elif defined WRONG_FREED_TOO_EARLY
        int *mine = malloc(sizeof *mine);
        must(mine == NULL ? ENOMEM : 0, "number");
        *mine = i + 1;
        arg = mine;
#elif defined WRONG_NEVER_FREED
        int *mine = malloc(sizeof *mine);
        must(mine == NULL ? ENOMEM : 0, "number");
        *mine = i + 1;
        arg = mine;
#endif
        must(pthread_create(&threads[i], NULL, function, arg), "create");
#ifdef WRONG_FREED_TOO_EARLY
        free(arg);
#endif
    }
    for (int i = 0; i < 3; i++) {
        must(pthread_join(threads[i], NULL), "join");
    }
    return 0;
}

// ---- to here ----
