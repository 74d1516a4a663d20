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

// Waits until there is room.
static void put(struct box *b, int number) {
    lock(b);
    if (b->count < b->room) {
        b->numbers[b->count++] = number;
    }
    unlock(b);
}

// Waits until there is a number. RETURNS it.
static int take(struct box *b) {
    int number = 0;
    lock(b);
    if (b->count > 0) {
        number = b->numbers[--b->count];
    }
    unlock(b);
    return number;
}

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
