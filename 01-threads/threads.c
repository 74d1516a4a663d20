#define _POSIX_C_SOURCE 200809L
// Chapter 01: three calls that take two seconds each, one after another and
// then on three threads at once. What a thread gives back, how it fails, and
// how threads hand each other data.
//
//     ./threads              all acts, about 10 seconds
//     ./threads joined       one act
//     ./threads --list       their names
#include "acts.h"
#include "clock.h"
#include "must.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#ifdef __linux__
#include <sys/prctl.h>
#endif

// ---- The expensive call ----

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

static int play_sequential(void) {
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
// pointer. The struct must live until the thread is joined.
struct call {
    int (*function)(int number);
    int number;
    int value; // written by the thread, read after the join: needs no lock
};

// What joining gives: a value, or the reason why there is none. In Rust this
// is a Result.
struct result {
    int value;
    const char *error; // NULL: value is good
};

static void *run_call(void *arg) {
    struct call *call = arg;
    call->value = call->function(call->number);
    return NULL;
}

// Joining waits for the end of the thread. The thread leaves one pointer
// behind: here NULL if all went well, else a text that says why not.
static struct result join_call(pthread_t thread, const struct call *call) {
    void *error = NULL;
    must(pthread_join(thread, &error), "threads: join a thread");
    return (struct result){call->value, error};
}

// Rust's unwrap would end the program here. We tell what happened and go on.
static int value_or_zero(struct result result, int number) {
    if (result.error != NULL) {
        printf("number %d failed: %s\n", number, result.error);
        return 0;
    }
    return result.value;
}

// All three are started before the first is joined. The other way round they
// would run one after another again.
static int run_three(struct call calls[3]) {
    pthread_t threads[3];
    int result = 0;
    double start = now();
    for (int i = 0; i < 3; i++) {
        must(pthread_create(&threads[i], NULL, run_call, &calls[i]),
             "threads: create a thread");
    }
    for (int i = 0; i < 3; i++) {
        struct result joined = join_call(threads[i], &calls[i]);
        result += value_or_zero(joined, calls[i].number);
    }
    print_elapsed(start);
    printf("result %d\n", result);
    return result;
}

static int play_joined(void) {
    struct call calls[3] = {
        {do_something, 1, 0}, {do_something, 2, 0}, {do_something, 3, 0}};
    return run_three(calls) == 6 ? 0 : 1;
}

// ---- failing: one of them dies ----

// Ends this thread and no other, however deep in its calls it is: none of the
// functions that called it goes on. The text is static, because this thread's
// stack is gone when main reads it.
_Noreturn static void give_up(void) {
    static char why[] = "it lost its way";
    pthread_exit(why);
}

static int do_something_and_fail(int number) {
    do_something(number);
    give_up();
}

static int play_failing(void) {
    struct call calls[3] = {{do_something, 1, 0},
                            {do_something_and_fail, 2, 0},
                            {do_something, 3, 0}};
    return run_three(calls) == 4 ? 0 : 1;
}

// ---- named: names, and data from thread to thread ----

// The name shows up in `top -H` and in a debugger. POSIX has no call for it;
// each system has its own, and this is the one of Linux.
static void name_this_thread(const char *name) {
#ifdef __linux__
    must(prctl(PR_SET_NAME, name) == 0 ? 0 : errno, "threads: name a thread");
#else
    (void)name;
#endif
}

// Says who does what, by the name that the system knows.
static void tell(const char *does, int number) {
    char name[16] = "(no name)"; // 16 with its end: Linux keeps no more
#ifdef __linux__
    must(prctl(PR_GET_NAME, name) == 0 ? 0 : errno, "threads: ask for a name");
#endif
    printf("%s %s %d\n", name, does, number);
}

// A box for one number. One thread puts, another takes, and each waits for the
// other: the smallest channel there is. Chapter 03 builds one that is never
// full.
struct mailbox {
    pthread_mutex_t mutex; // guards full and number
    pthread_cond_t changed;
    bool full;
    int number;
};

// Called with the mutex held. A thread that waits on the condition gives the
// mutex back meanwhile; otherwise the other one could never change what it
// waits for. It looks again after each wake-up, because a wake-up is a hint
// and no promise.
static void wait_until(struct mailbox *box, bool full) {
    while (box->full != full) {
        must(pthread_cond_wait(&box->changed, &box->mutex), "threads: wait");
    }
}

// It speaks while it holds the mutex, so the lines appear in the order in
// which things happened.
static void put(struct mailbox *box, int number) {
    must(pthread_mutex_lock(&box->mutex), "threads: lock");
    wait_until(box, false);
    box->number = number;
    box->full = true;
    tell("puts", number);
    must(pthread_cond_signal(&box->changed), "threads: signal");
    must(pthread_mutex_unlock(&box->mutex), "threads: unlock");
}

static int take(struct mailbox *box) {
    must(pthread_mutex_lock(&box->mutex), "threads: lock");
    wait_until(box, true);
    int number = box->number;
    box->full = false;
    tell("takes", number);
    must(pthread_cond_signal(&box->changed), "threads: signal");
    must(pthread_mutex_unlock(&box->mutex), "threads: unlock");
    return number;
}

static void *run_producer(void *arg) {
    struct mailbox *box = arg;
    name_this_thread("producer");
    for (int number = 1; number <= 3; number++) {
        put(box, number);
    }
    return NULL;
}

// Its last message goes the other way: the producer is done by then, so the
// box is free for the answer.
static void *run_consumer(void *arg) {
    struct mailbox *box = arg;
    int sum = 0;
    name_this_thread("consumer");
    for (int i = 0; i < 3; i++) {
        sum += take(box);
    }
    put(box, sum);
    return NULL;
}

static int play_named(void) {
    struct mailbox box = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER,
                          false, 0};
    pthread_t producer;
    pthread_t consumer;
    name_this_thread("main");
    must(pthread_create(&producer, NULL, run_producer, &box),
         "threads: create a thread");
    must(pthread_create(&consumer, NULL, run_consumer, &box),
         "threads: create a thread");
    must(pthread_join(producer, NULL), "threads: join a thread");
    must(pthread_join(consumer, NULL), "threads: join a thread");
    int sum = take(&box);
    printf("result %d\n", sum);
    must(pthread_cond_destroy(&box.changed), "threads: destroy a condition");
    must(pthread_mutex_destroy(&box.mutex), "threads: destroy a mutex");
    return sum == 6 ? 0 : 1;
}

int main(int argc, char **argv) {
    static const struct act acts[] = {
        {"sequential", "three calls, one after another", 6,
         .play = play_sequential},
        {"joined", "three threads at once", 2, .play = play_joined},
        {"failing", "one thread fails, two deliver", 2, .play = play_failing},
        {"named", "names, and data from thread to thread", 0,
         .play = play_named},
    };
    return acts_main(argc, argv, "threads", acts, sizeof acts / sizeof acts[0]);
}
