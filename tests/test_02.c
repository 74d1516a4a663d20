#define _POSIX_C_SOURCE 200809L
// Chapter 02: the six acts, and the executor by itself. No future may be ready
// early; late it may be, because the machine may be busy.
#include "failing.h"
#include "harness.h"

#include "executor.h"
#include "future.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

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

// When a line came, since the act began to measure. Before that the program may
// have waited long for a processor.
static double measured(const struct play *p, int line) {
    int end = play_find(p, "time elapsed *");
    return p->lines[line].at - (p->lines[end].at - elapsed_in(p));
}

START_TEST(a_spawned_future_runs_meanwhile) {
    expect_one(spawned, 2, 3.5);
    ck_assert_double_lt(measured(spawned, 0), 2);
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
    ck_assert_double_lt(measured(async_sleep, 1), 2);
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
    expect_seconds(all, 16, 32); // ThreadSanitizer adds a second to most acts
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
        expect_complaint(no_threads, 1, "executor: start a worker: *");
    }
}
END_TEST

// ---- The executor by itself ----

static void pause_ms(long ms) {
    nanosleep(&(struct timespec){.tv_nsec = ms * 1000000}, NULL);
}

enum { many = 500 };

// A future that is ready at its n-th poll, and complains if two threads poll
// it at once. Its output is its number, by which its drops are counted.
struct probe {
    struct future base;
    int number;
    int polls_left;
    bool ordered; // notes when it is polled; there must be one worker then
    int newcomer; // is spawned by the first poll; 0: nobody
    struct handle *of_newcomer; // where its handle goes
    atomic_bool being_polled;
};

static atomic_int drops[many], polled_twice_at_once;
static int order[16], orders; // who was polled, on one worker

static struct probe probe(int number, int polls);
static int newcomers_value;

static void spawn_newcomer(struct probe *me) {
    struct probe newcomer = probe(me->newcomer, 1);
    newcomer.ordered = me->ordered;
    me->newcomer = 0;
    *me->of_newcomer = executor_spawn(&newcomer.base, &newcomers_value);
}

static enum poll_result probe_poll(struct future *self, void *out) {
    struct probe *me = (struct probe *)self;
    if (atomic_exchange(&me->being_polled, true)) {
        atomic_fetch_add(&polled_twice_at_once, 1);
    }
    if (me->ordered) {
        order[orders++] = me->number;
    }
    if (me->newcomer != 0) {
        spawn_newcomer(me);
    }
    bool ready = --me->polls_left == 0;
    if (ready) {
        *(int *)out = me->number;
    }
    atomic_store(&me->being_polled, false);
    return ready ? FUTURE_READY : FUTURE_PENDING;
}

static void probe_drop(struct future *self) {
    atomic_fetch_add(&drops[((struct probe *)self)->number], 1);
}

static const struct future_ops probe_ops = {sizeof(struct probe), sizeof(int),
                                            probe_poll, probe_drop};

static struct probe probe(int number, int polls) {
    return (struct probe){
        .base = {&probe_ops}, .number = number, .polls_left = polls};
}

// Says that it is ready once it is told so: holds a worker until then.
static atomic_bool gate_open;

static enum poll_result gate_poll(struct future *self, void *out) {
    (void)self;
    (void)out;
    while (!atomic_load(&gate_open)) {
    }
    return FUTURE_READY;
}

// It has no output, and holds nothing that it could let go of.
static const struct future_ops gate_ops = {sizeof(struct future), 0, gate_poll,
                                           NULL};

// Waits until value is wanted, which may take a moment on another thread, or
// patience ends. It calls nothing of Check, which allocates too.
static void wait_for(atomic_int *value, int wanted) {
    for (int ms = 0; ms < 10000 && atomic_load(value) != wanted; ms++) {
        pause_ms(1);
    }
}

// Each of the first n was dropped, and only once.
static void expect_drops(int n) {
    for (int i = 0; i < n; i++) {
        wait_for(&drops[i], 1);
        ck_assert_int_eq(atomic_load(&drops[i]), 1);
    }
}

START_TEST(block_on_polls_until_ready_and_drops_once) {
    int out = 0;
    struct probe f = probe(7, 1000);
    block_on(&f.base, &out);
    ck_assert_int_eq(out, 7);
    ck_assert_int_eq(atomic_load(&drops[7]), 1);
    ck_assert_int_eq(f.polls_left,
                     0); // on the stack, where it was all the time
}
END_TEST

// The gate keeps the worker busy until all are spawned. Who comes anew goes to
// the end of the list, behind those who were put back.
START_TEST(one_worker_polls_in_turn) {
    static const int expected[] = {1, 2, 1, 3, 2, 1};
    struct future gate = {&gate_ops};
    struct probe one = probe(1, 3), two = probe(2, 2);
    struct handle third;
    int values[2] = {0};
    executor_start(1);
    struct handle held = executor_spawn(&gate, NULL);
    one.ordered = two.ordered = true;
    two.newcomer = 3;
    two.of_newcomer = &third;
    struct handle first = executor_spawn(&one.base, &values[0]);
    struct handle second = executor_spawn(&two.base, &values[1]);
    atomic_store(&gate_open, true);
    block_on(&held.base, NULL);
    block_on(&first.base, NULL);
    block_on(&second.base, NULL);
    block_on(&third.base, NULL);
    ck_assert_int_eq(values[0], 1);
    ck_assert_int_eq(values[1], 2);
    ck_assert_int_eq(newcomers_value, 3);
    ck_assert_int_eq(orders, 6);
    ck_assert_mem_eq(order, expected, sizeof expected);
}
END_TEST

START_TEST(many_futures_on_four_workers_deliver_each_its_own) {
    struct handle handles[many];
    int before = atomic_load(&blocks), values[many], wrong = 0;
    executor_start(4);
    for (int i = 0; i < many; i++) {
        struct probe f = probe(i, 1 + i % 20);
        handles[i] = executor_spawn(&f.base, &values[i]);
    }
    for (int i = 0; i < many; i++) {
        block_on(&handles[i].base, NULL);
        wrong += values[i] != i || atomic_load(&drops[i]) != 1;
    }
    wait_for(&blocks, before);
    ck_assert_int_eq(atomic_load(&blocks), before);
    ck_assert_int_eq(wrong, 0);
    ck_assert_int_eq(atomic_load(&polled_twice_at_once), 0);
}
END_TEST

START_TEST(handles_may_be_dropped_early) {
    int before = atomic_load(&blocks), value;
    executor_start(2);
    for (int i = 0; i < many; i++) {
        struct probe f = probe(i, 3);
        struct handle handle = executor_spawn(&f.base, i % 2 ? &value : NULL);
        if (i % 5 == 0) {
            block_on(&handle.base, NULL);
        } else {
            future_drop(&handle.base);
        }
    }
    wait_for(&blocks, before);
    ck_assert_int_eq(atomic_load(&blocks), before);
    expect_drops(many);
}
END_TEST

// A handle does not pretend, and awaiting it late is awaiting it.
START_TEST(a_handle_is_pending_until_the_future_is_ready) {
    struct future gate = {&gate_ops};
    executor_start(1);
    struct handle handle = executor_spawn(&gate, NULL);
    for (int i = 0; i < 3; i++) {
        ck_assert_int_eq(future_poll(&handle.base, NULL), FUTURE_PENDING);
        pause_ms(1);
    }
    atomic_store(&gate_open, true);
    block_on(&handle.base, NULL);
}
END_TEST

// ---- A future is moved into the executor, and its output out of it ----

enum { most_bytes = 40 };

// Its size is that of its head and so many bytes, whose values it knows.
struct moved {
    struct future base;
    int polls;
    unsigned char bytes[most_bytes];
};

static struct future_ops moved_ops[most_bytes + 1];
static const size_t out_sizes[] = {0, 1, 3, 17, 4096, 1 << 20};
static atomic_int spoiled;

static void expect_aligned(const void *place) {
    if ((uintptr_t)place % _Alignof(max_align_t) != 0) {
        atomic_fetch_add(&spoiled, 1);
    }
}

static size_t byte_count(const struct moved *me) {
    return me->base.ops->size - offsetof(struct moved, bytes);
}

// Writes all of its output in each poll; that must not be where its bytes are.
static enum poll_result moved_poll(struct future *self, void *out) {
    struct moved *me = (struct moved *)self;
    expect_aligned(self);
    expect_aligned(out);
    memset(out, 'o', me->base.ops->out_size);
    for (size_t i = 0; i < byte_count(me); i++) {
        if (me->bytes[i] != i) {
            atomic_fetch_add(&spoiled, 1);
        }
    }
    return ++me->polls == 3 ? FUTURE_READY : FUTURE_PENDING;
}

static struct moved moved(size_t bytes, size_t out_size) {
    struct future_ops *ops = &moved_ops[bytes];
    *ops = (struct future_ops){offsetof(struct moved, bytes) + bytes, out_size,
                               moved_poll, NULL};
    struct moved f = {.base = {ops}};
    for (size_t i = 0; i < bytes; i++) {
        f.bytes[i] = (unsigned char)i;
    }
    return f;
}

// What is on the caller's stack is overwritten as soon as it is spawned.
START_TEST(what_is_spawned_is_moved) {
    size_t out_size = out_sizes[_i];
    char *value = calloc(out_size + 1, 1);
    int wrong = 0;
    executor_start(1);
    for (size_t bytes = 0; bytes <= most_bytes; bytes++) {
        struct moved f = moved(bytes, out_size);
        struct handle handle = executor_spawn(&f.base, value);
        memset(&f, 0xee, sizeof f);
        memset(value, 0, out_size);
        block_on(&handle.base, NULL);
        for (size_t i = 0; i < out_size; i++) {
            wrong += value[i] != 'o';
        }
        wrong += value[out_size] != 0;
    }
    ck_assert_int_eq(wrong, 0);
    ck_assert_int_eq(atomic_load(&spoiled), 0);
    free(value);
}
END_TEST

// ---- What ends the program ----

static void start_no_worker(void) {
    executor_start(0);
}

static void start_fewer_workers(void) {
    executor_start(-1);
}

static void start_too_many_workers(void) {
    atomic_store(&fail_thread_at, 3);
    executor_start(4);
}

static void spawn_without_memory(void) {
    struct probe f = probe(1, 1);
    executor_start(1);
    fail_malloc_at = 1;
    (void)executor_spawn(&f.base, NULL);
}

START_TEST(what_cannot_be_had_ends_the_program_and_is_told) {
    expect_end(start_no_worker, 1,
               "executor: start the workers: Invalid argument");
    expect_end(start_fewer_workers, 1,
               "executor: start the workers: Invalid argument");
    expect_end(start_too_many_workers, 1,
               "executor: start a worker: Resource temporarily unavailable");
    expect_end(spawn_without_memory, 1,
               "executor: spawn a future: Cannot allocate memory");
}
END_TEST

static void end_with_futures_pending(void) {
    executor_start(2);
    for (int i = 0; i < 10; i++) {
        struct probe f = probe(i, -1);
        struct handle handle = executor_spawn(&f.base, NULL);
        if (i % 2 == 0) {
            future_drop(&handle.base);
        }
    }
    pause_ms(5);
    exit(5);
}

// A future that would never be ready does not keep the program from ending.
START_TEST(the_program_ends_in_the_middle_of_it) {
    expect_end(end_with_futures_pending, 5, NULL);
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
    tcase_add_test(tests, block_on_polls_until_ready_and_drops_once);
    tcase_add_test(tests, one_worker_polls_in_turn);
    tcase_add_test(tests, many_futures_on_four_workers_deliver_each_its_own);
    tcase_add_test(tests, handles_may_be_dropped_early);
    tcase_add_test(tests, a_handle_is_pending_until_the_future_is_ready);
    tcase_add_loop_test(tests, what_is_spawned_is_moved, 0,
                        sizeof out_sizes / sizeof out_sizes[0]);
    tcase_add_test(tests, what_cannot_be_had_ends_the_program_and_is_told);
    tcase_add_test(tests, the_program_ends_in_the_middle_of_it);
}

int main(void) {
    start_plays();
    plays_wait();
    return run_suite("02-futures", add_tests);
}
