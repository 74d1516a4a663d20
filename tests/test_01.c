#define _XOPEN_SOURCE 700 // for setitimer
// Chapter 01: what the acts print, in which order, and how long it takes. No
// thread may be early; late it may be, because the machine may be busy. And the
// sleep by itself, which all chapters have.
#include "harness.h"

#include "clock.h"

#include <errno.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <time.h>

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

// ---- The sleep ----
// The linker sends its calls of nanosleep here (see the Makefile). A kernel that
// is played takes no time, but is as strict as the true one.

static bool played, refuses;
static int interruptions; // that are still to come, half way through a call
static int64_t slept;     // in all

int __real_nanosleep(const struct timespec *want, struct timespec *left);
int __wrap_nanosleep(const struct timespec *want, struct timespec *left);

static int64_t in_ns(const struct timespec *t) {
    return t->tv_sec * INT64_C(1000000000) + t->tv_nsec;
}

int __wrap_nanosleep(const struct timespec *want, struct timespec *left) {
    if (!played) {
        return __real_nanosleep(want, left);
    }
    if (refuses || want->tv_sec < 0 || want->tv_nsec < 0 ||
        want->tv_nsec > 999999999) {
        errno = EINVAL;
        return -1;
    }
    int64_t ns = in_ns(want);
    if (interruptions-- > 0) {
        slept += ns / 2;
        *left = (struct timespec){(ns - ns / 2) / 1000000000,
                                  (ns - ns / 2) % 1000000000};
        errno = EINTR;
        return -1;
    }
    slept += ns;
    return 0;
}

static const double durations[] = {
    0,   -1, -INFINITY, NAN,  1e-9, 0.001, 0.999999999, 1.0,
    1.5, 2,  59.25,     3600, 1e9,  1e300, INFINITY,
};
enum { duration_count = sizeof durations / sizeof durations[0] };

// Nothing is 0 s, and no duration is longer than a century.
START_TEST(a_sleep_takes_any_duration) {
    const double century = 100 * 365.25 * 24 * 3600;
    double expected = durations[_i] > 0 ? durations[_i] : 0;
    expected = expected < century ? expected : century;
    played = true;
    for (int i = 0; i < 3; i++) {
        interruptions = i;
        slept = 0;
        sleep_seconds(durations[_i]);
        ck_assert_double_le(fabs((double)slept / 1e9 - expected),
                            expected * 1e-12 + 1e-9);
    }
}
END_TEST

static void hear(int signal) {
    (void)signal;
}

// Each signal cuts the kernel's sleep short.
START_TEST(signals_do_not_shorten_a_sleep) {
    struct sigaction action = {.sa_handler = hear};
    struct itimerval tenth = {{0, 100000}, {0, 100000}}, none = {0};
    ck_assert_int_eq(sigaction(SIGALRM, &action, NULL), 0);
    ck_assert_int_eq(setitimer(ITIMER_REAL, &tenth, NULL), 0);
    int64_t start = monotonic_now();
    sleep_seconds(1.5);
    ck_assert_int_ge(monotonic_now() - start, INT64_C(1500000000));
    ck_assert_int_eq(setitimer(ITIMER_REAL, &none, NULL), 0);
}
END_TEST

static void sleep_where_there_is_none(void) {
    played = true;
    refuses = true;
    sleep_seconds(1);
}

START_TEST(a_sleep_that_fails_is_told) {
    expect_end(sleep_where_there_is_none, 1, "sleep: Invalid argument");
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
    tcase_add_loop_test(tests, a_sleep_takes_any_duration, 0, duration_count);
    tcase_add_test(tests, signals_do_not_shorten_a_sleep);
    tcase_add_test(tests, a_sleep_that_fails_is_told);
}

int main(void) {
    start_plays();
    plays_wait();
    return run_suite("01-threads", add_tests);
}
