#define _POSIX_C_SOURCE 200809L
// Chapter 04: three tasks sleep three seconds and then two, all on one worker
// thread, while the main thread sleeps five. All of it takes five seconds.
// Then the same with a timer that wakes them, and at last ten thousand.
//
//     ./sleepers             all acts, about 16 seconds
//     ./sleepers sleepers    one act
//     ./sleepers --list      their names
#include "acts.h"
#include "async_sleep.h"
#include "crowd.h"
#include "executor.h"
#include "task.h"
#include "timer.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

// The program cannot go on without what it asked for.
static void *need(void *what) {
    if (what == NULL) {
        fprintf(stderr, "sleepers: %s\n", strerror(errno));
        exit(EXIT_FAILURE);
    }
    return what;
}

// A signal may cut a sleep short; then the rest is slept.
static void block_for(time_t seconds) {
    struct timespec left = {.tv_sec = seconds};
    while (nanosleep(&left, &left) != 0 && errno == EINTR) {
    }
}

// ---- async fn sleeping(label) ----

// What a Rust compiler makes of an async function, written by hand. `at` is
// the place where it goes on; what must outlive an await is a field.
struct sleeping {
    struct future base;
    enum { START, FIRST_SLEEP, SECOND_SLEEP, FINISHED } at;
    int label;
    bool timed;
    union { // the future that is awaited: one in another
        struct future base;
        struct async_sleep asking; // asks again and again
        struct timer_sleep timed;  // is woken
    } nap;
};

// How often the worker asked a sleeper. Only the worker counts, and the main
// thread reads after it has joined the tasks, so it needs no lock.
static long polls;

static void fall_asleep(struct sleeping *me, double seconds) {
    if (me->timed) {
        me->nap.timed = timer_sleep(seconds);
    } else {
        me->nap.asking = async_sleep(seconds);
    }
}

// Each await has the same shape: poll the inner future, and while it is
// pending be pending too. `break` goes round to the next state; there is no
// default, so that the compiler finds a state without a case.
static enum poll sleeping_poll(struct future *self, const struct waker *waker,
                               void *out) {
    struct sleeping *me = (struct sleeping *)self;
    polls++;
    for (;;) {
        switch (me->at) {
        case START:
            printf("sleeping %d\n", me->label);
            fall_asleep(me, 3);
            me->at = FIRST_SLEEP;
            break;
        case FIRST_SLEEP: // .await
            if (future_poll(&me->nap.base, waker, out) == FUTURE_PENDING) {
                return FUTURE_PENDING;
            }
            printf("progressing sleep %d\n", me->label);
            fall_asleep(me, 2);
            me->at = SECOND_SLEEP;
            break;
        case SECOND_SLEEP: // .await
            if (future_poll(&me->nap.base, waker, out) == FUTURE_PENDING) {
                return FUTURE_PENDING;
            }
            printf("done sleeping %d\n", me->label);
            me->at = FINISHED;
            return FUTURE_READY;
        case FINISHED:
            task_panic("sleeping was polled after it was ready");
        }
    }
}

// It may be dropped in any state, so also in the middle of a nap.
static void sleeping_drop(struct future *self) {
    struct sleeping *me = (struct sleeping *)self;
    if (me->at == FIRST_SLEEP || me->at == SECOND_SLEEP) {
        future_drop(&me->nap.base);
    }
    free(me);
}

static const struct future_ops sleeping_ops = {sleeping_poll, sleeping_drop};

static struct future *sleeping(int label, bool timed) {
    struct sleeping *me = need(malloc(sizeof *me));
    *me = (struct sleeping){
        .base = {&sleeping_ops}, .at = START, .label = label, .timed = timed};
    return &me->base;
}

// ---- The test run ----

static double cpu_seconds(void) {
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

// By the time the main thread wakes, all three are done or about to be: they
// slept while it slept. Which comes first at the fifth second is a race.
static int play(bool timed) {
    struct task *one = need(spawn_task(sleeping(1, timed), 0));
    struct task *two = need(spawn_task(sleeping(2, timed), 0));
    struct task *three = need(spawn_task(sleeping(3, timed), 0));
    printf("before the sleep\n");
    block_for(5);
    printf("before the block\n");
    enum task_outcome outcomes[] = {task_join(one, NULL), task_join(two, NULL),
                                    task_join(three, NULL)};
    for (int i = 0; i < 3; i++) {
        if (outcomes[i] != TASK_COMPLETED) {
            return 1;
        }
    }
    printf("polls %ld, CPU seconds %.3f\n", polls, cpu_seconds());
    return 0;
}

static int play_sleepers(long unused) {
    (void)unused;
    return play(false);
}

static int play_timer(long unused) {
    (void)unused;
    return play(true);
}

int main(int argc, char **argv) {
    static const struct act acts[] = {
        {"sleepers", "three tasks ask the time again and again", 5,
         play_sleepers, 0},
        {"timer", "a timer wakes the same three tasks", 5, play_timer, 0},
        {"many", "N tasks sleep 1 to 3 s on one worker", 3, crowd_of_tasks,
         10000},
        {"threads", "N threads do the same", 3, crowd_of_threads, 10000},
    };
    return acts_main(argc, argv, "sleepers", acts,
                     sizeof acts / sizeof acts[0]);
}
