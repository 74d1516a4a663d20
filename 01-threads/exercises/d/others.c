#define _POSIX_C_SOURCE 200809L
// Exercise 01d: a box with little room. Five threads put numbers into it, five
// take them out. In this box nobody waits: what does not fit is lost, and who comes to an
// empty box gets nothing. Let put wait while it is full, and take while it is empty.
//
//     make try-01d     builds it, runs it, and says what happened
//     make hint-01d    a hint, and after that a stronger one
//
// By hand, in 01-threads: cc -pthread exercises/01d.c && ./a.out
#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static void must(int error, const char *what) {
    if (error != 0) {
        fprintf(stderr, "01d: %s: %s\n", what, strerror(error));
        exit(EXIT_FAILURE);
    }
}

// mutex guards the rest; changed is for you.
struct box {
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    int room; // 1 to 3
    int count;
    int numbers[3];
};

static long locked; // so often; guarded by the mutex

static void lock(struct box *b) {
    must(pthread_mutex_lock(&b->mutex), "lock");
    locked++;
}

static void unlock(struct box *b) {
    must(pthread_mutex_unlock(&b->mutex), "unlock");
}

// ---- your part ----

#ifdef RIGHT_TWO_CONDITIONS
static pthread_cond_t has_room = PTHREAD_COND_INITIALIZER;
static pthread_cond_t has_number = PTHREAD_COND_INITIALIZER;

static void put(struct box *b, int number) {
    lock(b);
    while (b->count == b->room) {
        must(pthread_cond_wait(&has_room, &b->mutex), "wait");
    }
    b->numbers[b->count++] = number;
    must(pthread_cond_signal(&has_number), "signal");
    unlock(b);
}

static int take(struct box *b) {
    lock(b);
    while (b->count == 0) {
        must(pthread_cond_wait(&has_number, &b->mutex), "wait");
    }
    int number = b->numbers[--b->count];
    must(pthread_cond_signal(&has_room), "signal");
    unlock(b);
    return number;
}
#else
#if defined WRONG_NAPS_ON_THE_CONDITION || defined RIGHT_HAS_A_LIMIT
// A millisecond, and nobody calls; or an hour, and somebody does.
static void wait_until(struct box *b, long ms) {
    struct timespec at;
    clock_gettime(CLOCK_REALTIME, &at);
    at.tv_sec += ms / 1000;
    at.tv_nsec += ms % 1000 * 1000000;
    at.tv_sec += at.tv_nsec / 1000000000;
    at.tv_nsec %= 1000000000;
    (void)pthread_cond_timedwait(&b->changed, &b->mutex, &at);
}
#endif

static void put(struct box *b, int number) {
    lock(b);
    while (b->count == b->room) {
#if defined WRONG_NAPS_ON_THE_CONDITION
        wait_until(b, 1);
#elif defined RIGHT_HAS_A_LIMIT
        wait_until(b, 3600000);
#elif defined WRONG_NAPS
        unlock(b);
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
        lock(b);
#else
        must(pthread_cond_wait(&b->changed, &b->mutex), "wait");
#endif
    }
    b->numbers[b->count++] = number;
#ifdef RIGHT_TELLS_WITHOUT_THE_LOCK
    unlock(b);
    must(pthread_cond_broadcast(&b->changed), "tell");
#else
#if !defined WRONG_TELLS_NOBODY && !defined WRONG_NAPS_ON_THE_CONDITION
    must(pthread_cond_broadcast(&b->changed), "tell");
#endif
    unlock(b);
#endif
}

static int take(struct box *b) {
#ifdef WRONG_LOOKS_WITHOUT_THE_LOCK
    while (*(volatile int *)&b->count == 0) {
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    }
    lock(b);
#else
    lock(b);
#endif
#ifdef WRONG_TAKE_NEVER_WAITS
    if (b->count <= 0) {
        int none = b->numbers[--b->count + 1];
        must(pthread_cond_broadcast(&b->changed), "tell");
        unlock(b);
        return none;
    }
#endif
    while (b->count == 0) {
#ifdef WRONG_GIVES_UP
        unlock(b);
        return 0;
#elif defined WRONG_NAPS_ON_THE_CONDITION
        wait_until(b, 1);
#elif defined RIGHT_HAS_A_LIMIT
        wait_until(b, 3600000);
#elif defined WRONG_NAPS
        unlock(b);
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
        lock(b);
#else
        must(pthread_cond_wait(&b->changed, &b->mutex), "wait");
#endif
    }
    int number = b->numbers[--b->count];
#ifdef WRONG_LOCKS_TWICE
    lock(b);
#endif
#ifdef WRONG_KEEPS_THE_LOCK
    return number;
#endif
#if !defined WRONG_NAPS_ON_THE_CONDITION && !defined WRONG_ONLY_PUT_TELLS
    must(pthread_cond_broadcast(&b->changed), "tell");
#endif
    unlock(b);
    return number;
}
#endif

// ---- to here ----

enum { each = 100, kinds = 5 };

static struct box box;
static int most; // that were in the box; guarded by its mutex

static void *put_all(void *unused) {
    (void)unused;
    for (int i = 1; i <= each; i++) {
        put(&box, i);
        lock(&box);
        most = box.count > most ? box.count : most;
        unlock(&box);
    }
    return NULL;
}

// Slow at first, so that the box is full, and then fast, so that it is empty.
static void *take_all(void *sum) {
    for (int i = 0; i < each; i++) {
        const struct timespec moment = {.tv_nsec = 45 * 1000 * 1000};
        if (i < 5) {
            nanosleep(&moment, NULL);
        }
        *(long *)sum += take(&box);
    }
    return NULL;
}

static void play(int room) {
    pthread_t putters[kinds], takers[kinds];
    long sums[kinds] = {0}, sum = 0;
    box = (struct box){.mutex = PTHREAD_MUTEX_INITIALIZER,
                       .changed = PTHREAD_COND_INITIALIZER,
                       .room = room};
    most = 0;
    for (int i = 0; i < kinds; i++) {
        must(pthread_create(&putters[i], NULL, put_all, NULL), "create");
        must(pthread_create(&takers[i], NULL, take_all, &sums[i]), "create");
    }
    for (int i = 0; i < kinds; i++) {
        must(pthread_join(putters[i], NULL), "join");
        must(pthread_join(takers[i], NULL), "join");
        sum += sums[i];
    }
    printf("room for %d: %d numbers, sum %ld, at most %d in the box, %d left\n",
           room, kinds * each, sum, most, box.count);
}

int main(void) {
    play(3);
    play(1);
    printf("the box was locked %ld times\n", locked);
    return 0;
}
