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
#include "clock.h"
#include "crowd.h"
#include "executor.h"
#include "must.h"

#include <errno.h>
#include <stdio.h>
#include <time.h>

// ---- async fn sleeping(label) ----

// What a Rust compiler makes of an async function, written by hand. `at` is
// the place where it goes on; what must outlive an await is a field.
struct sleeping {
    struct future base;
    enum { START, FIRST_SLEEP, SECOND_SLEEP, FINISHED } at;
    int label;
    struct async_sleep (*sleep)(double seconds); // async_sleep or timer_sleep
    struct async_sleep nap; // what is awaited: one future inside another
};

// How often the worker asked a sleeper. Only the worker counts, and the main
// thread reads after it has joined the tasks, so it needs no lock.
static long polls;

// Each await has the same shape: poll the inner future, and while it is
// pending be pending too. `break` goes round to the next state; there is no
// default, so that the compiler finds a state without a case.
static enum poll_result sleeping_poll(struct future *self,
                                      const struct waker *waker, void *out) {
    struct sleeping *me = (struct sleeping *)self;
    polls++;
    for (;;) {
        switch (me->at) {
        case START:
            printf("sleeping %d\n", me->label);
            me->nap = me->sleep(3);
            me->at = FIRST_SLEEP;
            break;
        case FIRST_SLEEP: // .await
            if (future_poll(&me->nap.base, waker, out) == FUTURE_PENDING) {
                return FUTURE_PENDING;
            }
            printf("progressing sleep %d\n", me->label);
            me->nap = me->sleep(2);
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
}

static const struct future_ops sleeping_ops = {sizeof(struct sleeping), 0,
                                               sleeping_poll, sleeping_drop};

// ---- The test run ----

static struct task *spawn_sleeping(int label,
                                   struct async_sleep (*sleep)(double)) {
    struct sleeping f = {
        .base = {&sleeping_ops}, .label = label, .sleep = sleep};
    struct task *task = spawn_task(&f.base);
    must(task == NULL ? errno : 0, "sleepers: spawn");
    return task;
}

static double cpu_seconds(void) {
    struct timespec t;
    must(clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t) == 0 ? 0 : errno,
         "sleepers: clock");
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

// By the time the main thread wakes, all three are done or about to be: they
// slept while it slept. Which comes first at the fifth second is a race.
static int play(struct async_sleep (*sleep)(double seconds)) {
    struct task *tasks[3];
    int done = 0;
    for (int i = 0; i < 3; i++) {
        tasks[i] = spawn_sleeping(i + 1, sleep);
    }
    printf("before the sleep\n");
    sleep_seconds(5);
    printf("before the block\n");
    for (int i = 0; i < 3; i++) {
        done += task_join(tasks[i], NULL) == TASK_COMPLETED;
    }
    printf("polls %ld, CPU seconds %.3f\n", polls, cpu_seconds());
    return done == 3 ? 0 : 1;
}

static int play_sleepers(void) {
    return play(async_sleep);
}

static int play_timer(void) {
    return play(timer_sleep);
}

int main(int argc, char **argv) {
    static const struct act acts[] = {
        {"sleepers", "three tasks ask the time again and again", 5,
         .play = play_sleepers},
        {"timer", "a timer wakes the same three tasks", 5, .play = play_timer},
        {"many", "N tasks sleep 1 to 3 s on one worker", 3,
         .play_n = crowd_of_tasks, .n = 10000},
        {"threads", "N threads do the same", 3, .play_n = crowd_of_threads,
         .n = 10000},
    };
    return acts_main(argc, argv, "sleepers", acts,
                     sizeof acts / sizeof acts[0]);
}
