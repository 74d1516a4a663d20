#define _POSIX_C_SOURCE 200809L
// Chapter 04: the text's test run, with both kinds of sleep, and the crowds.
// Orders that only the clock decides are tested as what they are: the three
// lines of one sleeper come in their order, and everybody has begun before
// anybody goes on.
#include "harness.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PROGRAM "04-async-sleep/sleepers"

static struct play *runs[2]; // the acts sleepers and timer
static struct play *many, *threads, *list, *bad_act, *bad_number;

static void start_plays(void) {
    runs[0] = play_start(PROGRAM, "sleepers", NULL);
    runs[1] = play_start(PROGRAM, "timer", NULL);
    many = play_start(PROGRAM, "many", "2000", NULL);
    threads = play_start(PROGRAM, "threads", "100", NULL);
    list = play_start(PROGRAM, "--list", NULL);
    bad_act = play_start(PROGRAM, "nonsense", NULL);
    bad_number = play_start(PROGRAM, "many", "0", NULL);
}

static const char *line(const char *what, int label) {
    static char lines[9][40];
    static int next;
    char *line = lines[next++ % 9];
    snprintf(line, 40, "%s %d", what, label);
    return line;
}

START_TEST(three_sleep_at_the_same_time) {
    const struct play *p = runs[_i];
    expect_status(p, 0);
    ck_assert_uint_eq(p->count, 12);
    for (int a = 1; a <= 3; a++) {
        for (int b = 1; b <= 3; b++) {
            expect_order(p, line("sleeping", a), line("progressing sleep", b));
            expect_order(p, line("progressing sleep", a),
                         line("done sleeping", b));
        }
        expect_order(p, "before the sleep", line("progressing sleep", a));
        expect_order(p, line("progressing sleep", a), "before the block");
    }
    ck_assert_int_eq(play_find(p, "polls *"), 11);
}
END_TEST

static double at(const struct play *p, const char *text) {
    return p->lines[play_find(p, text)].at;
}

START_TEST(nobody_wakes_early) {
    const struct play *p = runs[_i];
    expect_seconds(p, 5, 60);
    // It may have waited long for a processor before its first line.
    ck_assert_double_lt(p->seconds - p->lines[0].at, 7.5);
    for (int i = 1; i <= 3; i++) {
        // Both since the program's start. Between two lines it may look like
        // less, because a line is stamped when it arrives, which may be late.
        ck_assert_double_ge(at(p, line("progressing sleep", i)), 3);
        ck_assert_double_ge(at(p, line("done sleeping", i)), 5);
    }
    ck_assert_double_ge(at(p, "before the block"), 5);
}
END_TEST

static long polls_of(const struct play *p) {
    return strtol(p->lines[11].text + strlen("polls "), NULL, 10);
}

// Each timer sleeper is polled three times: at its start and after two sleeps.
START_TEST(the_timer_saves_polls_and_cpu_time) {
    ck_assert_int_eq(polls_of(runs[1]), 9);
    ck_assert_int_gt(polls_of(runs[0]), 10000);
    ck_assert_double_lt(runs[1]->cpu_seconds, 0.5);
    ck_assert_double_gt(runs[0]->cpu_seconds, 2 * runs[1]->cpu_seconds);
}
END_TEST

// RETURNS the number behind name in the first line that has it.
static double number_after(const struct play *p, const char *name) {
    for (size_t i = 0; i < p->count; i++) {
        const char *found = strstr(p->lines[i].text, name);
        if (found != NULL) {
            return strtod(found + strlen(name), NULL);
        }
    }
    ck_abort_msg("%s: no line with %s", p->name, name);
    return 0;
}

static void expect_crowd(const struct play *p, const char *bytes) {
    double median = number_after(p, "late: median ");
    double worst = number_after(p, "worst ");
    expect_status(p, 0);
    // The longest of 100 sleeps is 2.971 s; of 2000 it is 3 s.
    ck_assert_double_ge(elapsed_in(p), 2.97);
    ck_assert_double_lt(elapsed_in(p), 15);
    ck_assert_double_ge(median, 0);
    ck_assert_double_ge(worst, median);
    // A task alone has 80, and the smallest stack a page.
    ck_assert_double_ge(number_after(p, bytes), 100);
}

START_TEST(a_crowd_of_tasks_and_one_of_threads) {
    expect_line(many, "2000 tasks sleep on one worker");
    expect_crowd(many, "bytes per task: ");
    expect_line(threads, "100 threads sleep, each its own sleep");
    expect_crowd(threads, "bytes per thread: ");
}
END_TEST

START_TEST(the_command_line) {
    static const char *const lines[] = {"sleepers *", "timer *", "many [N] *",
                                        "threads [N] *", NULL};
    expect_lines(list, lines);
    expect_status(list, 0);
    expect_status(bad_act, 2);
    expect_status(bad_number, 2);
}
END_TEST

static void add_tests(TCase *tests) {
    tcase_add_loop_test(tests, three_sleep_at_the_same_time, 0, 2);
    tcase_add_loop_test(tests, nobody_wakes_early, 0, 2);
    tcase_add_test(tests, the_timer_saves_polls_and_cpu_time);
    tcase_add_test(tests, a_crowd_of_tasks_and_one_of_threads);
    tcase_add_test(tests, the_command_line);
}

int main(void) {
    start_plays();
    plays_wait();
    return run_suite("04-async-sleep", add_tests);
}
