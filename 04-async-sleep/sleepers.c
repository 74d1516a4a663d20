#define _POSIX_C_SOURCE 200809L
// Chapter 04: three tasks sleep three seconds and then two, all on one worker
// thread, while the main thread sleeps five. All of it takes five seconds.
//
//     ./sleepers             all acts
//     ./sleepers sleepers    one act
//     ./sleepers --list      their names
#include "acts.h"
#include "async_sleep.h"
#include "executor.h"
#include "task.h"

#include <errno.h>
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
    struct async_sleep nap; // the future that is awaited: one in another
};

// Each await has the same shape: poll the inner future, and while it is
// pending be pending too. `break` goes round to the next state; there is no
// default, so that the compiler finds a state without a case.
static enum poll sleeping_poll(struct future *self, const struct waker *waker,
                               void *out) {
    struct sleeping *me = (struct sleeping *)self;
    for (;;) {
        switch (me->at) {
        case START:
            printf("sleeping %d\n", me->label);
            me->nap = async_sleep(3);
            me->at = FIRST_SLEEP;
            break;
        case FIRST_SLEEP: // .await
            if (future_poll(&me->nap.base, waker, out) == FUTURE_PENDING) {
                return FUTURE_PENDING;
            }
            printf("progressing sleep %d\n", me->label);
            me->nap = async_sleep(2);
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

static void sleeping_drop(struct future *self) {
    free(self);
}

static const struct future_ops sleeping_ops = {sleeping_poll, sleeping_drop};

static struct future *sleeping(int label) {
    struct sleeping *me = need(malloc(sizeof *me));
    *me =
        (struct sleeping){.base = {&sleeping_ops}, .at = START, .label = label};
    return &me->base;
}

// ---- The test run ----

// By the time the main thread wakes, all three are done or about to be: they
// slept while it slept. Which comes first at the fifth second is a race.
static int play_sleepers(long unused) {
    (void)unused;
    struct task *one = need(spawn_task(sleeping(1), 0));
    struct task *two = need(spawn_task(sleeping(2), 0));
    struct task *three = need(spawn_task(sleeping(3), 0));
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
    return 0;
}

int main(int argc, char **argv) {
    static const struct act acts[] = {
        {"sleepers", "three tasks sleep on one worker", 5, play_sleepers, 0},
    };
    return acts_main(argc, argv, "sleepers", acts,
                     sizeof acts / sizeof acts[0]);
}
