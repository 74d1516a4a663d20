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

#if defined RIGHT_JOINS_BACKWARDS
static int run_three(struct call calls[3]) {
    pthread_t threads[3];
    int sum = 0;
    for (int i = 0; i < 3; i++) {
        must(pthread_create(&threads[i], NULL, do_something, &calls[i]),
             "create");
    }
    for (int i = 2; i >= 0; i--) {
        must(pthread_join(threads[i], NULL), "join");
        sum += calls[i].value;
    }
    return sum;
}
#elif defined RIGHT_DETACHED_AND_A_CONDITION
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static int done;

static void *do_and_tell(void *arg) {
    do_something(arg);
    must(pthread_mutex_lock(&mutex), "lock");
    done++;
    must(pthread_cond_signal(&changed), "signal");
    must(pthread_mutex_unlock(&mutex), "unlock");
    return NULL;
}

static int run_three(struct call calls[3]) {
    for (int i = 0; i < 3; i++) {
        pthread_t thread;
        must(pthread_create(&thread, NULL, do_and_tell, &calls[i]), "create");
        must(pthread_detach(thread), "detach");
    }
    must(pthread_mutex_lock(&mutex), "lock");
    while (done < 3) {
        must(pthread_cond_wait(&changed, &mutex), "wait");
    }
    must(pthread_mutex_unlock(&mutex), "unlock");
    return calls[0].value + calls[1].value + calls[2].value;
}
#elif defined RIGHT_MAIN_DOES_ONE
static int run_three(struct call calls[3]) {
    pthread_t one, two;
    must(pthread_create(&one, NULL, do_something, &calls[0]), "create");
    must(pthread_create(&two, NULL, do_something, &calls[1]), "create");
    do_something(&calls[2]);
    must(pthread_join(one, NULL), "join");
    must(pthread_join(two, NULL), "join");
    return calls[0].value + calls[1].value + calls[2].value;
}
#elif defined WRONG_NO_THREADS
static int run_three(struct call calls[3]) {
    int sum = 0;
    for (int i = 0; i < 3; i++) {
        do_something(&calls[i]);
        sum += calls[i].value;
    }
    return sum;
}
#elif defined WRONG_FOUR_OF_THREE
static int run_three(struct call calls[3]) {
    pthread_t threads[3];
    int sum = 0;
    for (int i = 0; i <= 3; i++) {
        must(pthread_create(&threads[i], NULL, do_something, &calls[i]),
             "create");
    }
    for (int i = 0; i <= 3; i++) {
        must(pthread_join(threads[i], NULL), "join");
        sum += calls[i].value;
    }
    return sum;
}
#elif defined WRONG_ENDS_MAIN || defined WRONG_ASKS_AND_ASKS
static int run_three(struct call calls[3]) {
    for (int i = 0; i < 3; i++) {
        pthread_t thread;
        must(pthread_create(&thread, NULL, do_something, &calls[i]), "create");
    }
#ifdef WRONG_ENDS_MAIN
    pthread_exit(NULL);
#else
    for (int i = 0; i < 3; i++) {
        while (*(volatile int *)&calls[i].value >= 0) {
        }
    }
#endif
    return 0;
}
#else
static int run_three(struct call calls[3]) {
    pthread_t threads[3];
    int sum = 0;
    for (int i = 0; i < 3; i++) {
        must(pthread_create(&threads[i], NULL, do_something, &calls[i]),
             "create");
#ifdef WRONG_JOINS_TWO_OF_THEM_EARLY
        if (i > 0) {
            must(pthread_join(threads[i - 1], NULL), "join");
        }
#endif
    }
#ifdef WRONG_JOINS_THE_LAST_ALONE
    must(pthread_join(threads[2], NULL), "join");
#endif
#ifdef WRONG_LOOKS_UNTIL_IT_IS_THERE
    while (*(volatile int *)&calls[2].value == 0) {
        sleep_ms(10);
    }
#endif
#ifdef WRONG_JOINS_WHAT_IT_ADDED
    for (int i = 0; i < 3; i++) {
        sum += calls[i].value;
    }
    for (int i = 0; i < 3; i++) {
        must(pthread_join(threads[i], NULL), "join");
    }
    return sum;
#endif
#ifdef WRONG_ENDS_THE_PROGRAM
    printf("the sum is right\n");
    exit(0);
#endif
    for (int i = 0; i < 3; i++) {
        sum += calls[i].value;
    }
    return sum;
}
#endif

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
