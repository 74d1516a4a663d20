#define _POSIX_C_SOURCE 200809L
// Chapter 02: the six acts, and the executor by itself. No future may be ready
// early; late it may be, because the machine may be busy.
#include "harness.h"

#include "executor.h"
#include "future.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

static const char program[] = "02-futures/futures";

// Runs the program, whose path is $0, with too little memory for the stack of a
// thread. An instrumented program does not even start then: status 77.
static const char without_memory[] =
    "ulimit -s 8192; ulimit -v 6000; \"$0\" --list >/dev/null 2>&1 || exit 77; "
    "exec \"$0\" two-workers";

static struct play *lazy, *late_await, *spawned, *two_blocking, *two_workers;
static struct play *async_sleep, *all, *list, *bad_act, *no_threads;

static void start_plays(void) {
    static char path[512];
    snprintf(path, sizeof path, "%s/%s", getenv("BUILD"), program);
    lazy = play_start(program, "lazy", NULL);
    late_await = play_start(program, "late-await", NULL);
    spawned = play_start(program, "spawned", NULL);
    two_blocking = play_start(program, "two-blocking", NULL);
    two_workers = play_start(program, "two-workers", NULL);
    async_sleep = play_start(program, "async-sleep", NULL);
    all = play_start(program, NULL);
    list = play_start(program, "--list", NULL);
    bad_act = play_start(program, "juggling", NULL);
    no_threads = play_start("/bin/sh", "-c", without_memory, path, NULL);
}

// ---- The acts ----

static void expect_one(const struct play *p, double least, double most) {
    static const char *const lines[] = {"number 1 is running", "time elapsed *",
                                        "Here is the outcome: 2", NULL};
    expect_lines(p, lines);
    expect_status(p, 0);
    ck_assert_double_ge(elapsed_in(p), least);
    ck_assert_double_lt(elapsed_in(p), most);
}

START_TEST(a_future_runs_when_it_is_awaited) {
    expect_one(lazy, 2, 3.5);
}
END_TEST

// Its line comes only after the sleep of two seconds.
START_TEST(a_future_does_not_start_before) {
    expect_one(late_await, 4, 7);
    ck_assert_double_ge(late_await->lines[0].at, 2);
}
END_TEST

START_TEST(a_spawned_future_runs_meanwhile) {
    expect_one(spawned, 2, 3.5);
    ck_assert_double_lt(spawned->lines[0].at, 2);
}
END_TEST

static void expect_two(const struct play *p, double least, double most) {
    static const char *const lines[] = {"number *", "number *",
                                        "time elapsed *", NULL};
    expect_lines(p, lines);
    expect_line(p, "number 1 is running");
    expect_line(p, "number 2 is running");
    expect_status(p, 0);
    ck_assert_double_ge(elapsed_in(p), least);
    ck_assert_double_lt(elapsed_in(p), most);
}

START_TEST(a_blocking_future_holds_the_only_worker) {
    expect_two(two_blocking, 4, 7);
    expect_order(two_blocking, "number 1 is running", "number 2 is running");
    ck_assert_double_ge(two_blocking->lines[1].at, 2);
}
END_TEST

START_TEST(two_workers_block_side_by_side) {
    expect_two(two_workers, 2, 3.5);
}
END_TEST

START_TEST(two_sleeps_that_yield_share_one_worker) {
    expect_two(async_sleep, 2, 3.5);
    expect_order(async_sleep, "number 1 is running", "number 2 is running");
    ck_assert_double_lt(async_sleep->lines[1].at, 2);
}
END_TEST

// It could have a whole processor for two seconds; on a very busy machine it
// gets little of that, but still far more than who sleeps.
START_TEST(asking_all_the_time_costs_cpu) {
    ck_assert_double_ge(async_sleep->cpu_seconds, 0.02);
    ck_assert_double_lt(two_workers->cpu_seconds, async_sleep->cpu_seconds / 2);
}
END_TEST

START_TEST(without_an_argument_all_acts_are_played) {
    expect_status(all, 0);
    expect_order(all, "== lazy: *", "== late-await: *");
    expect_order(all, "== late-await: *", "== spawned: *");
    expect_order(all, "== spawned: *", "== two-blocking: *");
    expect_order(all, "== two-blocking: *", "== two-workers: *");
    expect_order(all, "== two-workers: *", "== async-sleep: *");
    ck_assert_int_eq(play_count(all, "time elapsed *"), 6);
    expect_seconds(all, 16, 24);
}
END_TEST

START_TEST(the_list_names_the_acts_in_order) {
    static const char *const lines[] = {
        "lazy *",        "late-await *",  "spawned *", "two-blocking *",
        "two-workers *", "async-sleep *", NULL};
    expect_lines(list, lines);
    expect_status(list, 0);
}
END_TEST

static void expect_complaint(const struct play *p, int status,
                             const char *text) {
    const char *const lines[] = {text, NULL};
    expect_lines(p, lines);
    ck_assert(p->lines[0].is_error);
    expect_status(p, status);
}

START_TEST(a_bad_act_is_one_line_and_status_2) {
    expect_complaint(bad_act, 2, "futures: no such act 'juggling'*");
}
END_TEST

START_TEST(a_worker_that_cannot_be_made_is_told) {
    if (no_threads->status != 77) {
        expect_complaint(no_threads, 1, "futures: start the workers: *");
    }
}
END_TEST

// ---- The executor by itself ----

// A future that is ready at its n-th poll, and complains if two threads poll
// it at once. Its output is its number.
struct probe {
    struct future base;
    int number;
    int polls_left;
    atomic_bool being_polled;
};

static atomic_int dropped, polled_twice_at_once;
static int order[16], orders; // who was polled, on one worker

static enum poll probe_poll(struct future *self, int *out) {
    struct probe *me = (struct probe *)self;
    if (atomic_exchange(&me->being_polled, true)) {
        atomic_fetch_add(&polled_twice_at_once, 1);
    }
    bool ready = --me->polls_left == 0;
    if (ready) {
        *out = me->number;
    }
    atomic_store(&me->being_polled, false);
    return ready ? FUTURE_READY : FUTURE_PENDING;
}

static void probe_drop(struct future *self) {
    atomic_fetch_add(&dropped, 1);
    free(self);
}

static const struct future_ops probe_ops = {probe_poll, probe_drop};

static enum poll ordered_poll(struct future *self, int *out) {
    order[orders++] = ((struct probe *)self)->number;
    return probe_poll(self, out);
}

static const struct future_ops ordered_ops = {ordered_poll, probe_drop};

static struct future *probe(int number, int polls) {
    struct probe *me = calloc(1, sizeof *me);
    ck_assert_ptr_nonnull(me);
    me->base.ops = &probe_ops;
    me->number = number;
    me->polls_left = polls;
    return &me->base;
}

// Says that it is ready once it is told so: holds a worker until then.
static atomic_bool gate_open;

static enum poll gate_poll(struct future *self, int *out) {
    while (!atomic_load(&gate_open)) {
    }
    return probe_poll(self, out);
}

static const struct future_ops gate_ops = {gate_poll, probe_drop};

static struct future *ordered_probe(int number, int polls) {
    struct future *f = probe(number, polls);
    f->ops = &ordered_ops;
    return f;
}

START_TEST(await_polls_until_ready_and_drops_once) {
    ck_assert_int_eq(future_await(probe(7, 1000)), 7);
    ck_assert_int_eq(atomic_load(&dropped), 1);
}
END_TEST

// The gate keeps the worker busy until both are spawned.
START_TEST(one_worker_polls_in_turn) {
    static const int expected[] = {1, 2, 1, 2, 1};
    struct executor *e = executor_start(1);
    struct future *gate = probe(0, 1);
    gate->ops = &gate_ops;
    struct future *held = executor_spawn(e, gate);
    struct future *one = executor_spawn(e, ordered_probe(1, 3));
    struct future *two = executor_spawn(e, ordered_probe(2, 2));
    atomic_store(&gate_open, true);
    ck_assert_int_eq(future_await(held), 0);
    ck_assert_int_eq(future_await(one), 1);
    ck_assert_int_eq(future_await(two), 2);
    executor_stop(e);
    ck_assert_int_eq(orders, 5);
    ck_assert_mem_eq(order, expected, sizeof expected);
}
END_TEST

enum { many = 500 };

START_TEST(many_futures_on_four_workers_deliver_each_its_own) {
    struct future *handles[many];
    struct executor *e = executor_start(4);
    for (int i = 0; i < many; i++) {
        handles[i] = executor_spawn(e, probe(i, 1 + i % 20));
    }
    for (int i = 0; i < many; i++) {
        ck_assert_int_eq(future_await(handles[i]), i);
    }
    executor_stop(e);
    ck_assert_int_eq(atomic_load(&dropped), many);
    ck_assert_int_eq(atomic_load(&polled_twice_at_once), 0);
}
END_TEST

// The sanitizers and valgrind see what leaks here.
START_TEST(handles_may_be_dropped_early) {
    struct executor *e = executor_start(2);
    for (int i = 0; i < many; i++) {
        future_drop(executor_spawn(e, probe(i, 3)));
    }
    executor_stop(e);
    ck_assert_int_eq(atomic_load(&dropped), many);
}
END_TEST

// A future that would never be ready does not keep the executor from stopping,
// and its handle does not pretend.
START_TEST(stopping_drops_what_is_pending) {
    struct executor *e = executor_start(2);
    struct future *handle = executor_spawn(e, probe(1, -1));
    executor_stop(e);
    int out = 0;
    ck_assert_int_eq(future_poll(handle, &out), FUTURE_PENDING);
    future_drop(handle);
    ck_assert_int_eq(atomic_load(&dropped), 1);
}
END_TEST

START_TEST(no_worker_is_no_executor) {
    for (int workers = -1; workers <= 0; workers++) {
        errno = 0;
        ck_assert_ptr_null(executor_start(workers));
        ck_assert_int_eq(errno, EINVAL);
    }
}
END_TEST

static void add_tests(TCase *tests) {
    tcase_add_test(tests, a_future_runs_when_it_is_awaited);
    tcase_add_test(tests, a_future_does_not_start_before);
    tcase_add_test(tests, a_spawned_future_runs_meanwhile);
    tcase_add_test(tests, a_blocking_future_holds_the_only_worker);
    tcase_add_test(tests, two_workers_block_side_by_side);
    tcase_add_test(tests, two_sleeps_that_yield_share_one_worker);
    tcase_add_test(tests, asking_all_the_time_costs_cpu);
    tcase_add_test(tests, without_an_argument_all_acts_are_played);
    tcase_add_test(tests, the_list_names_the_acts_in_order);
    tcase_add_test(tests, a_bad_act_is_one_line_and_status_2);
    tcase_add_test(tests, a_worker_that_cannot_be_made_is_told);
    tcase_add_test(tests, await_polls_until_ready_and_drops_once);
    tcase_add_test(tests, one_worker_polls_in_turn);
    tcase_add_test(tests, many_futures_on_four_workers_deliver_each_its_own);
    tcase_add_test(tests, handles_may_be_dropped_early);
    tcase_add_test(tests, stopping_drops_what_is_pending);
    tcase_add_test(tests, no_worker_is_no_executor);
}

int main(void) {
    start_plays();
    plays_wait();
    return run_suite("02-futures", add_tests);
}
