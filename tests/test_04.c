// Chapter 04: the text's test run. Orders that only the clock decides are
// tested as what they are: the three lines of one sleeper come in their order,
// and everybody has begun before anybody goes on.
#include "harness.h"

#include <stdio.h>

#define PROGRAM "04-async-sleep/sleepers"

static struct play *sleepers, *list, *act;

static void start_all(void) {
    sleepers = play_start(PROGRAM, "sleepers", NULL);
    list = play_start(PROGRAM, "--list", NULL);
    act = play_start(PROGRAM, "nonsense", NULL);
    plays_wait();
}

static const char *line_of(const char *what, int label) {
    static char lines[9][40];
    static int next;
    char *line = lines[next++ % 9];
    snprintf(line, 40, "%s %d", what, label);
    return line;
}

START_TEST(order) {
    expect_status(sleepers, 0);
    ck_assert_uint_eq(sleepers->count, 11);
    for (int a = 1; a <= 3; a++) {
        for (int b = 1; b <= 3; b++) {
            expect_order(sleepers, line_of("sleeping", a),
                         line_of("progressing sleep", b));
            expect_order(sleepers, line_of("progressing sleep", a),
                         line_of("done sleeping", b));
        }
        expect_order(sleepers, "before the sleep",
                     line_of("progressing sleep", a));
        expect_order(sleepers, line_of("progressing sleep", a),
                     "before the block");
    }
}
END_TEST

static double at(const char *text) {
    return sleepers->lines[play_find(sleepers, text)].at;
}

START_TEST(times) {
    expect_seconds(sleepers, 5, 7.5);
    ck_assert_double_ge(at("progressing sleep 1") - at("sleeping 1"), 2.95);
    ck_assert_double_ge(at("done sleeping 1") - at("progressing sleep 1"), 1.9);
    ck_assert_double_ge(at("before the block") - at("before the sleep"), 4.95);
}
END_TEST

START_TEST(arguments) {
    expect_status(list, 0);
    expect_line(list, "sleepers*");
    expect_status(act, 2);
}
END_TEST

static void add_tests(TCase *tests) {
    tcase_add_test(tests, order);
    tcase_add_test(tests, times);
    tcase_add_test(tests, arguments);
}

int main(void) {
    start_all();
    return run_suite("04-async-sleep", add_tests);
}
