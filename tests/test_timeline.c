#define _POSIX_C_SOURCE 200809L
// The renderer of traces, by golden files: each trace in tests/timeline has the
// picture, the sentences and the SVG that it must give beside it.
//
// A picture that changed on purpose is accepted with
//     ACCEPT=1 make check SUITES=test_timeline
// and then looked at in the diff.
#include "../scripts/timeline/ascii.h"
#include "../scripts/timeline/svg.h"
#include "../scripts/timeline/trace.h"
#include "../scripts/timeline/words.h"
#include "harness.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

// Golden files have the name of the case; a case of one trace has its name.
static const struct {
    const char *name;
    const char *traces;
} cases[] = {
    {"01-side-by-side", "01-sequential.json 01-joined.json"},
    {"01-failing", "01-failing.json"},
    {"02-two-blocking", "02-two-blocking.json"},
    {"02-async-sleep", "02-async-sleep.json"},
    {"03-queue", "03-queue.json"},
    {"03-panic", "03-panic.json"},
    {"03-stealing", "03-stealing.json"},
    {"04-side-by-side", "04-sleepers.json 04-timer.json"},
    {"05-side-by-side", "05-blocking.json 05-pooled.json"},
    {"crowd", "crowd.json"},
    {"killed", "killed.json"},
    {"empty", "empty.json"},
    {"hostile", "hostile.json"},
};
enum { case_count = sizeof cases / sizeof cases[0] };

static const char *root(void) {
    const char *root = getenv("ROOT");
    return root != NULL ? root : ".";
}

// Runs the renderer in the directory of the traces. RETURNS its output, and
// what it says on stderr, and its status; free it.
static char *timeline(const char *options, const char *files) {
    return shell(
        "cd '%s/tests/timeline' && \"$BUILD/timeline/timeline\" 2>&1 %s %s; "
        "s=$?; [ $s = 0 ] || echo status $s",
        root(), options, files);
}

// ---- Golden files ----

static char *contents(const char *path) {
    return shell("cat '%s' 2>&1", path);
}

static void accept(const char *path, const char *text) {
    FILE *file = fopen(path, "w");
    ck_assert_msg(file != NULL, "cannot write %s", path);
    ck_assert(fputs(text, file) >= 0);
    ck_assert_int_eq(fclose(file), 0);
}

static void expect_golden(int number, const char *option, const char *ending) {
    char path[512];
    char *got = timeline(option, cases[number].traces);
    snprintf(path, sizeof path, "%s/tests/timeline/%s.%s", root(),
             cases[number].name, ending);
    if (getenv("ACCEPT") != NULL) {
        accept(path, got);
    }
    char *wanted = contents(path);
    ck_assert_msg(strcmp(got, wanted) == 0,
                  "%s differs\n---- expected ----\n%s---- drawn ----\n%s", path,
                  wanted, got);
    free(wanted);
    free(got);
}

START_TEST(picture) {
    expect_golden(_i, "", "txt");
}
END_TEST

START_TEST(sentences) {
    expect_golden(_i, "--words", "words");
}
END_TEST

START_TEST(page) {
    expect_golden(_i, "--svg", "svg");
}
END_TEST

// ---- What holds for every picture ----

// Each tag that is opened is closed in its order, and no text holds a bare
// character of the markup. It knows just as much XML as we write.
static void expect_well_formed(const char *svg) {
    char open[16][32];
    int depth = 0;
    for (const char *at = svg; *at != '\0';) {
        if (*at == '&') {
            ck_assert_msg(strncmp(at, "&lt;", 4) == 0 ||
                              strncmp(at, "&gt;", 4) == 0 ||
                              strncmp(at, "&amp;", 5) == 0 ||
                              strncmp(at, "&quot;", 6) == 0,
                          "bare & in: %.60s", at);
        }
        if (*at++ != '<') {
            continue;
        }
        bool closes = *at == '/';
        const char *name = closes ? at + 1 : at;
        size_t length = strspn(name, "abcdefghijklmnopqrstuvwxyz");
        const char *end = strpbrk(name, "<>");
        ck_assert_msg(length > 0 && length < 32 && end != NULL && *end == '>',
                      "not a tag: %.60s", at);
        if (closes) {
            depth--;
            ck_assert_msg(depth >= 0 && strlen(open[depth]) == length &&
                              strncmp(open[depth], name, length) == 0,
                          "closes what is not open: %.60s", at);
        } else if (end[-1] != '/') {
            ck_assert_int_lt(depth, 16);
            snprintf(open[depth++], 32, "%.*s", (int)length, name);
        }
        at = end + 1;
    }
    ck_assert_int_eq(depth, 0);
}

START_TEST(pages_are_well_formed) {
    char *svg = timeline("--svg", cases[_i].traces);
    expect_well_formed(svg);
    ck_assert(strstr(svg, "<title>Timeline of ") != NULL);
    ck_assert(strstr(svg, "<desc>") != NULL);
    ck_assert(strstr(svg, "Notice: ") != NULL);
    free(svg);
}
END_TEST

static void expect_narrow(const char *text) {
    while (*text != '\0') {
        size_t length = strcspn(text, "\n");
        ck_assert_msg(length <= 78, "%zu columns: %.*s", length, (int)length,
                      text);
        text += length + (text[length] == '\n');
    }
}

static void expect_plain(const char *text) {
    for (const char *c = text; *c != '\0'; c++) {
        ck_assert_msg(*c == '\n' || (*c >= ' ' && *c < 127), "byte %d in: %s",
                      (unsigned char)*c, text);
    }
}

START_TEST(every_line_is_narrow_and_plain) {
    char *drawn = timeline("", cases[_i].traces);
    char *told = timeline("--words", cases[_i].traces);
    expect_narrow(drawn);
    expect_narrow(told);
    expect_plain(drawn);
    expect_plain(told);
    free(told);
    free(drawn);
}
END_TEST

// The pipe of these tests is no terminal: colour comes only when it is asked
// for, and without it the picture is the same.
START_TEST(colour_is_an_extra) {
    char *plain = timeline("", "02-two-blocking.json");
    char *coloured = timeline("--color=always", "02-two-blocking.json");
    ck_assert(strchr(coloured, '\033') != NULL);
    char *at = coloured;
    for (const char *from = coloured; *from != '\0';) {
        if (*from == '\033') {
            from += strcspn(from, "m") + 1;
        } else {
            *at++ = *from++;
        }
    }
    *at = '\0';
    ck_assert_str_eq(coloured, plain);
    free(coloured);
    free(plain);
}
END_TEST

// ---- What cannot be drawn ----

static void expect_refused(const char *options, const char *files,
                           const char *answer) {
    char *got = timeline(options, files);
    ck_assert_str_eq(got, answer);
    free(got);
}

START_TEST(refusals_are_one_line) {
    expect_refused("", "missing.json",
                   "timeline: missing.json: No such file or directory\n"
                   "status 1\n");
    expect_refused("", "/", "timeline: /: Is a directory\nstatus 1\n");
    expect_refused("", "/dev/null",
                   "timeline: /dev/null: not a trace\nstatus 1\n");
    expect_refused("", "",
                   "timeline: no file: which run shall be drawn? (try "
                   "--help)\nstatus 2\n");
    expect_refused("--words --svg", "empty.json",
                   "timeline: --svg: cannot use this option (try --help)\n"
                   "status 2\n");
    expect_refused("", "02-two-blocking.json >/dev/full",
                   "timeline: the picture: cannot write it\nstatus 1\n");
}
END_TEST

// ---- Traces that break off ----

// Draws size bytes of text in all forms. RETURNS what was drawn; free it.
static char *draw(const char *text, size_t size) {
    char *drawn = NULL;
    size_t length = 0;
    struct trace t;
    char *copy = malloc(size + 1);
    FILE *out = open_memstream(&drawn, &length);
    FILE *page = fopen("/dev/null", "w");
    ck_assert(copy != NULL && out != NULL && page != NULL);
    memcpy(copy, text, size);
    if (trace_parse(&t, copy, size) == NULL) {
        ascii_draw(out, &t, 1, false);
        words_tell(out, &t, 1);
        svg_draw(page, &t, 1);
    }
    trace_free(&t);
    ck_assert_int_eq(fclose(out), 0);
    ck_assert_int_eq(fclose(page), 0);
    return drawn;
}

// A killed run leaves a trace that breaks off anywhere, so each beginning of
// one is drawn; the sanitizers look on.
START_TEST(every_beginning_is_drawn) {
    static const char *const names[] = {"killed", "hostile", "02-two-blocking"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char path[512];
        snprintf(path, sizeof path, "%s/tests/timeline/%s.json", root(),
                 names[i]);
        char *text = contents(path);
        for (size_t size = 1; size <= strlen(text); size++) {
            char *drawn = draw(text, size);
            ck_assert_msg(strstr(drawn, "Notice: ") != NULL, "%s: %zu bytes",
                          names[i], size);
            expect_narrow(drawn);
            expect_plain(drawn);
            free(drawn);
        }
        free(text);
    }
}
END_TEST

// Ten megabytes, all in one lane, and then a lane for each event.
START_TEST(large_files_are_drawn) {
    enum { events = 100000, size = events * 100 };
    static const int lanes[] = {1, events};
    for (int round = 0; round < 2; round++) {
        char *text = malloc(size);
        ck_assert_ptr_nonnull(text);
        size_t used = (size_t)sprintf(text, "[\n");
        for (int i = 0; i < events; i++) {
            used += (size_t)snprintf(
                text + used, size - used,
                "{\"ph\":\"X\",\"pid\":%d,\"tid\":%d,\"ts\":%d,\"dur\":5,"
                "\"cat\":\"%s\"},\n",
                i % 3 + 1, i % lanes[round], i * 10,
                i % 2 ? "asleep" : "ready");
        }
        char *drawn = draw(text, used);
        ck_assert(strstr(drawn, "Notice: ") != NULL);
        expect_narrow(drawn);
        free(drawn);
        free(text);
    }
}
END_TEST

static void add_tests(TCase *tests) {
    tcase_add_loop_test(tests, picture, 0, case_count);
    tcase_add_loop_test(tests, sentences, 0, case_count);
    tcase_add_loop_test(tests, page, 0, case_count);
    tcase_add_loop_test(tests, pages_are_well_formed, 0, case_count);
    tcase_add_loop_test(tests, every_line_is_narrow_and_plain, 0, case_count);
    tcase_add_test(tests, colour_is_an_extra);
    tcase_add_test(tests, refusals_are_one_line);
    tcase_add_test(tests, every_beginning_is_drawn);
    tcase_add_test(tests, large_files_are_drawn);
}

int main(void) {
    return run_suite("timeline", add_tests);
}
