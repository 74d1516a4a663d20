#define _POSIX_C_SOURCE 200809L
// Chapter 03: our own task queue. Spawning puts a future on a queue; one worker
// takes them off in turn; a future that is not ready says when to come back.
//
//     ./task-queue           all acts, about 3 seconds
//     ./task-queue queue     one act
//     ./task-queue --list    their names
#include "acts.h"
#include "executor.h"
#include "makespan.h"
#include "task.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

// The program cannot go on without what it asked for.
static void require(bool done) {
    if (!done) {
        fprintf(stderr, "task-queue: %s\n", strerror(errno));
        exit(EXIT_FAILURE);
    }
}

static void *need(void *what) {
    require(what != NULL);
    return what;
}

// Threads and locks say themselves why not.
static void must(int error) {
    errno = error;
    require(error == 0);
}

static void sleep_ms(long ms) {
    struct timespec left = {.tv_sec = ms / 1000,
                            .tv_nsec = ms % 1000 * 1000 * 1000};
    while (nanosleep(&left, &left) != 0 && errno == EINTR) {
    }
}

// ---- How often something has happened, for a thread that waits for it ----

struct tally {
    pthread_mutex_t mutex; // guards count
    pthread_cond_t changed;
    int count;
};

static void tally_add(struct tally *t) {
    must(pthread_mutex_lock(&t->mutex));
    t->count++;
    must(pthread_cond_signal(&t->changed));
    must(pthread_mutex_unlock(&t->mutex));
}

static void tally_wait(struct tally *t, int count) {
    must(pthread_mutex_lock(&t->mutex));
    while (t->count < count) {
        must(pthread_cond_wait(&t->changed, &t->mutex));
    }
    must(pthread_mutex_unlock(&t->mutex));
}

// ---- A future that takes several turns ----

struct counter {
    struct future base;
    int number; // of the task
    int turn;   // how far it got; lives here, because poll returns in between
    int turns;
    int panics_at;         // in this turn it gives up; 0: never
    struct tally *dropped; // for who wants to know of the end; NULL: nobody
};

// Between two turns it lets the others have the worker: it wakes itself, which
// puts it at the end of the queue, and says that it is not ready.
static enum poll counter_poll(struct future *self, const struct waker *waker,
                              void *out) {
    struct counter *me = (struct counter *)self;
    me->turn++;
    printf("task %d, turn %d of %d\n", me->number, me->turn, me->turns);
    sleep_ms(50); // a little work, long enough to watch the turns
    if (me->turn == me->panics_at) {
        task_panic("this task cannot count any further");
    }
    if (me->turn < me->turns) {
        waker_wake(waker);
        return FUTURE_PENDING;
    }
    *(int *)out = me->turns;
    return FUTURE_READY;
}

static void counter_drop(struct future *self) {
    struct counter *me = (struct counter *)self;
    if (me->dropped != NULL) {
        printf("task %d is dropped after turn %d\n", me->number, me->turn);
        tally_add(me->dropped);
    }
    free(me);
}

static const struct future_ops counter_ops = {counter_poll, counter_drop};

static struct task *spawn_counter(struct counter counter) {
    struct counter *me = need(malloc(sizeof *me));
    *me = counter;
    me->base.ops = &counter_ops;
    return need(spawn_task(&me->base, sizeof(int)));
}

// ---- The acts ----

// RETURNS whether the task delivered.
static bool join_and_tell(struct task *task, int number) {
    int turns = 0;
    switch (task_join(task, &turns)) {
    case TASK_COMPLETED:
        printf("task %d delivered %d\n", number, turns);
        return true;
    case TASK_CANCELLED:
        printf("task %d was cancelled\n", number);
        return false;
    case TASK_PANICKED:
        printf("task %d panicked\n", number);
        return false;
    }
    return false;
}

static int play_three(int panicking) {
    struct task *tasks[3];
    int delivered = 0;
    for (int i = 0; i < 3; i++) {
        int number = i + 1;
        tasks[i] = spawn_counter(
            (struct counter){.number = number,
                             .turns = 3,
                             .panics_at = number == panicking ? 2 : 0});
    }
    for (int i = 0; i < 3; i++) {
        delivered += join_and_tell(tasks[i], i + 1);
    }
    return delivered;
}

// One worker, three tasks: each turn goes to the one that has waited longest.
static int play_queue(long unused) {
    (void)unused;
    return play_three(0) == 3 ? 0 : 1;
}

static void tell_if_running(const char *when) {
    printf("%s: %s\n", when,
           executor_is_running() ? "a queue and its worker"
                                 : "no queue, no worker");
}

// Nobody pays for a queue that nobody uses.
static int play_lazy(long unused) {
    (void)unused;
    bool before = executor_is_running();
    tell_if_running("before the first spawn");
    struct task *task =
        spawn_counter((struct counter){.number = 1, .turns = 1});
    tell_if_running("after the first spawn");
    return join_and_tell(task, 1) && !before ? 0 : 1;
}

// The second task panics in its second turn. The worker lives on, and the
// others do not notice.
static int play_panic(long unused) {
    (void)unused;
    return play_three(2) == 2 ? 0 : 1;
}

// The three ways to part with a running task before its end. The first two let
// it run on, the third ends it between two of its turns.
static int play_cancel(long unused) {
    (void)unused;
    static struct tally dropped = {PTHREAD_MUTEX_INITIALIZER,
                                   PTHREAD_COND_INITIALIZER, 0};
    struct task *tasks[3];
    for (int i = 0; i < 3; i++) {
        tasks[i] = spawn_counter(
            (struct counter){.number = i + 1, .turns = 5, .dropped = &dropped});
    }
    sleep_ms(225); // by then task 1 had two turns, and task 2 has its second
    printf("main drops the handle of task 1\n");
    future_drop(task_await(tasks[0], NULL));
    printf("main detaches task 2\n");
    task_detach(tasks[1]);
    printf("main cancels task 3\n");
    task_cancel(tasks[2]);
    bool delivered = join_and_tell(tasks[2], 3);
    tally_wait(&dropped, 3);
    return delivered ? 1 : 0;
}

int main(int argc, char **argv) {
    static const struct act acts[] = {
        {"queue", "three tasks take turns on one worker", 0.5, play_queue, 0},
        {"lazy", "no queue before the first spawn", 0.1, play_lazy, 0},
        {"panic", "one task panics, the others deliver", 0.4, play_panic, 0},
        {"cancel", "drop a handle, detach a task, cancel a task", 0.6,
         play_cancel, 0},
        {"stealing", "unequal tasks on four workers, three times", 1.6,
         play_stealing, 0},
    };
    return acts_main(argc, argv, "task-queue", acts,
                     sizeof acts / sizeof acts[0]);
}
