#define _POSIX_C_SOURCE 200809L
// Chapter 01: three calls that take two seconds each, one after another and
// then on three threads at once. What a thread gives back, how it fails, and
// how threads hand each other data.
//
//     ./threads              all acts, about 11 seconds
//     ./threads joined       one act
//     ./threads --list       their names
#include "acts.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#ifdef __linux__
#include <sys/prctl.h>
#endif

// Threads and locks fail only when the system has nothing left; then there is
// no lesson to give and the program ends.
static void must(int error, const char *what) {
    if (error != 0) {
        fprintf(stderr, "threads: %s: %s\n", what, strerror(error));
        exit(EXIT_FAILURE);
    }
}

// ---- The expensive call ----

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

// A signal may cut a sleep short; then the rest is slept.
static void sleep_seconds(double seconds) {
    struct timespec left = {.tv_sec = (time_t)seconds};
    left.tv_nsec = (long)((seconds - (double)left.tv_sec) * 1e9);
    while (nanosleep(&left, &left) != 0 && errno == EINTR) {
    }
}

// Stands for anything slow: a disk, a database, another computer. The thread
// that calls it can do nothing else for two seconds.
static int do_something(int number) {
    printf("number %d is running\n", number);
    sleep_seconds(2);
    return 2;
}

static void print_elapsed(double start) {
    printf("time elapsed %fs\n", now() - start);
}

// ---- sequential: one after another ----

static int play_sequential(long unused) {
    (void)unused;
    double start = now();
    int result = 0;
    for (int number = 1; number <= 3; number++) {
        result += do_something(number);
    }
    print_elapsed(start);
    printf("result %d\n", result);
    return result == 6 ? 0 : 1;
}

// ---- joined: three threads ----

// What Rust packs into a closure is written out here: a thread gets one
// function and one pointer, so all that it needs is in the struct behind the
// pointer. The thread uses it until it is joined; so it must live that long.
struct call {
    int number;
    bool fails;
    // What the thread gives back: a value, or the reason why there is none.
    // Rust calls this a Result. Only the thread writes it, and we read
    // it only after the join, so it needs no lock.
    int value;
    const char *error; // NULL: value is good
};

// The end of a thread that cannot go on, however deep in its calls it is.
// Only this thread ends; it leaves word of why.
static void die(struct call *call, const char *why) {
    call->error = why;
    pthread_exit(NULL);
}

static void *run_call(void *arg) {
    struct call *call = arg;
    int value = do_something(call->number);
    if (call->fails) {
        die(call, "it lost its way");
    }
    call->value = value;
    return NULL;
}

// Joining waits for the end of the thread. Whether the thread came to a good
// end, pthread_join does not know: the struct says so.
static int join_call(pthread_t thread, const struct call *call) {
    must(pthread_join(thread, NULL), "join");
    if (call->error != NULL) {
        printf("number %d failed: %s\n", call->number, call->error);
        return 0;
    }
    return call->value;
}

static int run_three(struct call calls[3]) {
    pthread_t threads[3];
    for (int i = 0; i < 3; i++) {
        must(pthread_create(&threads[i], NULL, run_call, &calls[i]),
             "create a thread");
    }
    int result = 0;
    for (int i = 0; i < 3; i++) {
        result += join_call(threads[i], &calls[i]);
    }
    return result;
}

static int play_joined(long unused) {
    (void)unused;
    double start = now();
    struct call calls[3] = {{.number = 1}, {.number = 2}, {.number = 3}};
    int result = run_three(calls);
    print_elapsed(start);
    printf("result %d\n", result);
    return result == 6 ? 0 : 1;
}

// ---- failing: one of them dies ----

static int play_failing(long unused) {
    (void)unused;
    double start = now();
    struct call calls[3] = {
        {.number = 1}, {.number = 2, .fails = true}, {.number = 3}};
    int result = run_three(calls);
    print_elapsed(start);
    printf("result %d\n", result);
    return result == 4 ? 0 : 1;
}

// ---- named: names, and data from thread to thread ----

// A box for one number. One thread puts, another takes, and each waits for the
// other: the smallest channel there is. Chapter 03 builds one that is never
// full.
struct mailbox {
    pthread_mutex_t mutex; // guards full and number
    pthread_cond_t changed;
    bool full;
    int number;
};

// A thread that waits on the condition gives the mutex back meanwhile;
// otherwise the other one could never change what it waits for. It looks
// again after each wake-up, because a wake-up is a hint and no promise.
static void wait_until(struct mailbox *box, bool full) {
    while (box->full != full) {
        must(pthread_cond_wait(&box->changed, &box->mutex), "wait");
    }
}

static void put(struct mailbox *box, int number) {
    must(pthread_mutex_lock(&box->mutex), "lock");
    wait_until(box, false);
    box->number = number;
    box->full = true;
    must(pthread_cond_signal(&box->changed), "signal");
    must(pthread_mutex_unlock(&box->mutex), "unlock");
}

static int take(struct mailbox *box) {
    must(pthread_mutex_lock(&box->mutex), "lock");
    wait_until(box, true);
    int number = box->number;
    box->full = false;
    must(pthread_cond_signal(&box->changed), "signal");
    must(pthread_mutex_unlock(&box->mutex), "unlock");
    return number;
}

// The name shows up in `top -H` and in a debugger. POSIX has no call for it;
// each system has its own.
static void name_this_thread(const char *name) {
#ifdef __linux__
    must(prctl(PR_SET_NAME, name) == 0 ? 0 : errno, "name a thread");
#else
    (void)name;
#endif
}

static const char *name_of_this_thread(char name[16]) {
    strcpy(name, "(no name)");
#ifdef __linux__
    must(prctl(PR_GET_NAME, name) == 0 ? 0 : errno, "ask for a name");
#endif
    return name;
}

enum { numbers = 3 };

static void *run_producer(void *arg) {
    struct mailbox *box = arg;
    char name[16];
    name_this_thread("producer");
    for (int i = 1; i <= numbers; i++) {
        printf("%s puts %d\n", name_of_this_thread(name), i);
        put(box, i);
    }
    return NULL;
}

static void *run_consumer(void *arg) {
    struct mailbox *box = arg;
    char name[16];
    int sum = 0;
    name_this_thread("consumer");
    for (int i = 1; i <= numbers; i++) {
        int number = take(box);
        sum += number;
        printf("%s takes %d\n", name_of_this_thread(name), number);
    }
    put(box, sum); // the producer is done, so the box is free for the answer
    return NULL;
}

static int play_named(long unused) {
    (void)unused;
    struct mailbox box = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER,
                          false, 0};
    pthread_t producer, consumer;
    must(pthread_create(&producer, NULL, run_producer, &box), "create");
    must(pthread_create(&consumer, NULL, run_consumer, &box), "create");
    must(pthread_join(producer, NULL), "join");
    must(pthread_join(consumer, NULL), "join");
    int sum = take(&box);
    printf("result %d\n", sum);
    must(pthread_cond_destroy(&box.changed), "destroy condition");
    must(pthread_mutex_destroy(&box.mutex), "destroy mutex");
    return sum == 6 ? 0 : 1;
}

int main(int argc, char **argv) {
    static const struct act acts[] = {
        {"sequential", "three calls, one after another", 6, play_sequential, 0},
        {"joined", "three threads at once", 2, play_joined, 0},
        {"failing", "one thread fails, two deliver", 2, play_failing, 0},
        {"named", "names, and data from thread to thread", 0, play_named, 0},
    };
    return acts_main(argc, argv, "threads", acts,
                     sizeof acts / sizeof acts[0]);
}
