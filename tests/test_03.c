#define _POSIX_C_SOURCE 200809L
// Chapter 03: the acts, and the task queue itself: every way in which a task
// can be woken, finish, panic, be cancelled, detached or awaited.
#include "harness.h"

#include "executor.h"
#include "task.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define PROGRAM "03-task-queue/task-queue"

static struct play *queue, *lazy, *panics, *all, *act;

static void start_all(void) {
    queue = play_start(PROGRAM, "queue", NULL);
    lazy = play_start(PROGRAM, "lazy", NULL);
    panics = play_start(PROGRAM, "panic", NULL);
    all = play_start(PROGRAM, NULL);
    act = play_start(PROGRAM, "queue", "3", NULL);
    plays_wait();
}

// ---- The acts ----

START_TEST(tasks_take_turns) {
    expect_status(queue, 0);
    for (int task = 1; task <= 3; task++) {
        char first[32], second[32], third[32], done[32];
        snprintf(first, sizeof first, "task %d, turn 1 of 3", task);
        snprintf(second, sizeof second, "task %d, turn 2 of 3", task);
        snprintf(third, sizeof third, "task %d, turn 3 of 3", task);
        snprintf(done, sizeof done, "task %d delivered 3", task);
        expect_order(queue, first, second);
        expect_order(queue, second, third);
        expect_order(queue, third, done);
    }
    // Nobody gets a third turn before everybody had a first.
    expect_order(queue, "task 3, turn 1 of 3", "task 1, turn 3 of 3");
}
END_TEST

START_TEST(queue_is_lazy) {
    expect_status(lazy, 0);
    expect_order(lazy, "before the first spawn: no queue, no worker",
                 "after the first spawn: a queue and its worker");
    expect_status(all, 0);
    expect_line(all, "before the first spawn: no queue, no worker");
}
END_TEST

START_TEST(one_panics) {
    expect_status(panics, 0);
    expect_line(panics, "task panicked: this task cannot count any further");
    expect_line(panics, "task 1 delivered 3");
    expect_line(panics, "task 2 panicked");
    expect_line(panics, "task 3 delivered 3");
    expect_status(act, 2);
}
END_TEST

// ---- The task queue itself ----

static atomic_int alive; // futures that are not dropped yet

struct probe {
    struct future base;
    enum { AT_ONCE, YIELDS, WOKEN_LATER, PANICS, NEVER, AWAITS } kind;
    int polls;
    struct task *child;
    struct future *join;
    int child_value;
};

static void *wake_later(void *arg) {
    struct waker *waker = arg;
    nanosleep(&(struct timespec){.tv_nsec = 2000000}, NULL);
    waker_wake(waker);
    waker_wake(waker); // twice does no harm
    waker_drop(waker);
    free(waker);
    return NULL;
}

static void wake_from_elsewhere(const struct waker *waker) {
    struct waker *copy = malloc(sizeof *copy);
    pthread_t thread;
    *copy = waker_clone(waker);
    ck_assert_int_eq(pthread_create(&thread, NULL, wake_later, copy), 0);
    ck_assert_int_eq(pthread_detach(thread), 0);
}

static enum poll poll_join(struct probe *me, const struct waker *waker) {
    enum task_outcome outcome;
    if (me->join == NULL) {
        me->join = task_await(me->child, &me->child_value);
    }
    if (future_poll(me->join, waker, &outcome) == FUTURE_PENDING) {
        return FUTURE_PENDING;
    }
    future_drop(me->join);
    me->join = NULL;
    return FUTURE_READY;
}

static enum poll probe_poll(struct future *self, const struct waker *waker,
                            void *out) {
    struct probe *me = (struct probe *)self;
    me->polls++;
    switch (me->kind) {
    case AT_ONCE:
        break;
    case YIELDS:
        if (me->polls < 10) {
            waker_wake(waker);
            waker_wake(waker);
            return FUTURE_PENDING;
        }
        break;
    case WOKEN_LATER:
        if (me->polls == 1) {
            wake_from_elsewhere(waker);
            return FUTURE_PENDING;
        }
        break;
    case PANICS:
        task_panic("as the test wants");
    case NEVER:
        return FUTURE_PENDING;
    case AWAITS:
        if (poll_join(me, waker) == FUTURE_PENDING) {
            return FUTURE_PENDING;
        }
        break;
    }
    *(int *)out = me->polls;
    return FUTURE_READY;
}

static void probe_drop(struct future *self) {
    struct probe *me = (struct probe *)self;
    if (me->join != NULL) {
        future_drop(me->join);
    }
    atomic_fetch_sub(&alive, 1);
    free(self);
}

static const struct future_ops probe_ops = {probe_poll, probe_drop};

static struct probe *probe(int kind) {
    struct probe *me = calloc(1, sizeof *me);
    me->base.ops = &probe_ops;
    me->kind = kind;
    atomic_fetch_add(&alive, 1);
    return me;
}

static struct task *spawn(int kind) {
    return spawn_task(&probe(kind)->base, sizeof(int));
}

START_TEST(delivers) {
    int polls = 0;
    ck_assert_int_eq(task_join(spawn(AT_ONCE), &polls), TASK_COMPLETED);
    ck_assert_int_eq(polls, 1);
    ck_assert_int_eq(task_join(spawn(YIELDS), &polls), TASK_COMPLETED);
    ck_assert_int_eq(polls, 10); // woken twice in a poll, polled once
    ck_assert_int_eq(task_join(spawn(WOKEN_LATER), &polls), TASK_COMPLETED);
    ck_assert_int_eq(polls, 2);
    ck_assert_int_eq(task_join(spawn(AT_ONCE), NULL), TASK_COMPLETED);
    ck_assert_int_eq(atomic_load(&alive), 0);
}
END_TEST

START_TEST(survives_panics) {
    int polls = 0;
    ck_assert_int_eq(task_join(spawn(PANICS), NULL), TASK_PANICKED);
    ck_assert_int_eq(task_join(spawn(AT_ONCE), &polls), TASK_COMPLETED);
    ck_assert_int_eq(atomic_load(&alive), 0);
}
END_TEST

START_TEST(cancels) {
    struct task *sleeper = spawn(NEVER);
    task_cancel(sleeper);
    task_cancel(sleeper);
    ck_assert_int_eq(task_join(sleeper, NULL), TASK_CANCELLED);
    struct task *done = spawn(AT_ONCE);
    ck_assert_int_eq(task_join(spawn(AT_ONCE), NULL), TASK_COMPLETED);
    task_cancel(done); // it came before us on the queue: too late
    ck_assert_int_eq(task_join(done, NULL), TASK_COMPLETED);
    ck_assert_int_eq(atomic_load(&alive), 0);
}
END_TEST

// The one nobody can wake is dropped as soon as its handle is gone.
START_TEST(detaches) {
    task_detach(spawn(YIELDS));
    task_detach(spawn(NEVER));
    for (int i = 0; i < 500 && atomic_load(&alive) > 0; i++) {
        nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
    }
    ck_assert_int_eq(atomic_load(&alive), 0);
}
END_TEST

START_TEST(awaits_another) {
    for (int kind = AT_ONCE; kind <= PANICS; kind++) {
        struct probe *parent = probe(AWAITS);
        parent->child = spawn(kind);
        struct task *task = spawn_task(&parent->base, sizeof(int));
        ck_assert_int_eq(task_join(task, NULL), TASK_COMPLETED);
    }
    ck_assert_int_eq(atomic_load(&alive), 0);
}
END_TEST

static void *spawn_many(void *seed) {
    unsigned random = *(unsigned *)seed;
    for (int i = 0; i < 300; i++) {
        random = random * 1103515245 + 12345;
        int kind = (int)(random >> 16) % PANICS;
        struct task *task = spawn(kind);
        switch ((random >> 20) % 3) {
        case 0:
            ck_assert_int_eq(task_join(task, NULL), TASK_COMPLETED);
            break;
        case 1:
            task_cancel(task);
            task_join(task, NULL);
            break;
        default:
            task_detach(task);
        }
    }
    return NULL;
}

START_TEST(all_at_once) {
    pthread_t threads[4];
    unsigned seeds[4] = {1, 2, 3, 4};
    for (int i = 0; i < 4; i++) {
        pthread_create(&threads[i], NULL, spawn_many, &seeds[i]);
    }
    for (int i = 0; i < 4; i++) {
        pthread_join(threads[i], NULL);
    }
    for (int i = 0; i < 1000 && atomic_load(&alive) > 0; i++) {
        nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
    }
    ck_assert_int_eq(atomic_load(&alive), 0);
}
END_TEST

static void *send_hundred(void *arg) {
    struct channel *ch = arg;
    struct channel_node *nodes = calloc(100, sizeof *nodes);
    for (int i = 0; i < 100; i++) {
        ck_assert(channel_send(ch, &nodes[i]));
    }
    return nodes;
}

START_TEST(channel_loses_nothing) {
    struct channel ch;
    pthread_t threads[4];
    channel_init(&ch);
    for (int i = 0; i < 4; i++) {
        pthread_create(&threads[i], NULL, send_hundred, &ch);
    }
    for (int i = 0; i < 400; i++) {
        ck_assert_ptr_nonnull(channel_receive(&ch));
    }
    struct channel_node late;
    channel_close(&ch);
    ck_assert(!channel_send(&ch, &late));
    ck_assert_ptr_null(channel_receive(&ch));
    for (int i = 0; i < 4; i++) {
        void *nodes;
        pthread_join(threads[i], &nodes);
        free(nodes);
    }
    channel_destroy(&ch);
}
END_TEST

static void add_tests(TCase *tests) {
    tcase_add_test(tests, tasks_take_turns);
    tcase_add_test(tests, queue_is_lazy);
    tcase_add_test(tests, one_panics);
    tcase_add_test(tests, delivers);
    tcase_add_test(tests, survives_panics);
    tcase_add_test(tests, cancels);
    tcase_add_test(tests, detaches);
    tcase_add_test(tests, awaits_another);
    tcase_add_test(tests, all_at_once);
    tcase_add_test(tests, channel_loses_nothing);
}

int main(void) {
    start_all();
    return run_suite("03-task-queue", add_tests);
}
