#define _POSIX_C_SOURCE 200809L
// Chapter 01: what the acts print, in which order, and how long it takes. No
// thread may be early; late it may be, because the machine may be busy.
#include "harness.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char program[] = "01-threads/threads";

// Runs the program, whose path is $0, with too little memory for the stack of a
// thread. An instrumented program does not even start then: status 77.
static const char without_memory[] =
    "ulimit -s 8192; ulimit -v 6000; \"$0\" --list >/dev/null 2>&1 || exit 77; "
    "exec \"$0\" joined";

static struct play *sequential, *joined, *failing, *named, *all;
static struct play *list, *help, *bad_act, *bad_option, *bad_number, *empty;
static struct play *full_disk, *no_threads;

static void start_plays(void) {
    static char path[512];
    snprintf(path, sizeof path, "%s/%s", getenv("BUILD"), program);
    sequential = play_start(program, "sequential", NULL);
    joined = play_start(program, "joined", NULL);
    failing = play_start(program, "failing", NULL);
    named = play_start(program, "named", NULL);
    all = play_start(program, NULL);
    list = play_start(program, "--list", NULL);
    help = play_start(program, "--help", NULL);
    bad_act = play_start(program, "juggling", NULL);
    bad_option = play_start(program, "--juggle", NULL);
    bad_number = play_start(program, "joined", "3", NULL);
    empty = play_start(program, "", NULL);
    full_disk =
        play_start("/bin/sh", "-c", "exec \"$0\" named >/dev/full", path, NULL);
    no_threads = play_start("/bin/sh", "-c", without_memory, path, NULL);
}

// ---- The acts ----

START_TEST(sequential_calls_follow_one_another) {
    static const char *const lines[] = {"number 1 is running",
                                        "number 2 is running",
                                        "number 3 is running",
                                        "time elapsed *",
                                        "result 6",
                                        NULL};
    expect_lines(sequential, lines);
    expect_status(sequential, 0);
    // A line cannot come before its call began.
    ck_assert_double_ge(sequential->lines[1].at, 2);
    ck_assert_double_ge(sequential->lines[2].at, 4);
    ck_assert_double_ge(elapsed_in(sequential), 6);
    ck_assert_double_lt(elapsed_in(sequential), 9);
}
END_TEST

// The three may come in any order, but each once, and before all other lines.
static void expect_three_running(const struct play *p) {
    ck_assert_int_eq(play_count(p, "number 1 is running"), 1);
    ck_assert_int_eq(play_count(p, "number 2 is running"), 1);
    ck_assert_int_eq(play_count(p, "number 3 is running"), 1);
    for (int i = 0; i < 3; i++) {
        ck_assert_ptr_nonnull(strstr(p->lines[i].text, " is running"));
    }
}

START_TEST(joined_threads_run_at_the_same_time) {
    static const char *const lines[] = {
        "number *", "number *", "number *", "time elapsed *", "result 6", NULL};
    expect_lines(joined, lines);
    expect_three_running(joined);
    expect_status(joined, 0);
    ck_assert_double_ge(elapsed_in(joined), 2);
    ck_assert_double_ge(elapsed_in(sequential) / elapsed_in(joined), 2.5);
}
END_TEST

START_TEST(one_thread_fails_and_two_deliver) {
    static const char *const lines[] = {"number *",
                                        "number *",
                                        "number *",
                                        "number 2 failed: it lost its way",
                                        "time elapsed *",
                                        "result 4",
                                        NULL};
    expect_lines(failing, lines);
    expect_three_running(failing);
    expect_status(failing, 0);
    ck_assert_double_ge(elapsed_in(failing), 2);
    ck_assert_double_lt(elapsed_in(failing), 4);
}
END_TEST

#ifdef __linux__
#define PRODUCER "producer"
#define CONSUMER "consumer"
#define MAIN "main"
#else
#define PRODUCER "(no name)"
#define CONSUMER "(no name)"
#define MAIN "(no name)"
#endif

// The box has room for one, so there is only one possible order.
START_TEST(named_threads_take_turns_at_the_mailbox) {
    static const char *const lines[] = {PRODUCER " puts 1", CONSUMER " takes 1",
                                        PRODUCER " puts 2", CONSUMER " takes 2",
                                        PRODUCER " puts 3", CONSUMER " takes 3",
                                        CONSUMER " puts 6", MAIN " takes 6",
                                        "result 6",         NULL};
    expect_lines(named, lines);
    expect_status(named, 0);
}
END_TEST

START_TEST(without_an_argument_all_acts_are_played) {
    expect_status(all, 0);
    expect_order(all, "== sequential: *", "== joined: *");
    expect_order(all, "== joined: *", "== failing: *");
    expect_order(all, "== failing: *", "== named: *");
    ck_assert_int_eq(play_count(all, "== *"), 4);
    ck_assert_int_eq(play_count(all, "result 6"), 3);
    ck_assert_int_eq(play_count(all, "result 4"), 1);
    ck_assert_int_eq(play_count(all, "time elapsed *"), 3);
    expect_seconds(all, 10, 15);
}
END_TEST

// ---- The command line ----

START_TEST(the_list_names_the_acts_in_order) {
    static const char *const lines[] = {"sequential *", "joined *", "failing *",
                                        "named *", NULL};
    expect_lines(list, lines);
    expect_status(list, 0);
    expect_line(help, "usage: threads [ACT]");
    expect_line(help, "named *");
    expect_status(help, 0);
}
END_TEST

// One line on stderr, and nothing on stdout.
static void expect_complaint(const struct play *p, int status,
                             const char *text) {
    const char *const lines[] = {text, NULL};
    expect_lines(p, lines);
    ck_assert(p->lines[0].is_error);
    expect_status(p, status);
}

START_TEST(a_bad_command_line_is_one_line_and_status_2) {
    expect_complaint(bad_act, 2, "threads: no such act 'juggling'*");
    expect_complaint(bad_option, 2, "threads: no such option '--juggle'*");
    expect_complaint(bad_number, 2, "threads: cannot use '3'*");
    expect_complaint(empty, 2, "threads: no such act ''*");
}
END_TEST

START_TEST(output_that_cannot_be_written_is_told) {
    expect_complaint(full_disk, 1, "threads: cannot write the output");
}
END_TEST

START_TEST(a_thread_that_cannot_be_made_is_told) {
    if (no_threads->status != 77) {
        expect_complaint(no_threads, 1, "threads: create a thread: *");
    }
}
END_TEST

static void add_tests(TCase *tests) {
    tcase_add_test(tests, sequential_calls_follow_one_another);
    tcase_add_test(tests, joined_threads_run_at_the_same_time);
    tcase_add_test(tests, one_thread_fails_and_two_deliver);
    tcase_add_test(tests, named_threads_take_turns_at_the_mailbox);
    tcase_add_test(tests, without_an_argument_all_acts_are_played);
    tcase_add_test(tests, the_list_names_the_acts_in_order);
    tcase_add_test(tests, a_bad_command_line_is_one_line_and_status_2);
    tcase_add_test(tests, output_that_cannot_be_written_is_told);
    tcase_add_test(tests, a_thread_that_cannot_be_made_is_told);
}

int main(void) {
    start_plays();
    plays_wait();
    return run_suite("01-threads", add_tests);
}
