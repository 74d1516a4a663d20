#define _POSIX_C_SOURCE 200809L
// Chapter 05's executor, sleep and pool, on a loop without a server. The futures
// are made on the stack, from where loop_spawn moves them.
#include "harness.h"

#include "clock.h"
#include "loop_executor.h"
#include "pool_work.h"

#include <math.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

static void pause_ms(long ms) {
    nanosleep(&(struct timespec){ms / 1000, ms % 1000 * 1000000}, NULL);
}

// Its future is dropped in the next round.
static void end_task(struct task *t) {
    task_cancel(t);
    task_detach(t);
}

static int rounds;

static void count_round(void *data) {
    (void)data;
    rounds++;
}

struct spinner {
    struct future base;
    int turns, *log, *at, name;
};

static enum poll_result spinner_poll(struct future *self,
                                     const struct waker *waker, void *out) {
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

static struct task *spin(struct loop_executor *e, int name, int turns, int *log,
                         int *at) {
    static const struct future_ops ops = {sizeof(struct spinner), 0,
                                          spinner_poll, NULL};
    struct spinner f = {{&ops}, turns, log, at, name};
    return loop_spawn(e, &f.base);
}

// A loop with an executor. A handle that does nothing else keeps it running, as
// clients do in the server.
struct world {
    uv_loop_t loop;
    uv_async_t reason_to_run;
    struct loop_executor *executor;
};

static void world_open(struct world *w) {
    ck_assert_int_eq(uv_loop_init(&w->loop), 0);
    ck_assert_int_eq(uv_async_init(&w->loop, &w->reason_to_run, NULL), 0);
    w->executor = loop_executor_start(&w->loop, count_round, NULL);
    ck_assert_ptr_nonnull(w->executor);
}

// Nothing may be left open on the loop.
static void world_close(struct world *w) {
    loop_executor_stop(w->executor);
    uv_close((uv_handle_t *)&w->reason_to_run, NULL);
    uv_run(&w->loop, UV_RUN_DEFAULT);
    ck_assert_int_eq(uv_loop_close(&w->loop), 0);
}

START_TEST(futures_take_turns) {
    struct world w;
    int log[10] = {0}, at = 0;
    world_open(&w);
    struct task *one = spin(w.executor, 1, 4, log, &at);
    struct task *two = spin(w.executor, 2, 2, log, &at);
    struct task *never = spin(w.executor, 9, 1, log, &at);
    end_task(never); // before its first poll
    ck_assert_int_eq(at, 0);
    // A round in each turn of the loop, which must not fall asleep after it: a
    // future is woken already, and nobody else would wake the loop.
    for (int turn = 0; turn < 3; turn++) {
        uv_run(&w.loop, UV_RUN_ONCE);
    }
    ck_assert_int_eq(at, 5);
    loop_executor_run(w.executor); // a round out of turn
    const int wanted[] = {1, 2, 1, 2, 1, 1};
    ck_assert_mem_eq(log, wanted, sizeof wanted);
    ck_assert_int_eq(rounds, 4);
    end_task(one);
    end_task(two);
    world_close(&w);
}
END_TEST

struct keeper {
    struct future base;
    struct waker *kept;
};

static enum poll_result keeper_poll(struct future *self,
                                    const struct waker *waker, void *out) {
    struct keeper *me = (struct keeper *)self;
    (void)out;
    if (me->kept->ops == NULL) {
        *me->kept = waker_clone(waker);
        return FUTURE_PENDING;
    }
    return FUTURE_READY;
}

static struct keeper keeper(struct waker *kept) {
    static const struct future_ops ops = {sizeof(struct keeper), 0, keeper_poll,
                                          NULL};
    return (struct keeper){{&ops}, kept};
}

START_TEST(wakers_may_outlive_the_executor) {
    struct waker kept = {0};
    struct keeper f = keeper(&kept);
    struct world w;
    world_open(&w);
    struct task *task = loop_spawn(w.executor, &f.base);
    while (kept.ops == NULL) {
        uv_run(&w.loop, UV_RUN_NOWAIT);
    }
    struct waker another = waker_clone(&kept);
    waker_wake(&kept); // queued when the executor stops
    end_task(task);
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

static enum poll_result reader_poll(struct future *self,
                                    const struct waker *waker, void *out) {
    enum poll_result result = keeper_poll(self, waker, out);
    if (result == FUTURE_READY) {
        ck_assert_int_eq(news, 42);
    }
    return result;
}

// The second wake finds the task on the queue already. Still its poll must see
// what was done before that wake. Only ThreadSanitizer notices if not.
START_TEST(a_wake_brings_what_was_done_before_it) {
    static const struct future_ops ops = {sizeof(struct keeper), 0, reader_poll,
                                          NULL};
    struct waker kept = {0};
    struct keeper reader = {{&ops}, &kept};
    struct world w;
    pthread_t thread;
    world_open(&w);
    struct task *task = loop_spawn(w.executor, &reader.base);
    loop_executor_run(w.executor);
    waker_wake(&kept);
    ck_assert_int_eq(pthread_create(&thread, NULL, tell_news, &kept), 0);
    while (!atomic_load_explicit(&is_told, memory_order_relaxed)) {
        pause_ms(1);
    }
    loop_executor_run(w.executor);
    ck_assert_int_eq(pthread_join(thread, NULL), 0);
    end_task(task);
    waker_drop(&kept);
    world_close(&w);
}
END_TEST

// Awaits another future and notes when that was ready.
struct noter {
    struct future base;
    double *end;
    union {
        struct future future;
        struct loop_sleep sleep;
        struct pool_work work;
    } awaits;
};

static enum poll_result noter_poll(struct future *self,
                                   const struct waker *waker, void *out) {
    struct noter *me = (struct noter *)self;
    if (future_poll(&me->awaits.future, waker, out) == FUTURE_PENDING) {
        return FUTURE_PENDING;
    }
    *me->end = now();
    return FUTURE_READY;
}

static void noter_drop(struct future *self) {
    future_drop(&((struct noter *)self)->awaits.future);
}

static const struct future_ops noter_ops = {sizeof(struct noter), 0, noter_poll,
                                            noter_drop};

// libuv's timers do wake early when the loop is busy; the sleep must not.
static void on_idle_burn(uv_idle_t *idle) {
    double until = now() + 0.0007;
    (void)idle;
    while (now() < until) {
    }
}

START_TEST(sleeps_are_never_early) {
    enum { count = 100 };
    static double starts[count], ends[count];
    struct task *tasks[count];
    struct world w;
    uv_idle_t idle;
    world_open(&w);
    uv_idle_init(&w.loop, &idle);
    uv_idle_start(&idle, on_idle_burn);
    for (int i = 0; i < count; i++) {
        starts[i] = now();
        struct noter f = {{&noter_ops}, &ends[i], {{0}}};
        f.awaits.sleep = loop_sleep(w.executor, 0.1 + i * 0.0013);
        tasks[i] = loop_spawn(w.executor, &f.base);
        on_idle_burn(NULL);
    }
    while (ends[count - 1] == 0) {
        uv_run(&w.loop, UV_RUN_ONCE);
    }
    for (int i = 0; i < count; i++) {
        ck_assert_double_ge(ends[i] - starts[i], 0.1 + i * 0.0013);
        end_task(tasks[i]);
    }
    uv_close((uv_handle_t *)&idle, NULL);
    world_close(&w);
}
END_TEST

static atomic_int begun, worked;
static atomic_bool may_end;

static void work(const void *unused) {
    (void)unused;
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
    struct task *tasks[20];
    world_open(&w);
    for (int i = 0; i < 20; i++) {
        struct pool_work f = pool_work(w.executor, work, NULL);
        tasks[i] = loop_spawn(w.executor, &f.base);
    }
    uv_run(&w.loop, UV_RUN_NOWAIT);
    for (int i = 0; i < 5000 && atomic_load(&begun) == 0; i++) {
        pause_ms(1);
    }
    for (int i = 0; i < 20; i++) {
        end_task(tasks[i]);
    }
    atomic_store(&may_end, true);
    world_close(&w);
    ck_assert_int_gt(atomic_load(&worked), 0);
    ck_assert_int_lt(atomic_load(&worked), 20);
    ck_assert_int_eq(atomic_load(&worked), atomic_load(&begun));
}
END_TEST

// A waker of nobody.
static void nobody_cares(void *data) {
    (void)data;
}

static const struct waker_ops nobody_ops = {nobody_cares, nobody_cares,
                                            nobody_cares};

static void expect_first_poll(struct world *w, double seconds,
                              enum poll_result result) {
    const struct waker nobody = {&nobody_ops, NULL};
    struct loop_sleep sleep = loop_sleep(w->executor, seconds);
    ck_assert_int_eq(future_poll(&sleep.base, &nobody, NULL), result);
    future_drop(&sleep.base);
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

// ---- Memory that runs out ----

// The linker puts these in place of the real ones.
void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *old, size_t size);
void *__wrap_realloc(void *old, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);

static bool no_memory;
static int allocations;

void *__wrap_malloc(size_t size) {
    allocations++;
    return no_memory ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size) {
    allocations++;
    return no_memory ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *old, size_t size) {
    return no_memory ? NULL : __real_realloc(old, size);
}

static void count_drop(struct future *self) {
    (*((struct spinner *)self)->at)++;
}

START_TEST(a_task_is_one_allocation_or_none) {
    static const struct future_ops ops = {sizeof(struct spinner), 0,
                                          spinner_poll, count_drop};
    int log[1], drops = 0;
    struct spinner f = {{&ops}, 1, log, &drops, 1};
    struct world w;
    world_open(&w);
    no_memory = true;
    struct task *none = loop_spawn(w.executor, &f.base);
    no_memory = false;
    ck_assert_ptr_null(none);
    ck_assert_int_eq(drops, 1);
    allocations = 0;
    struct task *task = loop_spawn(w.executor, &f.base);
    ck_assert_int_eq(allocations, 1);
    ck_assert_int_eq(drops, 1);
    end_task(task);
    loop_executor_run(w.executor);
    ck_assert_int_eq(drops, 2);
    world_close(&w);
}
END_TEST

// What is awaited gets no memory at first. Then it asks again, and nothing is
// lost, and nothing is ready too soon.
static void await_without_memory(struct world *w, struct noter *f) {
    double end = 0, start = now();
    f->end = &end;
    struct task *task = loop_spawn(w->executor, &f->base);
    ck_assert_ptr_nonnull(task);
    no_memory = true;
    for (int turn = 0; turn < 10; turn++) {
        uv_run(&w->loop, UV_RUN_NOWAIT);
    }
    no_memory = false;
    while (end == 0) { // the poll comes just before the loop would sleep
        uv_run(&w->loop, UV_RUN_NOWAIT);
        pause_ms(1);
    }
    ck_assert_double_ge(end - start, 0.05);
    end_task(task);
}

static void a_little_work(const void *unused) {
    (void)unused;
    pause_ms(50);
}

START_TEST(awaiting_survives_a_lack_of_memory) {
    struct world w;
    struct noter f = {.base = {&noter_ops}};
    world_open(&w);
    f.awaits.sleep = loop_sleep(w.executor, 0.05);
    await_without_memory(&w, &f);
    f.awaits.work = pool_work(w.executor, a_little_work, NULL);
    await_without_memory(&w, &f);
    world_close(&w);
}
END_TEST

// ---- What is new against chapter 03 ----

static enum poll_result count_poll(struct future *self,
                                   const struct waker *waker, void *out) {
    struct keeper *me = (struct keeper *)self;
    (void)out;
    rounds++; // polls, here
    waker_drop(me->kept);
    *me->kept = waker_clone(waker);
    return FUTURE_PENDING;
}

START_TEST(run_now_needs_no_round) {
    static const struct future_ops ops = {sizeof(struct keeper), 0, count_poll,
                                          NULL};
    struct waker kept = {0};
    struct keeper f = {{&ops}, &kept};
    struct world w;
    world_open(&w);
    w.executor->after_round = NULL;
    rounds = 0;
    struct task *task = loop_spawn(w.executor, &f.base);
    loop_run_now(task); // it is on the queue
    ck_assert_int_eq(rounds, 0);
    loop_executor_run(w.executor);
    ck_assert_int_eq(rounds, 1);
    loop_run_now(task);
    loop_run_now(task);
    ck_assert_int_eq(rounds, 3);
    loop_executor_run(w.executor);
    ck_assert_int_eq(rounds, 3);
    waker_wake(&kept);
    loop_run_now(task); // it is on the queue again, and only once
    loop_executor_run(w.executor);
    ck_assert_int_eq(rounds, 4);
    end_task(task);
    waker_drop(&kept);
    world_close(&w);
}
END_TEST

struct self_runner {
    struct future base;
    struct task **task;
    int *polls;
};

static enum poll_result self_runner_poll(struct future *self,
                                         const struct waker *waker, void *out) {
    struct self_runner *me = (struct self_runner *)self;
    (void)waker;
    (void)out;
    if (++*me->polls < 3) {
        loop_run_now(*me->task); // inside its own poll
    }
    return FUTURE_PENDING;
}

START_TEST(run_now_inside_its_own_poll_is_a_wake) {
    static const struct future_ops ops = {sizeof(struct self_runner), 0,
                                          self_runner_poll, NULL};
    struct task *task;
    int polls = 0;
    struct self_runner f = {{&ops}, &task, &polls};
    struct world w;
    world_open(&w);
    task = loop_spawn(w.executor, &f.base);
    for (int round = 1; round <= 5; round++) {
        loop_executor_run(w.executor);
        ck_assert_int_eq(polls, round < 3 ? round : 3);
    }
    end_task(task);
    world_close(&w);
}
END_TEST

static enum poll_result panic_poll(struct future *self,
                                   const struct waker *waker, void *out) {
    (void)self;
    (void)waker;
    (void)out;
    task_panic("on purpose");
}

START_TEST(a_panic_ends_one_task) {
    static const struct future_ops ops = {sizeof(struct future), 0, panic_poll,
                                          NULL};
    struct future f = {&ops};
    int log[4], at = 0;
    struct world w;
    world_open(&w);
    struct task *bad = loop_spawn(w.executor, &f);
    struct task *good = spin(w.executor, 1, 2, log, &at);
    loop_executor_run(w.executor);
    loop_executor_run(w.executor);
    ck_assert_int_eq(at, 2);
    ck_assert_int_eq(task_join(bad, NULL), TASK_PANICKED);
    ck_assert_int_eq(task_join(good, NULL), TASK_COMPLETED);
    world_close(&w);
}
END_TEST

// A waker that notes who calls it.
static pthread_t caller;
static atomic_int calls;

static void note_caller(void *data) {
    (void)data;
    caller = pthread_self();
    calls++;
}

static void no_count(void *data) {
    (void)data;
}

// So the bell is what wakes the loop.
START_TEST(the_pool_itself_calls_the_waker) {
    static const struct waker_ops ops = {no_count, note_caller, no_count};
    const struct waker waker = {&ops, NULL};
    struct world w;
    world_open(&w);
    struct pool_work f = pool_work(w.executor, work, NULL);
    ck_assert_int_eq(future_poll(&f.base, &waker, NULL), FUTURE_PENDING);
    atomic_store(&may_end, true);
    for (int i = 0; i < 5000 && atomic_load(&calls) == 0; i++) {
        pause_ms(1); // the loop does not run meanwhile
    }
    ck_assert_int_eq(atomic_load(&calls), 1);
    ck_assert(!pthread_equal(caller, pthread_self()));
    ck_assert_int_eq(future_poll(&f.base, &waker, NULL), FUTURE_READY);
    future_drop(&f.base);
    world_close(&w);
}
END_TEST

static void add_tests(TCase *tests) {
    tcase_add_test(tests, futures_take_turns);
    tcase_add_test(tests, wakers_may_outlive_the_executor);
    tcase_add_test(tests, a_wake_brings_what_was_done_before_it);
    tcase_add_test(tests, sleeps_are_never_early);
    tcase_add_test(tests, abandoned_work_is_safe);
    tcase_add_test(tests, any_duration_will_do);
    tcase_add_test(tests, a_task_is_one_allocation_or_none);
    tcase_add_test(tests, awaiting_survives_a_lack_of_memory);
    tcase_add_test(tests, run_now_needs_no_round);
    tcase_add_test(tests, run_now_inside_its_own_poll_is_a_wake);
    tcase_add_test(tests, a_panic_ends_one_task);
    tcase_add_test(tests, the_pool_itself_calls_the_waker);
}

int main(void) {
    return run_suite("05 executor", add_tests);
}
