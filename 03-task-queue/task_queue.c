#define _POSIX_C_SOURCE 200809L
// Chapter 03: a future says when to come back, and our own task queue comes
// back to it then.
//
//     ./task-queue           all acts, about 3 seconds
//     ./task-queue mailbox   one act
//     ./task-queue --list    their names
#include "acts.h"
#include "clock.h"
#include "executor.h"
#include "mailbox.h"
#include "makespan.h"
#include "must.h"

#include <errno.h>
#include <stdio.h>

// ---- A future that takes several turns ----

struct counter {
    struct future base;
    int number; // of the task
    int turn;   // how far it got; lives here, because poll returns in between
    int turns;
    int panics_at; // in this turn it gives up; 0: never
};

static atomic_int finished; // counters that took all their turns

// Some work: the worker is busy, and we can watch the turns.
static void compute(void) {
    for (double end = now() + 0.02; now() < end;) {
    }
}

// Between two turns it lets the others have the worker: it wakes itself while it
// is being polled, so that the worker puts it at the end of the queue after the
// poll, and says that it is not ready.
static enum poll_result counter_poll(struct future *self,
                                     const struct waker *waker, void *out) {
    struct counter *me = (struct counter *)self;
    me->turn++;
    printf("task %d, turn %d of %d\n", me->number, me->turn, me->turns);
    compute();
    if (me->turn == me->panics_at) {
        task_panic("this task cannot count any further");
    }
    if (me->turn < me->turns) {
        waker_wake(waker);
        return FUTURE_PENDING;
    }
    atomic_fetch_add(&finished, 1);
    *(int *)out = me->turns;
    return FUTURE_READY;
}

static const struct future_ops counter_ops = {sizeof(struct counter),
                                              sizeof(int), counter_poll, NULL};

// The program cannot go on without what it asked for.
static struct task *spawn(struct future *f) {
    struct task *task = spawn_task(f);
    must(task == NULL ? errno : 0, "task-queue: spawn");
    return task;
}

static struct task *spawn_counter(int number, int turns, int panics_at) {
    struct counter c = {{&counter_ops}, number, 0, turns, panics_at};
    return spawn(&c.base);
}

// RETURNS whether the task delivered.
static bool join_and_tell(struct task *task, int number) {
    static const char *const ends[] = {"delivered", "was cancelled",
                                       "panicked"};
    int turns = 0;
    enum task_outcome outcome = task_join(task, &turns);
    printf("task %d %s\n", number, ends[outcome]);
    return outcome == TASK_COMPLETED && turns > 0;
}

// ---- queue, first-spawn, panic ----

// One worker, three tasks: each turn goes to the one that has waited longest.
// RETURNS how many delivered.
static int play_three(int panicking) {
    struct task *tasks[3];
    int delivered = 0;
    for (int i = 0; i < 3; i++) {
        tasks[i] = spawn_counter(i + 1, 3, i + 1 == panicking ? 2 : 0);
    }
    for (int i = 0; i < 3; i++) {
        delivered += join_and_tell(tasks[i], i + 1);
    }
    return delivered;
}

static int play_queue(void) {
    return play_three(0) == 3 ? 0 : 1;
}

// The second task panics in its second turn. The worker lives on, and the
// others do not notice.
static int play_panic(void) {
    return play_three(2) == 2 ? 0 : 1;
}

// Nobody pays for a queue that nobody uses.
static int play_first_spawn(void) {
    static const char *const words[] = {"no queue, no worker",
                                        "a queue and its worker"};
    bool before = executor_is_running();
    printf("before the first spawn: %s\n", words[before]);
    struct task *task = spawn_counter(1, 1, 0);
    printf("after the first spawn: %s\n", words[executor_is_running()]);
    return join_and_tell(task, 1) && !before ? 0 : 1;
}

// ---- cancel ----

// The three ways to part with a task before its end. Task 3 does nothing but
// wait for task 1, whose handle is its future. To cancel it drops that handle;
// but task 1 runs on, and so does task 2, which is detached.
static int play_cancel(void) {
    struct task *one = spawn_counter(1, 5, 0), *two = spawn_counter(2, 5, 0);
    struct task_future end_of_one = task_as_future(one, NULL);
    struct task *three = spawn(&end_of_one.base);
    sleep_seconds(0.07);
    printf("main detaches task 2\n");
    task_detach(two);
    printf("main cancels task 3, which waits for task 1\n");
    task_cancel(three);
    bool delivered = join_and_tell(three, 3);
    bool early = atomic_load(&finished) < 2; // not only when task 1 has ended
    for (int i = 0; i < 1000 && atomic_load(&finished) < 2; i++) {
        sleep_seconds(0.01);
    }
    return !delivered && early && atomic_load(&finished) == 2 ? 0 : 1;
}

int main(int argc, char **argv) {
    static const struct act acts[] = {
        {"mailbox", "another thread calls a waker", 0.3, .play = play_mailbox},
        {"queue", "three tasks take turns on one worker", 0.2,
         .play = play_queue},
        {"first-spawn", "no queue before it", 0.1, .play = play_first_spawn},
        {"panic", "one task panics, the others deliver", 0.2,
         .play = play_panic},
        {"cancel", "drop a handle, detach, cancel", 0.3, .play = play_cancel},
        {"stealing", "unequal tasks on four workers", 1.6,
         .play = play_stealing},
    };
    return acts_main(argc, argv, "task-queue", acts,
                     sizeof acts / sizeof acts[0]);
}
