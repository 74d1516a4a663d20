#define _POSIX_C_SOURCE 200809L
// The renderer of traces, by golden files: each trace in tests/timeline has the
// picture, the sentences and the SVG that it must give beside it.
//
// A picture that changed on purpose is accepted with
//     ACCEPT=1 make check SUITES=test_timeline
// and then looked at in the diff.
#include "../scripts/timeline/ascii.h"
#include "../scripts/timeline/notice.h"
#include "../scripts/timeline/svg.h"
#include "../scripts/timeline/trace.h"
#include "../scripts/timeline/words.h"
#include "harness.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

// Golden files have the name of the case. Most traces are made by hand; those
// that are called measured were written by the tracer.
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
    {"03-mailbox-measured", "03-mailbox-measured.json"},
    {"03-cancel-measured", "03-cancel-measured.json"},
    {"05-idle-measured", "05-idle-measured.json"},
    {"07-blocking-measured", "07-blocking-measured.json"},
    {"all-marks", "all-marks.json"}, // whose legend needs a second line
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
    return shell("cd \"${ROOT:-.}/tests/timeline\" && "
                 "\"$BUILD/timeline/timeline\" 2>&1 %s %s; "
                 "s=$?; [ $s = 0 ] || echo status $s",
                 options, files);
}

// ---- Golden files ----

static char *contents(const char *path) {
    setenv("FILE", path, 1); // its name may hold a quote
    return shell("cat \"$FILE\" 2>&1");
}

static void accept(const char *path, const char *text) {
    FILE *file = fopen(path, "w");
    ck_assert_msg(file != NULL, "cannot write %s", path);
    ck_assert(fputs(text, file) >= 0);
    ck_assert_int_eq(fclose(file), 0);
}

// RETURNS the start of the line in which a first differs from b.
static const char *first_difference(const char *a, const char *b) {
    const char *line = a;
    for (; *a != '\0' && *a == *b; a++, b++) {
        if (*a == '\n') {
            line = a + 1;
        }
    }
    return line;
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
                  "%s differs here:\n---- expected ----\n%.1500s\n"
                  "---- drawn ----\n%.1500s",
                  path, first_difference(wanted, got),
                  first_difference(got, wanted));
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

// For Check each assertion is a system call, so there is one only if it fails.
static void expect_narrow(const char *text) {
    while (*text != '\0') {
        size_t length = strcspn(text, "\n");
        if (length > 78) {
            ck_abort_msg("%zu columns: %.*s", length, (int)length, text);
        }
        text += length + (text[length] == '\n');
    }
}

static void expect_plain(const char *text) {
    for (const char *c = text; *c != '\0'; c++) {
        if (*c != '\n' && (*c < ' ' || *c >= 127)) {
            ck_abort_msg("byte %d in: %s", (unsigned char)*c, text);
        }
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
                   "timeline: the output: cannot write it\nstatus 1\n");
    expect_refused("--help", ">/dev/full",
                   "timeline: the output: cannot write it\nstatus 1\n");
}
END_TEST

// ---- The sentence that says what to notice ----

// One line of a trace: lane (group, number), time and duration in ms.
#define LANE(group, number, name)                                              \
    "{\"ph\":\"M\",\"name\":\"thread_name\",\"pid\":" #group                   \
    ",\"tid\":" #number ",\"args\":{\"name\":\"" name "\"}},\n"
#define SPAN(group, number, at, ms, state, args)                               \
    "{\"ph\":\"X\",\"pid\":" #group ",\"tid\":" #number ",\"ts\":" #at         \
    "000,\"dur\":" #ms "000,\"cat\":\"" state "\",\"args\":{" args "}},\n"
#define MARK(group, number, at, name, args)                                    \
    "{\"ph\":\"i\",\"pid\":" #group ",\"tid\":" #number ",\"ts\":" #at         \
    "000,\"name\":\"" name "\",\"args\":{" args "}},\n"
#define BEGIN(group, number, at, state, args)                                  \
    "{\"ph\":\"B\",\"pid\":" #group ",\"tid\":" #number ",\"ts\":" #at         \
    "000,\"cat\":\"" state "\",\"args\":{" args "}},\n"
#define END(group, number, at)                                                 \
    "{\"ph\":\"E\",\"pid\":" #group ",\"tid\":" #number ",\"ts\":" #at "000}," \
    "\n"
#define INSIDE(name) "\"inside\":\"" name "\""
#define TASK(name) "\"task\":\"" name "\""
#define EIGHT "\"a\":1,\"a\":1,\"a\":1,\"a\":1,\"a\":1,\"a\":1,\"a\":1,\"a\":1,"
#define WORKER LANE(1, 2, "worker")
#define TWO_WORKERS LANE(1, 2, "worker 1") LANE(1, 3, "worker 2")

static const struct {
    const char *sentence;
    const char *events;
} notices[] = {
    {"nothing was recorded.", ""},
    {"nobody waited long; all was over after 9 ms.",
     SPAN(1, 1, 0, 9, "cpu", "")},
    {"thread 1 used the CPU for 0.90 s.", SPAN(1, 1, 0, 900, "cpu", "")},
    {"thread 1 waited for a thread for 0.90 s.",
     SPAN(1, 1, 0, 900, "waiting", "")},
    {"thread 1 slept for 0.90 s.", SPAN(1, 1, 0, 900, "asleep", "")},
    {"thread 1 slept 2 times, one after another: 0.90 s.",
     SPAN(1, 1, 0, 400, "asleep", "") SPAN(1, 1, 401, 500, "asleep", "")},
    {"2 threads slept at the same time: 1.80 s of sleep took 0.95 s.",
     SPAN(1, 1, 0, 900, "asleep", "") SPAN(1, 2, 50, 900, "asleep", "")},
    // One after another is not at the same time.
    {"thread 1 slept for 0.40 s.",
     SPAN(1, 1, 0, 400, "asleep", "") SPAN(1, 2, 400, 350, "asleep", "")},
    {"9,986 threads slept at the same time: all of it took 0.95 s.",
     SPAN(1, 1, 0, 900, "asleep", "") LANE(1, 2, "9985 more")
         SPAN(1, 2, 50, 900, "asleep", "")},
    {"2 threads worked at the same time: 1.80 s of work took 0.95 s.",
     SPAN(1, 1, 0, 900, "cpu", "") SPAN(1, 2, 50, 900, "cpu", "")},
    {"thread 1 slept 0.90 s inside task 1, and could do nothing else.",
     SPAN(1, 1, 0, 900, "asleep", INSIDE("task 1"))},
    {"thread 1 slept 0.40 s, and only then inside task 1, for 0.30 s.",
     SPAN(1, 1, 0, 400, "asleep", "")
         SPAN(1, 1, 401, 300, "asleep", INSIDE("task 1"))},
    // Blocked: a sleep inside a poll while another one stands in line.
    {"task 2 waited 0.80 s for the only worker, which slept inside task 1.",
     WORKER SPAN(1, 2, 0, 900, "asleep", INSIDE("task 1"))
         SPAN(2, 2, 100, 800, "ready", "")},
    {"task 2 waited 0.80 s for worker 1, which waited inside task 1.",
     TWO_WORKERS SPAN(1, 2, 0, 900, "waiting", INSIDE("task 1"))
         SPAN(2, 2, 100, 800, "ready", "")},
    {"2 tasks waited up to 0.80 s for the only worker, which slept inside "
     "task 1 and others.",
     WORKER SPAN(1, 2, 0, 500, "asleep", INSIDE("task 1"))
         SPAN(1, 2, 500, 400, "asleep", INSIDE("task 2")) SPAN(
             2, 2, 100, 400, "ready", "") SPAN(2, 3, 100, 800, "ready", "")},
    {"connection 2 waited 0.80 s for the loop, which slept in a callback for "
     "connection 1.",
     LANE(1, 1, "loop") SPAN(1, 1, 0, 900, "asleep", INSIDE("connection 1"))
         SPAN(3, 2, 100, 800, "ready", "")},
    // The same picture, but nobody slept: it worked. Not a word of blocking.
    {"connection 2 waited 0.80 s for the loop, which worked for connection "
     "1.",
     LANE(1, 1, "loop") SPAN(1, 1, 0, 900, "cpu", TASK("connection 1"))
         SPAN(3, 2, 100, 800, "ready", "")},
    {"task 2 waited 0.80 s for the only worker, which worked for task 1.",
     WORKER SPAN(1, 2, 0, 900, "cpu", TASK("task 1"))
         SPAN(2, 2, 100, 800, "ready", "")},
    // Nobody waits for itself: woken while it is polled, it is ready again.
    {"the only worker slept 0.90 s inside task 1, and could do nothing else.",
     WORKER SPAN(1, 2, 0, 900, "asleep", INSIDE("task 1"))
         SPAN(2, 1, 100, 800, "ready", "")},
    // However long it is, a sleep in no poll blocks nobody.
    {"thread 1 slept for 0.90 s.",
     SPAN(1, 1, 0, 900, "asleep", "") SPAN(2, 2, 100, 800, "ready", "")},
    {"2 tasks took turns: each was polled 2 times, and stood in line in "
     "between.",
     WORKER SPAN(2, 1, 0, 100, "cpu", "") SPAN(2, 1, 100, 100, "ready", "")
         SPAN(2, 1, 200, 100, "cpu", "") SPAN(2, 2, 0, 100, "ready", "")
             SPAN(2, 2, 100, 100, "cpu", "") SPAN(2, 2, 200, 100, "ready", "")
                 SPAN(2, 2, 300, 100, "cpu", "")},
    {"worker used the CPU for 0.80 s of 0.90 s to ask 2 tasks 5,000 times; in "
     "between each stood in line.",
     WORKER SPAN(1, 2, 0, 900, "cpu", "\"polls\":5000,\"cpu_us\":800000")
         SPAN(2, 1, 0, 900, "ready", "") SPAN(2, 2, 0, 900, "ready", "")},
    // Some of the polls are told one by one: those are not all turns.
    {"worker used the CPU for 0.80 s of 0.90 s to ask 1 task 5,000 times; in "
     "between each stood in line.",
     WORKER SPAN(1, 2, 0, 900, "cpu", "\"polls\":5000,\"cpu_us\":800000")
         LANE(2, 1, "task 1") SPAN(2, 1, 0, 1, "cpu", "")
             SPAN(2, 1, 1, 400, "ready", "") SPAN(2, 1, 401, 1, "cpu", "")
                 SPAN(2, 1, 402, 400, "ready", "")},
    // Who asks need not be the one for whom they wait.
    {"worker used the CPU for 0.80 s of 0.90 s to ask 2 tasks 5,000 times.",
     WORKER SPAN(1, 2, 0, 900, "cpu", "\"polls\":5000,\"cpu_us\":800000")
         SPAN(2, 1, 0, 900, "ready", "") SPAN(2, 2, 0, 900, "parked", "")},
    {"thread 1 waited 0.80 s for 2 futures; 4 polls were enough.",
     SPAN(1, 1, 0, 400, "waiting", "\"for\":\"future 1\"")
         LANE(2, 1, "future 1") SPAN(2, 1, 0, 400, "parked", "\"polls\":2")
             SPAN(1, 1, 400, 400, "waiting", "\"for\":\"future 2\"")
                 LANE(2, 2, "future 2")
                     SPAN(2, 2, 400, 400, "parked", "\"polls\":2")},
    // A sleep in the middle of a span of polls: they are counted once.
    {"worker used the CPU for 0.30 s of 0.90 s to ask 5,000 times.",
     WORKER BEGIN(1, 2, 0, "cpu", "\"polls\":5000")
         BEGIN(1, 2, 300, "asleep", "") END(1, 2, 500)
             SPAN(1, 1, 0, 900, "parked", "")},
    // Everything after the 32nd field is left out, also the time.
    {"nobody waited long; all was over after 0 us.",
     "{\"ph\":\"X\",\"pid\":1,\"tid\":1,\"cat\":\"cpu\"," EIGHT EIGHT EIGHT
         EIGHT "\"dur\":900000},\n"},
    // On a busy machine: others had the processor most of the time.
    {"worker used the CPU for 0.20 s of 0.90 s to ask 1 task 5,000 times.",
     WORKER SPAN(1, 2, 0, 900, "cpu", "\"polls\":5000,\"cpu_us\":200000")
         SPAN(2, 1, 0, 900, "parked", "")},
    {"thread 1 used the CPU for 0.20 s.",
     SPAN(1, 1, 0, 900, "cpu", "\"cpu_us\":200000")},
    {"thread 1 used the CPU for 0.60 s.",
     SPAN(1, 1, 0, 900, "cpu", "\"cpu_us\":600000")
         SPAN(1, 2, 0, 900, "cpu", "\"cpu_us\":300000")},
    // Nor did it use more than it was at it, or work that cannot be seen.
    {"thread 1 used the CPU for 0.90 s.",
     SPAN(1, 1, 0, 900, "cpu", "\"cpu_us\":1200000")},
    {"thread 1 used the CPU for 0 us.",
     SPAN(1, 1, 0, 900, "cpu", "\"cpu_us\":0")},
    {"2 threads worked at the same time: 20 ms of work took 10 ms.",
     SPAN(1, 1, 0, 10, "cpu", "") SPAN(1, 2, 0, 10, "cpu", "")
         SPAN(1, 1, 20, 6, "cpu", "") SPAN(1, 1, 40, 6, "cpu", "")
             SPAN(1, 1, 60, 6, "cpu", "") SPAN(1, 1, 400, 6, "cpu", "")},
    {"the only worker waited in nobody's way for 0.89 s; 1 poll was enough for "
     "1 task.",
     WORKER SPAN(1, 2, 0, 10, "cpu", TASK("task 1"))
         SPAN(1, 2, 10, 890, "parked", "") SPAN(2, 1, 0, 900, "parked", "")},
    {"the loop waited in nobody's way for 0.80 s, with up to 2 requests in "
     "flight.",
     LANE(1, 1, "loop") SPAN(1, 1, 0, 1, "cpu", TASK("connection 1"))
         SPAN(1, 1, 1, 800, "parked", "") SPAN(3, 1, 0, 800, "parked", "")
             LANE(3, 2, "request 1") SPAN(3, 2, 100, 400, "parked", "") LANE(
                 3, 3, "request 2") SPAN(3, 3, 200, 600, "parked", "")
                 LANE(3, 4, "request 3") SPAN(3, 4, 600, 200, "parked", "")},
    {"2 threads of the pool did 1.40 s of work in 0.80 s; the loop was free "
     "meanwhile.",
     LANE(1, 1, "loop") SPAN(1, 1, 0, 1, "cpu", TASK("connection 1"))
         SPAN(1, 1, 1, 800, "parked", "") LANE(1, 2, "pool 1") SPAN(
             1, 2, 1, 700, "asleep", TASK("connection 1")) LANE(1, 3, "pool 2")
             SPAN(1, 3, 101, 700, "cpu", TASK("connection 2"))},
    {"task 2 panicked; task 1 and task 3 ended well.",
     MARK(2, 1, 9, "end", "") MARK(2, 2, 5, "panic", "")
         MARK(2, 3, 7, "end", "")},
    {"task 1 panicked; 4 others ended well.",
     MARK(2, 1, 5, "panic", "") MARK(2, 2, 5, "end", "") MARK(
         2, 3, 7, "end", "") MARK(2, 4, 5, "end", "") MARK(2, 5, 7, "end", "")},
    {"thread 2 gave up.", MARK(1, 2, 5, "panic", "")},
    {"task 2 was cancelled at 0.25 s; task 1 ended well.",
     MARK(2, 1, 400, "end", "") MARK(2, 2, 250, "cancelled", "")},
    {"worker 2 took task 3 from worker 1; 1 more changed hands.",
     MARK(2, 3, 5, "stolen", "\"by\":\"worker 2\",\"from\":\"worker 1\"")
         MARK(2, 4, 5, "stolen", "")},
};

START_TEST(what_to_notice) {
    char *sentence = NULL;
    size_t size = 0;
    struct trace t;
    char *text = malloc(strlen(notices[_i].events) + 4);
    FILE *out = open_memstream(&sentence, &size);
    ck_assert(text != NULL && out != NULL);
    sprintf(text, "[\n%s", notices[_i].events);
    ck_assert_ptr_null(trace_parse(&t, text, strlen(text)));
    notice_sentence(out, &t);
    ck_assert_int_eq(fclose(out), 0);
    ck_assert_str_eq(sentence, notices[_i].sentence);
    trace_free(&t);
    free(sentence);
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

// Another tool may spread one event over many lines; we do not read that.
START_TEST(one_event_on_a_line) {
    struct trace t;
    char *text = strdup("[\n{\n\"ph\": \"X\"\n}\n]\n");
    ck_assert_ptr_nonnull(text);
    ck_assert_str_eq(trace_parse(&t, text, strlen(text)),
                     "not a trace: there is no event on any line");
    trace_free(&t);
}
END_TEST

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
    tcase_add_loop_test(tests, what_to_notice, 0,
                        sizeof notices / sizeof notices[0]);
    tcase_add_test(tests, colour_is_an_extra);
    tcase_add_test(tests, refusals_are_one_line);
    tcase_add_test(tests, one_event_on_a_line);
    tcase_add_test(tests, every_beginning_is_drawn);
    tcase_add_test(tests, large_files_are_drawn);
}

int main(void) {
    return run_suite("timeline", add_tests);
}
