#define _POSIX_C_SOURCE 200809L
// An act that shows a wake needs it: mutants.sh takes out one after another.
#include "harness.h"

#include <stdlib.h>

static struct play *mutants;

START_TEST(no_act_does_without_a_wake) {
    expect_status(mutants, 0);
    ck_assert_int_eq(play_count(mutants, "FAILED*"), 0);
    ck_assert_int_ge(play_count(mutants, "ok *"), 30);
}
END_TEST

static void add_tests(TCase *tests) {
    tcase_add_test(tests, no_act_does_without_a_wake);
}

int main(void) {
    mutants = play_start("/bin/sh", "-c",
                         "exec bash \"$ROOT/tests/mutants.sh\"", NULL);
    plays_wait();
    return run_suite("mutants", add_tests);
}
