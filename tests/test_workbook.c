#define _POSIX_C_SOURCE 200809L
// The workbook as a whole: each chapter stands alone and its README is true
// (readme.pl), and the Makefile and the scripts do what they promise (tree.sh).
#include "harness.h"

#include <stdio.h>
#include <stdlib.h>

static const char *const readmes[] = {
    "01-threads",   "02-futures", "03-task-queue", "04-async-sleep",
    "05-libuv-tcp", "06-http1",   "07-http2",      ".",
};
static const char *const checks[] = {
    "map",         "help",          "missing_library", "without_libraries",
    "rebuilds",    "carried",       "differences",     "no_such_chapter",
    "setup",       "lines_of_code", "exercise",        "exercise_specs",
    "no_orphan",   "no_shell",      "broken_source",   "full_disk",
    "port_in_use", "prose",
};

enum {
    readme_count = sizeof readmes / sizeof readmes[0],
    check_count = sizeof checks / sizeof checks[0],
};

static struct play *readme_plays[readme_count], *check_plays[check_count];

// In readme.pl and tree.sh make must not think that it was called by ours.
static struct play *start(const char *script, const char *arg) {
    char command[1024];
    snprintf(command, sizeof command,
             "unset MAKEFLAGS MAKELEVEL MFLAGS; cd \"$ROOT\" && exec %s "
             "\"$ROOT/%s\"",
             script, arg);
    return play_start("/bin/sh", "-c", command, NULL);
}

static void start_plays(void) {
    for (int i = 0; i < readme_count; i++) {
        char path[64];
        snprintf(path, sizeof path, "%s/README.md", readmes[i]);
        readme_plays[i] = start("perl tests/readme.pl", path);
    }
    for (int i = 0; i < check_count; i++) {
        char command[64];
        snprintf(command, sizeof command, "bash tests/tree.sh %s #", checks[i]);
        check_plays[i] = start(command, "");
    }
}

START_TEST(a_chapter_stands_alone_and_its_readme_is_true) {
    expect_status(readme_plays[_i], 0);
}
END_TEST

START_TEST(the_tree_keeps_its_promises) {
    expect_status(check_plays[_i], 0);
}
END_TEST

static void add_tests(TCase *tests) {
    tcase_add_loop_test(tests, a_chapter_stands_alone_and_its_readme_is_true, 0,
                        readme_count);
    tcase_add_loop_test(tests, the_tree_keeps_its_promises, 0, check_count);
}

int main(void) {
    start_plays();
    plays_wait();
    return run_suite("workbook", add_tests);
}
