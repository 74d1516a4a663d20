#define _POSIX_C_SOURCE 200809L
// Chapter 07's executor, sleep and pool, on a loop without a server.
#include "http2_client.h"

#include "loop_sleep.h"
#include "pool_work.h"
#include "uv_executor.h"

#include <math.h>
#include <pthread.h>
#include <stdatomic.h>

static int rounds;

static void count_round(void *data) {
    (void)data;
    rounds++;
}

struct spinner {
    struct future base;
    int turns, *log, *at, name;
};

static enum poll spinner_poll(struct future *self, const struct waker *waker,
                              void *out) {
    struct spinner *me = (struct spinner *)self;
    (void)out;
    me->log[(*me->at)++] = me->name;
    if (--me->turns == 0) {
        return FUTURE_READY;
    }
    waker_wake(waker);
    waker_wake(waker); // twice is once
    return FUTURE_PENDING;
}

static void spinner_drop(struct future *self) {
    free(self);
}

static struct future *spinner(int name, int turns, int *log, int *at) {
    static const struct future_ops ops = {spinner_poll, spinner_drop};
    struct spinner *me = malloc(sizeof *me);
    *me = (struct spinner){{&ops}, turns, log, at, name};
    return &me->base;
}

// A loop with an executor. A handle that does nothing else keeps it running, as
// clients do in the server.
struct world {
    uv_loop_t loop;
    uv_async_t reason_to_run;
    struct uv_executor *executor;
};

static void world_open(struct world *w) {
    ck_assert_int_eq(uv_loop_init(&w->loop), 0);
    ck_assert_int_eq(uv_async_init(&w->loop, &w->reason_to_run, NULL), 0);
    w->executor = uv_executor_start(&w->loop, count_round, NULL);
    ck_assert_ptr_nonnull(w->executor);
}

// Nothing may be left open on the loop.
static void world_close(struct world *w) {
    uv_executor_stop(w->executor);
    uv_close((uv_handle_t *)&w->reason_to_run, NULL);
    uv_run(&w->loop, UV_RUN_DEFAULT);
    ck_assert_int_eq(uv_loop_close(&w->loop), 0);
}

START_TEST(futures_take_turns) {
    struct world w;
    int log[10] = {0}, at = 0;
    world_open(&w);
    struct uv_task *one = uv_execute(w.executor, spinner(1, 4, log, &at));
    struct uv_task *two = uv_execute(w.executor, spinner(2, 2, log, &at));
    struct uv_task *never = uv_execute(w.executor, spinner(9, 1, log, &at));
    uv_task_drop(never); // before its first poll
    ck_assert_int_eq(at, 0);
    // A round in each turn of the loop, which must not fall asleep after it: a
    // future is woken already, and nobody else would wake the loop.
    for (int turn = 0; turn < 3; turn++) {
        uv_run(&w.loop, UV_RUN_ONCE);
    }
    ck_assert_int_eq(at, 5);
    uv_executor_run(w.executor); // a round out of turn
    const int wanted[] = {1, 2, 1, 2, 1, 1};
    ck_assert_mem_eq(log, wanted, sizeof wanted);
    ck_assert_int_eq(rounds, 4);
    uv_task_drop(one);
    uv_task_drop(two);
    world_close(&w);
}
END_TEST

struct keeper {
    struct future base;
    struct waker *kept;
};

static enum poll keeper_poll(struct future *self, const struct waker *waker,
                             void *out) {
    struct keeper *me = (struct keeper *)self;
    (void)out;
    if (me->kept->ops == NULL) {
        *me->kept = waker_clone(waker);
        return FUTURE_PENDING;
    }
    return FUTURE_READY;
}

static void keeper_drop(struct future *self) {
    (void)self;
}

START_TEST(wakers_may_outlive_the_executor) {
    static const struct future_ops ops = {keeper_poll, keeper_drop};
    struct waker kept = {0};
    struct keeper keeper = {{&ops}, &kept};
    struct world w;
    world_open(&w);
    struct uv_task *task = uv_execute(w.executor, &keeper.base);
    while (kept.ops == NULL) {
        uv_run(&w.loop, UV_RUN_NOWAIT);
    }
    struct waker another = waker_clone(&kept);
    waker_wake(&kept); // queued when the executor stops
    uv_task_drop(task);
    world_close(&w);
    waker_wake(&another);
    waker_drop(&another);
    waker_drop(&kept);
}
END_TEST

// Tells the news, and that it has done so; the second says nothing about the
// order of the two, so it cannot stand in for the wake.
static int news;
static atomic_bool is_told;

static void *tell_news(void *waker) {
    news = 42;
    waker_wake(waker);
    atomic_store_explicit(&is_told, true, memory_order_relaxed);
    return NULL;
}

static enum poll reader_poll(struct future *self, const struct waker *waker,
                             void *out) {
    enum poll polled = keeper_poll(self, waker, out);
    if (polled == FUTURE_READY) {
        ck_assert_int_eq(news, 42);
    }
    return polled;
}

// The second wake finds the task on the queue already. Still its poll must see
// what was done before that wake. Only ThreadSanitizer notices if not.
START_TEST(a_wake_brings_what_was_done_before_it) {
    static const struct future_ops ops = {reader_poll, keeper_drop};
    struct waker kept = {0};
    struct keeper reader = {{&ops}, &kept};
    struct world w;
    pthread_t thread;
    world_open(&w);
    struct uv_task *task = uv_execute(w.executor, &reader.base);
    uv_executor_run(w.executor);
    waker_wake(&kept);
    ck_assert_int_eq(pthread_create(&thread, NULL, tell_news, &kept), 0);
    while (!atomic_load_explicit(&is_told, memory_order_relaxed)) {
        pause_ms(1);
    }
    uv_executor_run(w.executor);
    ck_assert_int_eq(pthread_join(thread, NULL), 0);
    uv_task_drop(task);
    waker_drop(&kept);
    world_close(&w);
}
END_TEST

static void *wake_late(void *waker) {
    pause_ms(50);
    waker_wake(waker);
    return NULL;
}

START_TEST(a_task_keeps_the_loop_running) {
    static const struct future_ops ops = {keeper_poll, keeper_drop};
    struct waker kept = {0};
    struct keeper keeper = {{&ops}, &kept};
    struct world w;
    pthread_t thread;
    world_open(&w);
    uv_unref((uv_handle_t *)&w.reason_to_run);
    struct uv_task *task = uv_execute(w.executor, &keeper.base);
    while (kept.ops == NULL) {
        uv_run(&w.loop, UV_RUN_NOWAIT);
    }
    double start = now();
    ck_assert_int_eq(pthread_create(&thread, NULL, wake_late, &kept), 0);
    uv_run(&w.loop, UV_RUN_DEFAULT);
    ck_assert_double_ge(now() - start, 0.05);
    ck_assert_int_eq(pthread_join(thread, NULL), 0);
    uv_task_drop(task);
    waker_drop(&kept);
    world_close(&w);
}
END_TEST

struct sleeper {
    struct future base;
    struct future *sleep;
    double start, end;
};

static enum poll sleeper_poll(struct future *self, const struct waker *waker,
                              void *out) {
    struct sleeper *me = (struct sleeper *)self;
    if (future_poll(me->sleep, waker, out) == FUTURE_PENDING) {
        return FUTURE_PENDING;
    }
    me->end = now();
    return FUTURE_READY;
}

static void sleeper_drop(struct future *self) {
    future_drop(((struct sleeper *)self)->sleep);
}

// libuv's timers do wake early when the loop is busy; the sleep must not.
static void on_idle_burn(uv_idle_t *idle) {
    double until = now() + 0.0007;
    (void)idle;
    while (now() < until) {
    }
}

START_TEST(sleeps_are_never_early) {
    static const struct future_ops ops = {sleeper_poll, sleeper_drop};
    enum { count = 100 };
    static struct sleeper sleepers[count];
    struct uv_task *tasks[count];
    struct world w;
    uv_idle_t idle;
    world_open(&w);
    uv_idle_init(&w.loop, &idle);
    uv_idle_start(&idle, on_idle_burn);
    for (int i = 0; i < count; i++) {
        sleepers[i].base.ops = &ops;
        sleepers[i].start = now();
        sleepers[i].sleep = loop_sleep(&w.loop, 0.1 + i * 0.0013);
        tasks[i] = uv_execute(w.executor, &sleepers[i].base);
        on_idle_burn(NULL);
    }
    while (sleepers[count - 1].end == 0) {
        uv_run(&w.loop, UV_RUN_ONCE);
    }
    for (int i = 0; i < count; i++) {
        double slept = sleepers[i].end - sleepers[i].start;
        ck_assert_double_ge(slept, 0.1 + i * 0.0013);
        uv_task_drop(tasks[i]);
    }
    uv_close((uv_handle_t *)&idle, NULL);
    world_close(&w);
}
END_TEST

static atomic_int begun, worked;
static atomic_bool may_end;

static void work(void) {
    atomic_fetch_add(&begun, 1);
    while (!atomic_load(&may_end)) {
        pause_ms(1);
    }
    atomic_fetch_add(&worked, 1);
}

// Twenty for four threads, and none of them awaited to the end: what was begun
// is done, and the rest is taken back.
START_TEST(abandoned_work_is_safe) {
    struct world w;
    struct uv_task *tasks[20];
    world_open(&w);
    for (int i = 0; i < 20; i++) {
        tasks[i] = uv_execute(w.executor, pool_work(&w.loop, work));
    }
    uv_run(&w.loop, UV_RUN_NOWAIT);
    for (int i = 0; i < 5000 && atomic_load(&begun) == 0; i++) {
        pause_ms(1);
    }
    for (int i = 0; i < 20; i++) {
        uv_task_drop(tasks[i]);
    }
    atomic_store(&may_end, true);
    world_close(&w);
    ck_assert_int_gt(atomic_load(&worked), 0);
    ck_assert_int_lt(atomic_load(&worked), 20);
    ck_assert_int_eq(atomic_load(&worked), atomic_load(&begun));
}
END_TEST

// A waker of nobody.
static struct waker nobody_clone(void *data);

static void nobody_cares(void *data) {
    (void)data;
}

static const struct waker_ops nobody_ops = {nobody_clone, nobody_cares,
                                            nobody_cares};

static struct waker nobody_clone(void *data) {
    return (struct waker){&nobody_ops, data};
}

static void expect_first_poll(struct world *w, double seconds, enum poll poll) {
    const struct waker nobody = {&nobody_ops, NULL};
    struct future *sleep = loop_sleep(&w->loop, seconds);
    ck_assert_ptr_nonnull(sleep);
    ck_assert_int_eq(future_poll(sleep, &nobody, NULL), poll);
    future_drop(sleep);
}

// Sums with the clock must not overflow, and what is no time is none.
START_TEST(any_duration_will_do) {
    static const double longer[] = {1e10, 1e300, INFINITY};
    static const double none[] = {0, -1, -1e300, -INFINITY, NAN};
    struct world w;
    world_open(&w);
    for (int i = 0; i < 3; i++) {
        expect_first_poll(&w, longer[i], FUTURE_PENDING);
    }
    for (int i = 0; i < 5; i++) {
        expect_first_poll(&w, none[i], FUTURE_READY);
    }
    world_close(&w);
}
END_TEST

static void add_tests(TCase *tests) {
    tcase_add_test(tests, futures_take_turns);
    tcase_add_test(tests, wakers_may_outlive_the_executor);
    tcase_add_test(tests, a_wake_brings_what_was_done_before_it);
    tcase_add_test(tests, a_task_keeps_the_loop_running);
    tcase_add_test(tests, sleeps_are_never_early);
    tcase_add_test(tests, abandoned_work_is_safe);
    tcase_add_test(tests, any_duration_will_do);
}

int main(void) {
    return run_suite("07-http2 executor", add_tests);
}
