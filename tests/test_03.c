#define _POSIX_C_SOURCE 200809L
// Chapter 03: what the acts print. Where only the clock decides who comes
// first, the order is left open.
#include "harness.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PROGRAM "03-task-queue/task-queue"

static struct play *mailbox, *queue, *first_spawn, *panics, *cancel, *stealing;
static struct play *all, *list, *bad_number, *old_name;

static void start_plays(void) {
    mailbox = play_start(PROGRAM, "mailbox", NULL);
    queue = play_start(PROGRAM, "queue", NULL);
    first_spawn = play_start(PROGRAM, "first-spawn", NULL);
    panics = play_start(PROGRAM, "panic", NULL);
    cancel = play_start(PROGRAM, "cancel", NULL);
    stealing = play_start(PROGRAM, "stealing", NULL);
    all = play_start(PROGRAM, NULL);
    list = play_start(PROGRAM, "--list", NULL);
    bad_number = play_start(PROGRAM, "queue", "3", NULL);
    old_name = play_start(PROGRAM, "lazy", NULL);
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

// A number is put a tenth of a second after the one before. So each time the
// box is empty when somebody wants to take, unless that one was held up long.
START_TEST(another_thread_calls_the_waker) {
    static const char *const lines[] = {"the box is empty*",
                                        "put 1",
                                        "took 1",
                                        "the box is empty*",
                                        "put 2",
                                        "took 2",
                                        "now a task takes",
                                        "the box is empty*",
                                        "put 3",
                                        "took 3",
                                        "sum 6",
                                        NULL};
    expect_status(mailbox, 0);
    if (play_count(mailbox, "the box is empty*") == 3) {
        expect_lines(mailbox, lines);
    }
    expect_order(mailbox, "the box is empty*", "took 1");
    expect_order(mailbox, "put 1", "took 1");
    expect_order(mailbox, "took 1", "put 2");
    expect_order(mailbox, "put 2", "took 2");
    expect_order(mailbox, "took 2", "now a task takes");
    expect_order(mailbox, "now a task takes", "took 3");
    expect_order(mailbox, "took 2", "put 3");
    expect_order(mailbox, "put 3", "took 3");
    expect_order(mailbox, "took 3", "sum 6");
}
END_TEST

START_TEST(tasks_take_turns) {
    expect_status(queue, 0);
    ck_assert_uint_eq(queue->count, 12);
    for (int task = 1; task <= 3; task++) {
        expect_turns(queue, task, 3);
        expect_order(queue, line("task %d, turn 3 of 3", task),
                     line("task %d delivered", task));
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
    expect_status(first_spawn, 0);
    expect_order(first_spawn, "before the first spawn: no queue, no worker",
                 "after the first spawn: a queue and its worker");
    expect_line(first_spawn, "task 1 delivered");
}
END_TEST

START_TEST(one_panics_and_two_deliver) {
    expect_status(panics, 0);
    int reason = play_find(panics, "task panicked: this task cannot *");
    ck_assert_int_ge(reason, 0);
    ck_assert(panics->lines[reason].is_error);
    expect_line(panics, "task 1 delivered");
    expect_line(panics, "task 2 panicked");
    expect_line(panics, "task 3 delivered");
    ck_assert_int_eq(play_count(panics, "task 2, turn *"), 2);
}
END_TEST

// Whether task 3 was cancelled in time is judged by the act itself.
START_TEST(two_run_on_and_one_is_cancelled) {
    expect_status(cancel, 0);
    expect_order(cancel, "main detaches task 2", "main cancels task 3*");
    expect_order(cancel, "main cancels task 3*", "task 3 was cancelled");
    for (int task = 1; task <= 2; task++) {
        expect_turns(cancel, task, 5);
        ck_assert_int_eq(play_count(cancel, line("task %d, turn *", task)), 5);
    }
    ck_assert_int_eq(play_count(cancel, "task 3, turn *"), 0);
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
    expect_order(all, "== mailbox: *", "== queue: *");
    expect_order(all, "== queue: *", "== first-spawn: *");
    expect_order(all, "== first-spawn: *", "== panic: *");
    expect_order(all, "== panic: *", "== cancel: *");
    expect_order(all, "== cancel: *", "== stealing: *");
    // Also after another act there is no queue yet.
    expect_line(all, "before the first spawn: no queue, no worker");
}
END_TEST

START_TEST(the_command_line) {
    static const char *const lines[] = {
        "mailbox *",  "queue *", "first-spawn *", "panic *", "cancel *",
        "stealing *", NULL};
    expect_lines(list, lines);
    expect_status(list, 0);
    expect_status(bad_number, 2);
    expect_status(old_name, 2);
}
END_TEST

static void add_tests(TCase *tests) {
    tcase_add_test(tests, another_thread_calls_the_waker);
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
