#define _XOPEN_SOURCE 700 // for mkdtemp
// The tracer: what a chapter's traced twin writes down. Looked at is the
// structure, lanes and what overlaps what; never an exact time.
#include "harness.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { most_events = 2000, most_size = 64 * 1024 };

// ---- A trace, read back ----

struct event {
    char ph; // X: a span, B: one that was not over, i: a sign
    int pid, tid;
    double start, end; // seconds
    char cat[16], name[40], inside[24], by[24], from[24];
    long polls;
};

struct trace {
    char path[512];
    struct event events[most_events];
    size_t count;
    char lanes[4][20][32]; // by pid and tid
    long size, polls;
    double wall, cpu; // seconds
    bool ended;
    struct play *play;
};

static char directory[256]; // programs are built and run in it

// The value of "key" in the line, up to a comma or a bracket. Quotes are cut.
static bool value_of(const char *line, const char *key, char *value,
                     size_t room) {
    char quoted[40];
    snprintf(quoted, sizeof quoted, "\"%s\":", key);
    const char *at = strstr(line, quoted);
    value[0] = '\0';
    if (at == NULL) {
        return false;
    }
    at += strlen(quoted);
    const char *ends = *at == '"' ? "\"" : ",}";
    at += *at == '"';
    size_t size = strcspn(at, ends);
    ck_assert_uint_lt(size, room);
    memcpy(value, at, size);
    value[size] = '\0';
    return true;
}

static double number_of(const char *line, const char *key) {
    char text[40];
    return value_of(line, key, text, sizeof text) ? strtod(text, NULL) : 0;
}

static void read_metadata(struct trace *t, const char *line, int pid, int tid) {
    const char *args = strstr(line, "\"args\":");
    ck_assert_ptr_nonnull(args);
    if (strstr(line, "\"thread_name\"") != NULL) {
        ck_assert_int_le(tid, 17);
        value_of(args, "name", t->lanes[pid][tid], sizeof t->lanes[0][0]);
    } else if (strstr(line, "\"name\":\"end\"") != NULL) {
        t->ended = true;
        t->polls = (long)number_of(args, "polls");
        t->wall = number_of(args, "wall_us") / 1e6;
        t->cpu = number_of(args, "cpu_us") / 1e6;
    }
}

static void read_line(struct trace *t, const char *line) {
    char ph[4];
    ck_assert_int_eq(line[0], '{');
    ck_assert(value_of(line, "ph", ph, sizeof ph));
    int pid = (int)number_of(line, "pid"), tid = (int)number_of(line, "tid");
    ck_assert(pid >= 1 && pid <= 3 && tid >= 1);
    if (ph[0] == 'M') {
        read_metadata(t, line, pid, tid);
        return;
    }
    ck_assert_uint_lt(t->count, most_events);
    struct event *e = &t->events[t->count++];
    *e = (struct event){.ph = ph[0], .pid = pid, .tid = tid};
    e->start = number_of(line, "ts") / 1e6;
    e->end = e->start + number_of(line, "dur") / 1e6;
    e->polls = (long)number_of(line, "polls");
    value_of(line, "cat", e->cat, sizeof e->cat);
    value_of(line, "name", e->name, sizeof e->name);
    value_of(line, "inside", e->inside, sizeof e->inside);
    value_of(line, "by", e->by, sizeof e->by);
    value_of(line, "from", e->from, sizeof e->from);
}

static void read_trace(struct trace *t) {
    static char text[2 * most_size];
    FILE *f = fopen(t->path, "r");
    ck_assert_msg(f != NULL, "no trace %s", t->path);
    t->count = 0;
    t->size = (long)fread(text, 1, sizeof text - 1, f);
    text[t->size] = '\0';
    fclose(f);
    ck_assert_int_lt(t->size, most_size);
    char *line = strtok(text, "\n");
    ck_assert_str_eq(line, "[");
    while ((line = strtok(NULL, "\n")) != NULL) {
        size_t size = strlen(line);
        while (size > 0 && line[size - 1] == ' ') {
            line[--size] = '\0';
        }
        if (size > 0) { // a run that was killed leaves blanks behind
            ck_assert_int_eq(line[size - 1], ',');
            read_line(t, line);
        }
    }
}

// ---- Questions ----

static int lane_named(const struct trace *t, int pid, const char *name) {
    for (int tid = 1; tid < 20; tid++) {
        if (strcmp(t->lanes[pid][tid], name) == 0) {
            return tid;
        }
    }
    ck_abort_msg("no lane '%s' in %s", name, t->path);
}

static bool is_span(const struct event *e, int pid, int tid, const char *cat) {
    return e->ph == 'X' && e->pid == pid && e->tid == tid &&
           strcmp(e->cat, cat) == 0;
}

// Seconds that the lane spends so.
static double spends(const struct trace *t, int pid, const char *lane,
                     const char *cat) {
    int tid = lane_named(t, pid, lane);
    double seconds = 0;
    for (size_t i = 0; i < t->count; i++) {
        if (is_span(&t->events[i], pid, tid, cat)) {
            seconds += t->events[i].end - t->events[i].start;
        }
    }
    return seconds;
}

// The longest such span. RETURNS an event with end 0 if there is none.
static struct event longest(const struct trace *t, int pid, const char *lane,
                            const char *cat, const char *inside) {
    struct event best = {0};
    int tid = lane_named(t, pid, lane);
    for (size_t i = 0; i < t->count; i++) {
        const struct event *e = &t->events[i];
        if (is_span(e, pid, tid, cat) && strcmp(e->inside, inside) == 0 &&
            e->end - e->start > best.end - best.start) {
            best = *e;
        }
    }
    return best;
}

// The first or the last such span; 0 to 0 if there is none.
static struct event outermost(const struct trace *t, int pid, const char *lane,
                              const char *cat, bool wants_last) {
    struct event best = {0};
    int tid = lane_named(t, pid, lane);
    for (size_t i = 0; i < t->count; i++) {
        const struct event *e = &t->events[i];
        if (is_span(e, pid, tid, cat) &&
            (best.end == 0 || (e->start > best.start) == wants_last)) {
            best = *e;
        }
    }
    return best;
}

static struct event first(const struct trace *t, int pid, const char *lane,
                          const char *cat) {
    return outermost(t, pid, lane, cat, false);
}

static struct event last(const struct trace *t, int pid, const char *lane,
                         const char *cat) {
    return outermost(t, pid, lane, cat, true);
}

static double overlap(struct event a, struct event b) {
    double start = a.start > b.start ? a.start : b.start;
    double end = a.end < b.end ? a.end : b.end;
    return end - start;
}

static int signs(const struct trace *t, int pid, const char *lane,
                 const char *name) {
    int tid = lane_named(t, pid, lane), n = 0;
    for (size_t i = 0; i < t->count; i++) {
        const struct event *e = &t->events[i];
        n += e->ph == 'i' && e->pid == pid && e->tid == tid &&
             strcmp(e->name, name) == 0;
    }
    return n;
}

// Nobody does two things at once.
static void expect_no_overlaps(const struct trace *t) {
    for (size_t i = 0; i < t->count; i++) {
        for (size_t j = i + 1; j < t->count; j++) {
            const struct event *a = &t->events[i], *b = &t->events[j];
            if (a->ph == 'X' && b->ph == 'X' && a->pid == b->pid &&
                a->tid == b->tid && overlap(*a, *b) > 0.0000011) {
                ck_abort_msg("%s: lane %s: %s at %f and %s at %f overlap",
                             t->path, t->lanes[a->pid][a->tid], a->name,
                             a->start, b->name, b->start);
            }
        }
    }
}

// ---- The plays ----

static struct trace sequential, joined, failing, named, lazy, two_blocking,
    two_workers, async_sleep, mailbox, queue, panic, cancel, stealing, sleepers,
    timer, many, threads, killed;
static struct trace echo_blocking, echo_pooled, http2_blocking, http2_sleeping,
    http1_hello;
static struct trace blocking, mute;
static struct play *plain[4], *untraced, *demo[3];
static struct play *first_of_two, *nowhere;

static struct trace *const finished[] = {
    &sequential,  &joined,      &failing, &named, &lazy,   &two_blocking,
    &two_workers, &async_sleep, &mailbox, &queue, &panic,  &cancel,
    &stealing,    &sleepers,    &timer,   &many,  &threads};
enum { finished_count = sizeof finished / sizeof finished[0] };

static void start(struct trace *t, const char *program, const char *act,
                  const char *argument) {
    snprintf(t->path, sizeof t->path, "%s/%s.json", directory, act);
    setenv("TRACE_FILE", t->path, 1);
    setenv("TRACE_ACT", act, 1);
    t->play = play_start(program, act, argument, NULL);
    unsetenv("TRACE_FILE");
}

static void start_killed(void) {
    static char twin[512];
    snprintf(twin, sizeof twin, "%s/02-futures/futures-traced",
             getenv("BUILD"));
    snprintf(killed.path, sizeof killed.path, "%s/killed.json", directory);
    setenv("TRACE_FILE", killed.path, 1);
    killed.play = play_start(
        "/bin/sh", "-c",
        "\"$0\" two-blocking >\"$TRACE_FILE.out\" & pid=$!; "
        "for i in $(seq 300); do "
        "grep -q 'number 2 is running' \"$TRACE_FILE.out\" && break; "
        "sleep 0.1; done; sleep 0.5; kill -KILL $pid; wait $pid",
        twin, NULL);
    unsetenv("TRACE_FILE");
}

// The second run begins and ends while the first one writes into the same
// file. And a run whose trace has no place.
static void start_without_a_file(void) {
    static const char both[] =
        "export TRACE_FILE=\"$1/twice.json\"; \"$0\" queue & "
        "sleep 0.1; \"$0\" first-spawn >&2; wait $!";
    static const char none[] =
        "TRACE_FILE=\"$1/none/here.json\" exec \"$0\" two-blocking";
    static char queue_twin[512], futures_twin[512];
    snprintf(queue_twin, sizeof queue_twin,
             "%s/03-task-queue/task-queue-traced", getenv("BUILD"));
    snprintf(futures_twin, sizeof futures_twin, "%s/02-futures/futures-traced",
             getenv("BUILD"));
    first_of_two =
        play_start("/bin/sh", "-c", both, queue_twin, directory, NULL);
    nowhere = play_start("/bin/sh", "-c", none, futures_twin, directory, NULL);
}

// Its output goes nowhere, and above all not into the trace. Before its program
// the process was a shell that was busy.
static void start_without_stdout(void) {
    static const char script[] =
        "i=0; while [ $i -lt 1000000 ]; do i=$((i + 1)); done; "
        "exec \"$0\" named >&-";
    static char twin[512];
    snprintf(twin, sizeof twin, "%s/01-threads/threads-traced",
             getenv("BUILD"));
    snprintf(mute.path, sizeof mute.path, "%s/mute.json", directory);
    setenv("TRACE_FILE", mute.path, 1);
    mute.play = play_start("/bin/sh", "-c", script, twin, NULL);
    unsetenv("TRACE_FILE");
}

// Three clients at once, see scripts/demo; its traces go where ours are.
static void start_demo(int i, const char *chapter, const char *acts) {
    static const char script[] =
        "cd \"$ROOT\" && TRACES=\"$0\" exec bash scripts/demo $1 $2";
    demo[i] =
        play_start("/bin/sh", "-c", script, directory, chapter, acts, NULL);
}

// Chapter 03 with tasks that sleep in a poll where the chapter's compute: in a
// copy.
static void start_blocking(void) {
    static const char script[] =
        "mkdir \"$0/copy\" && cd \"$0/copy\" && "
        "cp -r \"$ROOT/03-task-queue\" \"$ROOT/scripts\" \"$ROOT/Makefile\" . "
        "&& sed -i 's/for (double end = .*{/{ sleep_seconds(0.05);/' "
        "03-task-queue/task_queue.c && "
        "unset MAKEFLAGS MAKELEVEL && TRACES=\"$0\" "
        "exec make -s run-03 ACT=queue";
    blocking.play = play_start("/bin/sh", "-c", script, directory, NULL);
    snprintf(blocking.path, sizeof blocking.path, "%s/03-task-queue/%s.json",
             directory, "queue");
}

static void start_plays(void) {
    static const char one[] = "01-threads/threads-traced";
    static const char two[] = "02-futures/futures-traced";
    static const char three[] = "03-task-queue/task-queue-traced";
    static const char four[] = "04-async-sleep/sleepers-traced";
    start(&sequential, one, "sequential", NULL);
    start(&joined, one, "joined", NULL);
    start(&failing, one, "failing", NULL);
    start(&named, one, "named", NULL);
    start(&lazy, two, "lazy", NULL);
    start(&two_blocking, two, "two-blocking", NULL);
    start(&two_workers, two, "two-workers", NULL);
    start(&async_sleep, two, "async-sleep", NULL);
    start(&mailbox, three, "mailbox", NULL);
    start(&queue, three, "queue", NULL);
    start(&panic, three, "panic", NULL);
    start(&cancel, three, "cancel", NULL);
    start(&stealing, three, "stealing", NULL);
    start(&sleepers, four, "sleepers", NULL);
    start(&timer, four, "timer", NULL);
    start(&many, four, "many", "2000");
    start(&threads, four, "threads", "200");
    start_killed();
    plain[0] = play_start("01-threads/threads", "failing", NULL);
    plain[1] = play_start("01-threads/threads", "named", NULL);
    plain[2] = play_start("03-task-queue/task-queue", "panic", NULL);
    plain[3] = play_start("02-futures/futures", "two-blocking", NULL);
    untraced = play_start(three, "queue", NULL);
    start_without_a_file();
    start_without_stdout();
    start_blocking();
    start_demo(0, "05-libuv-tcp", "blocking pooled");
    start_demo(1, "06-http1", "hello");
    start_demo(2, "07-http2", "blocking sleeping");
}

// ---- Every trace ----

START_TEST(each_twin_does_its_job) {
    for (int i = 0; i < finished_count; i++) {
        expect_status(finished[i]->play, 0);
    }
}
END_TEST

START_TEST(each_trace_can_be_read_and_is_small) {
    for (int i = 0; i < finished_count; i++) {
        read_trace(finished[i]);
        ck_assert(finished[i]->ended);
        expect_no_overlaps(finished[i]);
        lane_named(finished[i], 1, "main");
    }
}
END_TEST

START_TEST(no_run_used_more_cpu_than_there_was) {
    double cores = (double)sysconf(_SC_NPROCESSORS_ONLN);
    for (int i = 0; i < finished_count; i++) {
        read_trace(finished[i]);
        ck_assert_double_gt(finished[i]->cpu, 0);
        ck_assert_double_le(finished[i]->cpu, finished[i]->wall * cores * 1.01);
    }
}
END_TEST

static int by_text(const void *a, const void *b) {
    return strcmp(((const struct line *)a)->text,
                  ((const struct line *)b)->text);
}

// Threads may print in any order, and no two runs take the same time.
static void expect_same_lines(struct play *a, struct play *b) {
    ck_assert_uint_eq(a->count, b->count);
    qsort(a->lines, a->count, sizeof a->lines[0], by_text);
    qsort(b->lines, b->count, sizeof b->lines[0], by_text);
    for (size_t i = 0; i < a->count; i++) {
        size_t size = strcspn(a->lines[i].text, ".");
        ck_assert_msg(strncmp(a->lines[i].text, b->lines[i].text, size) == 0,
                      "'%s' is not '%s'", a->lines[i].text, b->lines[i].text);
    }
}

START_TEST(plain_and_traced_print_the_same_lines) {
    expect_same_lines(plain[0], failing.play);
    expect_same_lines(plain[1], named.play);
    expect_same_lines(plain[2], panic.play);
    expect_same_lines(plain[3], two_blocking.play);
    expect_same_lines(untraced, queue.play);
}
END_TEST

START_TEST(tracing_takes_no_time) {
    double without = elapsed_in(plain[3]), with = elapsed_in(two_blocking.play);
    ck_assert_double_lt(with, without + 0.3); // the machine may be busy
}
END_TEST

// ---- 01 ----

START_TEST(three_sleeps_in_a_row) {
    read_trace(&sequential);
    ck_assert_double_ge(spends(&sequential, 1, "main", "asleep"), 6);
    ck_assert_str_eq(sequential.lanes[1][2], "");
}
END_TEST

START_TEST(three_sleeps_side_by_side) {
    read_trace(&joined);
    struct event first = longest(&joined, 1, "thread 1", "asleep", "");
    struct event second = longest(&joined, 1, "thread 2", "asleep", "");
    struct event third = longest(&joined, 1, "thread 3", "asleep", "");
    struct event join = longest(&joined, 1, "main", "waiting", "");
    ck_assert_double_gt(overlap(first, second), 1);
    ck_assert_double_gt(overlap(second, third), 1);
    ck_assert_double_gt(overlap(first, join), 1);
    ck_assert_int_eq(signs(&joined, 1, "thread 3", "end"), 1);
}
END_TEST

START_TEST(a_thread_that_gives_up) {
    read_trace(&failing);
    ck_assert_int_eq(signs(&failing, 1, "thread 2", "panic"), 1);
    ck_assert_int_eq(signs(&failing, 1, "thread 2", "end"), 0);
    ck_assert_int_eq(signs(&failing, 1, "thread 1", "panic"), 0);
}
END_TEST

START_TEST(threads_that_name_themselves) {
    read_trace(&named);
    lane_named(&named, 1, "producer");
    lane_named(&named, 1, "consumer");
}
END_TEST

// ---- 02 ----

START_TEST(a_future_awaited_here_blocks_this_thread) {
    read_trace(&lazy);
    struct event sleep = longest(&lazy, 1, "main", "asleep", "future 1");
    ck_assert_double_ge(sleep.end - sleep.start, 2);
}
END_TEST

START_TEST(the_second_stands_in_line_while_the_first_blocks) {
    read_trace(&two_blocking);
    struct trace *t = &two_blocking;
    struct event first = longest(t, 1, "worker", "asleep", "task 1");
    struct event second = longest(t, 1, "worker", "asleep", "task 2");
    struct event line = longest(t, 2, "task 2", "ready", "");
    ck_assert_double_ge(first.end - first.start, 2);
    ck_assert_double_ge(second.start, first.end);
    ck_assert_double_ge(overlap(first, line), 1.9);
    struct event own = longest(t, 2, "task 1", "asleep", "");
    ck_assert_double_ge(overlap(first, own), 1.9);
    struct event main_sleep = longest(t, 1, "main", "asleep", "");
    ck_assert_double_ge(main_sleep.end - main_sleep.start, 2);
}
END_TEST

START_TEST(two_workers_block_and_nobody_stands_in_line) {
    read_trace(&two_workers);
    struct trace *t = &two_workers;
    struct event one = longest(t, 2, "task 1", "asleep", "");
    struct event two = longest(t, 2, "task 2", "asleep", "");
    ck_assert_double_gt(overlap(one, two), 1);
    lane_named(t, 1, "worker 2");
}
END_TEST

// Millions of polls in a handful of spans.
START_TEST(asking_all_the_time_is_one_span_with_a_count) {
    read_trace(&async_sleep);
    struct trace *t = &async_sleep;
    struct event busy = longest(t, 1, "worker", "cpu", "");
    ck_assert_double_gt(busy.end - busy.start, 1.5);
    ck_assert_int_gt(busy.polls, 10000);
    ck_assert_int_ge(t->polls, busy.polls);
    ck_assert_double_gt(spends(t, 2, "task 1", "ready"), 1.5);
    ck_assert_double_gt(spends(t, 2, "task 2", "ready"), 1.5);
    ck_assert_uint_lt(t->count, 60);
    for (size_t i = 0; i < t->count; i++) {
        ck_assert_str_eq(t->events[i].inside, "");
    }
}
END_TEST

// ---- 03 ----

// Both futures and the task wait, until thread 1 has slept and calls their
// wakers; then they are to be polled. Main, which has no other work, waits.
START_TEST(who_waits_is_woken_by_another_thread) {
    read_trace(&mailbox);
    struct event wait = first(&mailbox, 2, "future 1", "parked");
    struct event sleep = first(&mailbox, 1, "thread 1", "asleep");
    struct event line = last(&mailbox, 2, "future 1", "ready");
    ck_assert_double_gt(wait.end - wait.start, 0.02);
    ck_assert_double_ge(wait.end, sleep.end);
    ck_assert_double_ge(line.start, sleep.end);
    ck_assert_double_gt(spends(&mailbox, 2, "future 2", "parked"), 0.02);
    ck_assert_double_gt(spends(&mailbox, 2, "task 1", "parked"), 0.02);
    ck_assert_double_gt(spends(&mailbox, 1, "main", "waiting"), 0.2);
    ck_assert_int_le(mailbox.polls, 6);
    ck_assert_int_eq(signs(&mailbox, 2, "future 2", "end"), 1);
}
END_TEST

// Each wakes itself, so it is in line whenever it is not polled. Nothing
// blocks, and yet it is seen who held the worker, from its CPU time.
START_TEST(tasks_take_turns) {
    read_trace(&queue);
    struct event one = longest(&queue, 2, "task 1", "ready", "");
    ck_assert_double_ge(one.end - one.start, 0.04);
    ck_assert_double_ge(spends(&queue, 1, "worker", "cpu"), 0.18);
    ck_assert_int_eq(queue.polls, 9);
    ck_assert_int_eq(signs(&queue, 2, "task 3", "start"), 1);
    ck_assert_int_eq(signs(&queue, 2, "task 3", "end"), 1);
    for (int i = 1; i <= 3; i++) {
        char name[32];
        snprintf(name, sizeof name, "task %d", i);
        ck_assert_double_gt(spends(&queue, 2, name, "cpu"), 0.03);
        ck_assert_double_gt(spends(&queue, 2, name, "ready"), 0.08);
        ck_assert_double_eq(spends(&queue, 2, name, "parked"), 0);
        ck_assert_double_eq(spends(&queue, 2, name, "asleep"), 0);
    }
}
END_TEST

START_TEST(tasks_that_sleep_in_a_poll_make_others_stand_in_line) {
    expect_status(blocking.play, 0);
    read_trace(&blocking);
    expect_no_overlaps(&blocking);
    struct event one = longest(&blocking, 2, "task 1", "ready", "");
    ck_assert_double_ge(one.end - one.start, 0.1);
    for (int i = 1; i <= 3; i++) {
        char name[32];
        snprintf(name, sizeof name, "task %d", i);
        struct event sleep = longest(&blocking, 1, "worker", "asleep", name);
        ck_assert_double_ge(sleep.end - sleep.start, 0.05);
        ck_assert_double_ge(spends(&blocking, 2, name, "asleep"), 0.15);
    }
}
END_TEST

START_TEST(a_task_panics_and_the_worker_lives_on) {
    read_trace(&panic);
    ck_assert_int_eq(signs(&panic, 2, "task 2", "panic"), 1);
    ck_assert_int_eq(signs(&panic, 2, "task 2", "end"), 0);
    ck_assert_int_eq(signs(&panic, 2, "task 2", "cancelled"), 0);
    ck_assert_int_eq(signs(&panic, 2, "task 3", "end"), 1);
    ck_assert_int_eq(signs(&panic, 1, "worker", "end"), 1);
}
END_TEST

START_TEST(a_cancelled_task) {
    read_trace(&cancel);
    ck_assert_int_eq(signs(&cancel, 2, "task 3", "cancelled"), 1);
    ck_assert_int_eq(signs(&cancel, 2, "task 3", "end"), 0);
    ck_assert_int_eq(signs(&cancel, 2, "task 1", "end"), 1);
    ck_assert_int_eq(signs(&cancel, 2, "task 2", "end"), 1);
}
END_TEST

// Tasks 1 and 2 wake themselves. Task 3 waits for task 1, until main, which has
// slept meanwhile, cancels it: then it stands in line for its end. On a very busy
// machine it may not have been polled before that.
START_TEST(in_line_is_not_waiting) {
    read_trace(&cancel);
    ck_assert_double_ge(spends(&cancel, 2, "task 1", "ready"), 0.08);
    ck_assert_double_ge(spends(&cancel, 2, "task 2", "ready"), 0.08);
    ck_assert_double_eq(spends(&cancel, 2, "task 1", "parked"), 0);
    ck_assert_double_eq(spends(&cancel, 2, "task 2", "parked"), 0);
    if (signs(&cancel, 2, "task 3", "start") == 1) {
        struct event wait = first(&cancel, 2, "task 3", "parked");
        struct event sleep = first(&cancel, 1, "main", "asleep");
        struct event line = last(&cancel, 2, "task 3", "ready");
        ck_assert_double_gt(wait.end, wait.start);
        ck_assert_double_ge(wait.end, sleep.end);
        ck_assert_double_ge(line.start, sleep.end);
    }
}
END_TEST

// Who steals is another than who is stolen from, and a task that was not
// stolen is polled only at home.
START_TEST(what_was_stolen) {
    int stolen = 0;
    read_trace(&stealing);
    for (size_t i = 0; i < stealing.count; i++) {
        const struct event *e = &stealing.events[i];
        if (e->ph == 'i' && strcmp(e->name, "stolen") == 0) {
            stolen++;
            ck_assert_int_eq(strncmp(e->by, "worker ", 7), 0);
            ck_assert_int_eq(strncmp(e->from, "worker ", 7), 0);
            ck_assert_str_ne(e->by, e->from);
        }
    }
    ck_assert_int_gt(stolen, 0);
    ck_assert_int_eq(signs(&stealing, 2, "task 16", "end"), 3);
    ck_assert_int_eq(signs(&stealing, 1, "worker 4", "end"), 3);
    ck_assert_int_eq(stealing.polls, 3 * (4 * 8 + 12 * 2));
}
END_TEST

// ---- 04 ----

// The same printout twice, and opposite lanes: who asks is always in line.
START_TEST(sleepers_that_ask_are_always_in_line) {
    read_trace(&sleepers);
    ck_assert_double_gt(spends(&sleepers, 1, "worker", "cpu"), 4);
    ck_assert_int_gt(sleepers.polls, 10000);
    ck_assert_uint_lt(sleepers.count, 400); // a busy machine gives more of them
    for (int i = 1; i <= 3; i++) {
        char name[32];
        snprintf(name, sizeof name, "task %d", i);
        ck_assert_double_gt(spends(&sleepers, 2, name, "ready"), 4);
        ck_assert_double_eq(spends(&sleepers, 2, name, "parked"), 0);
    }
}
END_TEST

START_TEST(with_a_timer_the_worker_is_idle) {
    read_trace(&timer);
    for (int i = 1; i <= 3; i++) {
        char name[32];
        snprintf(name, sizeof name, "task %d", i);
        ck_assert_double_gt(spends(&timer, 2, name, "parked"), 4);
        ck_assert_double_lt(spends(&timer, 2, name, "ready"), 0.9);
    }
    ck_assert_double_gt(spends(&timer, 1, "worker", "parked"), 4);
    ck_assert_double_lt(spends(&timer, 1, "worker", "cpu"), 0.5);
    ck_assert_double_gt(spends(&timer, 1, "timer", "parked"), 4);
    ck_assert_int_lt(timer.polls, 30);
}
END_TEST

START_TEST(a_crowd_shares_a_lane) {
    read_trace(&many); // it spawns one more, to warm up
    lane_named(&many, 2, "task 16");
    ck_assert_str_eq(many.lanes[2][17], "1985 more");
    read_trace(&threads);
    lane_named(&threads, 1, "thread 15");
    ck_assert_str_eq(threads.lanes[1][17], "185 more");
    ck_assert_double_gt(spends(&threads, 1, "185 more", "asleep"), 2);
}
END_TEST

// ---- 05 to 07 ----

static void read_demo(struct trace *t, const char *chapter, const char *act) {
    snprintf(t->path, sizeof t->path, "%s/%s/%s.json", directory, chapter, act);
    read_trace(t);
    ck_assert(t->ended);
    expect_no_overlaps(t);
}

START_TEST(three_clients_get_their_answers) {
    for (int i = 0; i < 3; i++) {
        expect_status(demo[i], 0);
    }
}
END_TEST

// A second each in the loop: meanwhile the others' bytes lie unread.
START_TEST(work_on_the_loop_makes_all_clients_wait) {
    struct trace *t = &echo_blocking;
    int waited = 0;
    read_demo(t, "05-libuv-tcp", "blocking");
    ck_assert_double_ge(spends(t, 1, "loop", "asleep"), 3);
    for (int i = 1; i <= 3; i++) {
        char name[32];
        snprintf(name, sizeof name, "connection %d", i);
        struct event work = longest(t, 1, "loop", "asleep", name);
        ck_assert_double_ge(work.end - work.start, 1);
        ck_assert_double_ge(spends(t, 3, name, "asleep"), 1);
        waited += spends(t, 3, name, "ready") > 0.9;
        ck_assert_int_ge(signs(t, 3, name, "bytes in"), 1);
        ck_assert_int_ge(signs(t, 3, name, "bytes out"), 1);
        ck_assert_int_eq(signs(t, 3, name, "end"), 1);
    }
    ck_assert_int_ge(waited, 2);
}
END_TEST

START_TEST(work_in_the_pool_is_in_nobodys_way) {
    struct trace *t = &echo_pooled;
    read_demo(t, "05-libuv-tcp", "pooled");
    ck_assert_double_lt(spends(t, 1, "loop", "asleep"), 0.001);
    ck_assert_double_ge(spends(t, 1, "loop", "parked"), 0.9);
    struct event one = longest(t, 1, "pool 1", "asleep", "");
    struct event three = longest(t, 1, "pool 3", "asleep", "");
    ck_assert_double_gt(overlap(one, three), 0.3);
    ck_assert_double_gt(spends(t, 3, "connection 2", "parked"), 0.9);
    ck_assert_double_lt(spends(t, 3, "connection 2", "ready"), 0.5);
}
END_TEST

START_TEST(connections_come_and_go) {
    read_demo(&http1_hello, "06-http1", "hello");
    ck_assert_int_eq(signs(&http1_hello, 3, "connection 3", "bytes in"), 1);
    ck_assert_int_eq(signs(&http1_hello, 3, "connection 3", "end"), 1);
}
END_TEST

START_TEST(a_request_that_blocks_holds_the_loop) {
    struct trace *t = &http2_blocking;
    read_demo(t, "07-http2", "blocking");
    struct event first = longest(t, 1, "loop", "asleep", "request 1");
    struct event third = longest(t, 1, "loop", "asleep", "request 3");
    ck_assert_double_ge(first.end - first.start, 1);
    ck_assert_double_ge(third.start, first.end);
    ck_assert_double_ge(spends(t, 3, "request 2", "asleep"), 1);
    for (int i = 1; i <= 3; i++) {
        char name[32];
        snprintf(name, sizeof name, "connection %d", i);
        ck_assert_double_lt(spends(t, 3, name, "cpu"), 0.5);
    }
}
END_TEST

START_TEST(requests_that_await_hold_nobody) {
    struct trace *t = &http2_sleeping;
    read_demo(t, "07-http2", "sleeping");
    ck_assert_double_lt(spends(t, 1, "loop", "asleep"), 0.001);
    struct event one = longest(t, 3, "request 1", "parked", "");
    struct event two = longest(t, 3, "request 2", "parked", "");
    ck_assert_double_gt(overlap(one, two), 0); // if the clients came together
}
END_TEST

// Thousands of callbacks, each too short to be seen, and still a small file.
START_TEST(a_flood_of_requests_leaves_a_small_trace) {
    static struct trace t;
    snprintf(t.path, sizeof t.path, "%s/flood.json", directory);
    setenv("TRACE_FILE", t.path, 1);
    struct server s = server_start("06-http1/http1-traced", "--quiet", NULL);
    free(
        shell("curl -s --max-time 20 http://127.0.0.1:%d/[1-3000] -o /dev/null",
              s.port));
    ck_assert_int_eq(server_stop(&s, SIGINT), 0);
    read_trace(&t);
    ck_assert(t.ended);
    expect_no_overlaps(&t);
    ck_assert_double_gt(spends(&t, 3, "connection 1", "parked") +
                            spends(&t, 3, "connection 1", "cpu"),
                        0.01);
    ck_assert_double_gt(
        spends(&t, 1, "loop", "parked") + spends(&t, 1, "loop", "cpu"), 0.01);
}
END_TEST

// ---- A run that was killed ----

START_TEST(a_killed_run_leaves_what_was_until_then) {
    bool open = false;
    read_trace(&killed);
    ck_assert(!killed.ended);
    ck_assert_int_ne(killed.play->status, 0);
    struct event first = longest(&killed, 1, "worker", "asleep", "task 1");
    ck_assert_double_ge(first.end - first.start, 2);
    for (size_t i = 0; i < killed.count; i++) {
        const struct event *e = &killed.events[i];
        open |= e->ph == 'B' && strcmp(e->inside, "task 2") == 0;
    }
    ck_assert(open); // it was asleep in the second
}
END_TEST

// ---- A run without a file of its own ----

START_TEST(a_run_outlives_the_loss_of_its_file) {
    expect_status(first_of_two, 0);
    expect_line(first_of_two, "task 3 delivered");
}
END_TEST

START_TEST(a_trace_that_has_no_place_is_told) {
    expect_status(nowhere, 0);
    expect_line(nowhere, "number 2 is running");
    ck_assert_int_eq(play_count(nowhere, "*"), 4); // the complaint, too
}
END_TEST

START_TEST(without_stdout_the_trace_is_a_trace) {
    expect_status(mute.play, 1);
    expect_line(mute.play, "threads: cannot write the output");
    read_trace(&mute);
    ck_assert(mute.ended);
    lane_named(&mute, 1, "consumer");
}
END_TEST

START_TEST(what_was_before_the_program_is_not_told) {
    read_trace(&mute);
    ck_assert_double_gt(mute.play->cpu_seconds, 0.15);
    ck_assert_double_lt(mute.cpu, 0.1);
}
END_TEST

// ---- A linker that cannot wrap ----

// RETURNS what make says, with these variables, in a copy; free it.
static char *make_named(const char *variables) {
    return shell("mkdir -p '%s/named' && cd '%s/named' && cp -r "
                 "\"$ROOT/01-threads\" \"$ROOT/scripts\" \"$ROOT/Makefile\" . "
                 "&& env -u MAKEFLAGS -u MAKELEVEL -u BUILD timeout 50 "
                 "make -s run-01 ACT=named %s 2>&1",
                 directory, directory, variables);
}

static void expect_in(const char *text, const char *part, bool is_there) {
    if ((strstr(text, part) != NULL) != is_there) {
        ck_abort_msg("'%s' %s in:\n%s", part, is_there ? "is not" : "is", text);
    }
}

START_TEST(without_wrap_it_runs_plain_and_says_why) {
    char *text = make_named("WRAP=-Wl,--no-such=");
    expect_in(text,
              "No picture: that takes Linux, and a linker that has "
              "--wrap.\n",
              true);
    expect_in(text, "result 6\n", true);
    expect_in(text, "Notice: ", false);
    free(text);
}
END_TEST

START_TEST(the_picture_comes_after_the_play) {
    char *drawn = make_named("");
    char *told = make_named("WORDS=1");
    char *plain_one = make_named("PLAIN=1");
    expect_in(drawn, "result 6\n\nthreads named\n", true);
    expect_in(drawn, "\nproducer |", true);
    expect_in(drawn, "Notice: ", true);
    expect_in(told, "\nproducer |", false);
    expect_in(told, "Notice: ", true);
    expect_in(plain_one, "result 6\n", true);
    expect_in(plain_one, "Notice: ", false);
    free(drawn);
    free(told);
    free(plain_one);
}
END_TEST

static void add_tests(TCase *tests) {
    tcase_add_test(tests, each_twin_does_its_job);
    tcase_add_test(tests, each_trace_can_be_read_and_is_small);
    tcase_add_test(tests, no_run_used_more_cpu_than_there_was);
    tcase_add_test(tests, plain_and_traced_print_the_same_lines);
    tcase_add_test(tests, tracing_takes_no_time);
    tcase_add_test(tests, three_sleeps_in_a_row);
    tcase_add_test(tests, three_sleeps_side_by_side);
    tcase_add_test(tests, a_thread_that_gives_up);
    tcase_add_test(tests, threads_that_name_themselves);
    tcase_add_test(tests, a_future_awaited_here_blocks_this_thread);
    tcase_add_test(tests, the_second_stands_in_line_while_the_first_blocks);
    tcase_add_test(tests, two_workers_block_and_nobody_stands_in_line);
    tcase_add_test(tests, asking_all_the_time_is_one_span_with_a_count);
    tcase_add_test(tests, who_waits_is_woken_by_another_thread);
    tcase_add_test(tests, tasks_take_turns);
    tcase_add_test(tests, tasks_that_sleep_in_a_poll_make_others_stand_in_line);
    tcase_add_test(tests, a_task_panics_and_the_worker_lives_on);
    tcase_add_test(tests, a_cancelled_task);
    tcase_add_test(tests, in_line_is_not_waiting);
    tcase_add_test(tests, what_was_stolen);
    tcase_add_test(tests, sleepers_that_ask_are_always_in_line);
    tcase_add_test(tests, with_a_timer_the_worker_is_idle);
    tcase_add_test(tests, a_crowd_shares_a_lane);
    tcase_add_test(tests, three_clients_get_their_answers);
    tcase_add_test(tests, work_on_the_loop_makes_all_clients_wait);
    tcase_add_test(tests, work_in_the_pool_is_in_nobodys_way);
    tcase_add_test(tests, connections_come_and_go);
    tcase_add_test(tests, a_request_that_blocks_holds_the_loop);
    tcase_add_test(tests, requests_that_await_hold_nobody);
    tcase_add_test(tests, a_flood_of_requests_leaves_a_small_trace);
    tcase_add_test(tests, a_killed_run_leaves_what_was_until_then);
    tcase_add_test(tests, a_run_outlives_the_loss_of_its_file);
    tcase_add_test(tests, a_trace_that_has_no_place_is_told);
    tcase_add_test(tests, without_stdout_the_trace_is_a_trace);
    tcase_add_test(tests, what_was_before_the_program_is_not_told);
    tcase_add_test(tests, without_wrap_it_runs_plain_and_says_why);
    tcase_add_test(tests, the_picture_comes_after_the_play);
}

int main(void) {
    const char *place = getenv("TMPDIR");
    snprintf(directory, sizeof directory, "%s/workbook-trace-XXXXXX",
             place != NULL ? place : "/tmp");
    if (mkdtemp(directory) == NULL) {
        perror(directory);
        return EXIT_FAILURE;
    }
    start_plays();
    plays_wait();
    int status = run_suite("trace", add_tests);
    free(shell("rm -rf '%s'", directory));
    return status;
}
