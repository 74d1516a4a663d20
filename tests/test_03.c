#define _POSIX_C_SOURCE 200809L
// Chapter 03: what the acts print. Where only the clock decides who comes
// first, the order is left open.
#include "harness.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PROGRAM "03-task-queue/task-queue"

static struct play *queue, *lazy, *panics, *cancel, *stealing, *all;
static struct play *list, *bad_number;

static void start_plays(void) {
    queue = play_start(PROGRAM, "queue", NULL);
    lazy = play_start(PROGRAM, "lazy", NULL);
    panics = play_start(PROGRAM, "panic", NULL);
    cancel = play_start(PROGRAM, "cancel", NULL);
    stealing = play_start(PROGRAM, "stealing", NULL);
    all = play_start(PROGRAM, NULL);
    list = play_start(PROGRAM, "--list", NULL);
    bad_number = play_start(PROGRAM, "queue", "3", NULL);
}

static const char *line(const char *format, int task) {
    static char texts[8][64];
    static int next;
    char *text = texts[next++ % 8];
    snprintf(text, sizeof texts[0], format, task);
    return text;
}

static void expect_turns(const struct play *p, int task, int turns) {
    char first[64], second[64];
    for (int turn = 1; turn < turns; turn++) {
        snprintf(first, sizeof first, "task %d, turn %d of *", task, turn);
        snprintf(second, sizeof second, "task %d, turn %d of *", task,
                 turn + 1);
        expect_order(p, first, second);
    }
}

START_TEST(tasks_take_turns) {
    expect_status(queue, 0);
    ck_assert_uint_eq(queue->count, 12);
    for (int task = 1; task <= 3; task++) {
        expect_turns(queue, task, 3);
        expect_order(queue, line("task %d, turn 3 of 3", task),
                     line("task %d delivered 3", task));
    }
    // Nobody gets a third turn before everybody had a second.
    for (int a = 1; a <= 3; a++) {
        for (int b = 1; b <= 3; b++) {
            expect_order(queue, line("task %d, turn 1 of 3", a),
                         line("task %d, turn 2 of 3", b));
            expect_order(queue, line("task %d, turn 2 of 3", a),
                         line("task %d, turn 3 of 3", b));
        }
    }
}
END_TEST

START_TEST(the_queue_is_lazy) {
    expect_status(lazy, 0);
    expect_order(lazy, "before the first spawn: no queue, no worker",
                 "after the first spawn: a queue and its worker");
    expect_line(lazy, "task 1 delivered 1");
}
END_TEST

START_TEST(one_panics_and_two_deliver) {
    expect_status(panics, 0);
    int reason = play_find(panics, "task panicked: this task cannot *");
    ck_assert_int_ge(reason, 0);
    ck_assert(panics->lines[reason].is_error);
    expect_line(panics, "task 1 delivered 3");
    expect_line(panics, "task 2 panicked");
    expect_line(panics, "task 3 delivered 3");
    ck_assert_int_eq(play_count(panics, "task 2, turn *"), 2);
}
END_TEST

START_TEST(two_run_on_and_one_is_cancelled) {
    expect_status(cancel, 0);
    expect_order(cancel, "main drops the handle of task 1",
                 "main detaches task 2");
    expect_order(cancel, "main detaches task 2", "main cancels task 3");
    expect_order(cancel, "main cancels task 3", "task 3 is dropped *");
    expect_order(cancel, "task 3 is dropped *", "task 3 was cancelled");
    expect_line(cancel, "task 1 is dropped after turn 5");
    expect_line(cancel, "task 2 is dropped after turn 5");
    ck_assert_int_eq(play_count(cancel, "task 3, turn 5 *"), 0);
}
END_TEST

// The n-th makespan that is printed, in seconds.
static double makespan(int n) {
    for (size_t i = 0; i < stealing->count; i++) {
        const char *text = stealing->lines[i].text;
        if (strncmp(text, "  makespan ", 11) == 0 && n-- == 0) {
            return strtod(text + 11, NULL);
        }
    }
    ck_abort_msg("too few makespans");
    return 0;
}

// 56 turns of 25 ms on four workers, and 32 of them with the first worker.
START_TEST(stealing_pays) {
    expect_status(stealing, 0);
    ck_assert_int_eq(play_count(stealing, "  worker *"), 12);
    expect_order(stealing, "one queue for all", "a queue for each worker");
    expect_order(stealing, "a queue for each worker",
                 "a queue for each worker, and stealing");
    ck_assert_double_ge(makespan(0), 14 * 0.025);
    ck_assert_double_ge(makespan(1), 32 * 0.025);
    ck_assert_double_ge(makespan(2), 14 * 0.025);
    ck_assert_double_ge(makespan(1) / makespan(2), 1.5);
    expect_line(stealing, "without stealing it takes *");
}
END_TEST

START_TEST(without_an_argument_all_acts_are_played) {
    expect_status(all, 0);
    expect_order(all, "== queue: *", "== lazy: *");
    expect_order(all, "== lazy: *", "== panic: *");
    expect_order(all, "== panic: *", "== cancel: *");
    expect_order(all, "== cancel: *", "== stealing: *");
    // Also after another act there is no queue yet.
    expect_line(all, "before the first spawn: no queue, no worker");
}
END_TEST

START_TEST(the_command_line) {
    static const char *const lines[] = {"queue *",  "lazy *",     "panic *",
                                        "cancel *", "stealing *", NULL};
    expect_lines(list, lines);
    expect_status(list, 0);
    expect_status(bad_number, 2);
}
END_TEST

static void add_tests(TCase *tests) {
    tcase_add_test(tests, tasks_take_turns);
    tcase_add_test(tests, the_queue_is_lazy);
    tcase_add_test(tests, one_panics_and_two_deliver);
    tcase_add_test(tests, two_run_on_and_one_is_cancelled);
    tcase_add_test(tests, stealing_pays);
    tcase_add_test(tests, without_an_argument_all_acts_are_played);
    tcase_add_test(tests, the_command_line);
}

int main(void) {
    start_plays();
    plays_wait();
    return run_suite("03-task-queue", add_tests);
}
