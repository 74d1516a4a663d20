#define _POSIX_C_SOURCE 200809L
// Chapter 01's box for one number, into which a thread puts as before, and from
// which a future takes. There, a thread that found the box empty slept in it.
// Here nobody sleeps in the box: it keeps a waker, and whoever puts a number in
// calls it.
#include "mailbox.h"

#include "clock.h"
#include "executor.h"
#include "must.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>

struct mailbox {
    pthread_mutex_t mutex; // guards the rest
    pthread_cond_t emptied;
    bool full;
    int number;
    struct waker taker; // of who found the box empty; owned
};

// The future: its output is the number. It BORROWS the box.
struct take {
    struct future base;
    struct mailbox *box;
};

// The waker is called after the mutex is given back: it is somebody else's code,
// and could want this mutex (see take_drop).
static void put(struct mailbox *box, int number) {
    must(pthread_mutex_lock(&box->mutex), "mailbox: lock");
    while (box->full) {
        must(pthread_cond_wait(&box->emptied, &box->mutex), "mailbox: wait");
    }
    printf("put %d\n", number);
    box->number = number;
    box->full = true;
    struct waker taker = waker_take(&box->taker);
    must(pthread_mutex_unlock(&box->mutex), "mailbox: unlock");
    waker_wake(&taker);
    waker_drop(&taker);
}

// To look and to leave the waker are one step under the mutex. Otherwise the
// number could be put between the two, and nobody would be called.
static enum poll_result take_poll(struct future *self,
                                  const struct waker *waker, void *out) {
    struct mailbox *box = ((struct take *)self)->box;
    must(pthread_mutex_lock(&box->mutex), "mailbox: lock");
    struct waker old = waker_take(&box->taker); // of an earlier poll: outdated
    enum poll_result result = box->full ? FUTURE_READY : FUTURE_PENDING;
    if (box->full) {
        printf("took %d\n", box->number);
        *(int *)out = box->number;
        box->full = false;
        must(pthread_cond_signal(&box->emptied), "mailbox: signal");
    } else {
        printf("the box is empty: leave a waker\n");
        box->taker = waker_clone(waker);
    }
    must(pthread_mutex_unlock(&box->mutex), "mailbox: unlock");
    waker_drop(&old);
    return result;
}

// A future that is given up takes its waker out of the box, which would otherwise
// keep the task for ever.
static void take_drop(struct future *self) {
    struct mailbox *box = ((struct take *)self)->box;
    must(pthread_mutex_lock(&box->mutex), "mailbox: lock");
    struct waker old = waker_take(&box->taker);
    must(pthread_mutex_unlock(&box->mutex), "mailbox: unlock");
    waker_drop(&old);
}

static const struct future_ops take_ops = {sizeof(struct take), sizeof(int),
                                           take_poll, take_drop};

static struct take take(struct mailbox *box) {
    return (struct take){{&take_ops}, box};
}

// ---- The act ----

static void *put_three(void *box) {
    for (int number = 1; number <= 3; number++) {
        sleep_seconds(0.1);
        put(box, number);
    }
    return NULL;
}

// No task, no queue: block_on polls, and sleeps until the waker is called.
static int take_here(struct mailbox *box) {
    int number = 0;
    struct take f = take(box);
    block_on(&f.base, &number);
    return number;
}

// The same future as a task: now the waker puts the task on the queue.
static int take_in_a_task(struct mailbox *box) {
    int number = 0;
    struct take f = take(box);
    struct task *task = spawn_task(&f.base);
    bool delivered = task != NULL && task_join(task, &number) == TASK_COMPLETED;
    return delivered ? number : 0;
}

int play_mailbox(void) {
    struct mailbox box = {.mutex = PTHREAD_MUTEX_INITIALIZER,
                          .emptied = PTHREAD_COND_INITIALIZER};
    pthread_t thread;
    must(pthread_create(&thread, NULL, put_three, &box), "mailbox: thread");
    int sum = take_here(&box) + take_here(&box);
    printf("now a task takes\n");
    sum += take_in_a_task(&box);
    must(pthread_join(thread, NULL), "mailbox: join");
    printf("sum %d\n", sum);
    return sum == 6 ? 0 : 1;
}
