#define _POSIX_C_SOURCE 200809L
// What the runtime of chapters 03 and 04 costs, next to threads, in one table.
//
//   bench_runtime                    every row, medians of several runs
//   bench_runtime yield-1 channel-4  these rows only
//   bench_runtime --raw spawn=1000   one run of each, a line for a script;
//                                    =N is how many to do
//
// A row shows the median of its runs: nanoseconds by the clock for each, and
// of CPU time, all threads together. The first depends on what else the
// machine does; the second much less. The remark has the least and the most
// by the clock, and for sleepers how long all of them took.
//
// Each run has a process of its own, so that no row finds the memory or the
// worker of the one before it. Nothing is pinned to a core: where the system
// puts the threads is a part of what a user gets.
#include "bench.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

// ---- For the measures ----

static double seconds_of(clockid_t clock) {
    struct timespec t;
    clock_gettime(clock, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

void run_begin(struct run *r) {
    r->wall = -seconds_of(CLOCK_MONOTONIC);
    r->cpu = -seconds_of(CLOCK_PROCESS_CPUTIME_ID);
}

void run_end(struct run *r) {
    r->wall += seconds_of(CLOCK_MONOTONIC);
    r->cpu += seconds_of(CLOCK_PROCESS_CPUTIME_ID);
}

void need(bool ok, const char *what) {
    if (!ok) {
        fprintf(stderr, "bench_runtime: %s failed\n", what);
        _exit(1);
    }
}

void *allocate(size_t size) {
    void *memory = malloc(size);
    need(memory != NULL, "malloc");
    return memory;
}

void *array_of(long count, size_t size) {
    return memset(allocate((size_t)count * size), 0xff, (size_t)count * size);
}

int64_t sleep_for(const struct run *r, long number) {
    return r->count == 1 ? 2000000000
                         : (1000 + number * 7919 % 2001) * INT64_C(1000000);
}

double peak_memory(void) {
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (double)usage.ru_maxrss * 1024;
}

static int by_lateness(const void *a, const void *b) {
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

void note_sleepers(struct run *r, int64_t *late) {
    int64_t longest = 0;
    for (long i = 0; i < r->count; i++) {
        longest = sleep_for(r, i) > longest ? sleep_for(r, i) : longest;
    }
    r->ideal = (double)longest / 1e9;
    qsort(late, (size_t)r->count, sizeof *late, by_lateness);
    need(late[0] >= 0, "to sleep long enough");
    long middle = r->count / 2;
    r->late = (double)late[middle] / 1e6;
    r->worst = (double)late[r->count - 1] / 1e6;
}

// ---- The rows ----

struct row {
    const char *name; // to ask for it
    const char *item;
    measure *measure;
    long count, width;
};

static const struct row rows[] = {
    {"spawn", "spawn a task and join it", spawn_and_finish, 1000000, 0},
    {"spawn-array", "the same, futures in an array", spawn_from_array, 1000000,
     0},
    {"spawn-inside", "spawn and join, inside a task", spawn_inside, 1000000, 0},
    {"thread", "create a thread and join it", create_and_join, 5000, 0},
    {"yield-1", "wake oneself, be polled: 1 task", wake_oneself, 5000000, 1},
    {"yield-1000", "wake oneself: 1,000 tasks", wake_oneself, 5000000, 1000},
    {"hand-over", "two tasks wake each other", hand_over, 2000000, 2},
    {"ping-pong", "two threads wake each other", ping_pong, 20000, 2},
    {"channel-1", "send a message: 1 sender", send_messages, 2000000, 1},
    {"channel-4", "send a message: 4 senders", send_messages, 2000000, 4},
    {"sleep", "a task sleeps 2 s", sleep_by_timer, 1, 0},
    {"sleepers-10k", "10,000 tasks sleep 1 to 3 s", sleep_by_timer, 10000, 0},
    {"sleepers-100k", "100,000 tasks sleep 1 to 3 s", sleep_by_timer, 100000,
     0},
    {"sleepers-1M", "1,000,000 tasks sleep 1 to 3 s", sleep_by_timer, 1000000,
     0},
    {"asking-10k", "10,000 tasks ask all the time", sleep_by_asking, 10000, 0},
    {"threads-10k", "10,000 threads sleep 1 to 3 s", sleep_in_threads, 10000,
     0},
};
enum { ROWS = sizeof rows / sizeof rows[0] };

// Runs of less than a second are done five times, sleepers three times.
static int runs_of(const struct row *row) {
    return row->measure == sleep_by_timer || row->measure == sleep_by_asking ||
                   row->measure == sleep_in_threads
               ? 3
               : 5;
}

// ---- Running ----

// Measures in a process of its own, which sends its figures back by a pipe.
static struct run run_once(const struct row *row, long count) {
    struct run r = {.count = count, .width = row->width};
    int ends[2];
    need(pipe(ends) == 0, "pipe");
    pid_t child = fork();
    need(child >= 0, "fork");
    if (child == 0) {
        row->measure(&r);
        need(write(ends[1], &r, sizeof r) == sizeof r, "write");
        exit(0);
    }
    close(ends[1]);
    bool told = read(ends[0], &r, sizeof r) == sizeof r;
    close(ends[0]);
    int status = 1;
    need(waitpid(child, &status, 0) == child, "waitpid");
    need(told && status == 0, row->name);
    return r;
}

// Nanoseconds of CPU time, and of the clock, for each of those counted.
static double cpu_each(const struct run *r) {
    return r->cpu * 1e9 / (double)r->count;
}

static double wall_each(const struct run *r) {
    return r->wall * 1e9 / (double)r->count;
}

// What a run is ranked by. A sleeper costs no time but CPU time.
static double each(const struct run *r) {
    return r->ideal > 0 ? cpu_each(r) : wall_each(r);
}

static int by_each(const void *a, const void *b) {
    double x = each(a), y = each(b);
    return (x > y) - (x < y);
}

// ---- Printing ----

// A number as people write it: 1,234,567, and 12.3 where it is small.
static const char *figure(double number, char text[32]) {
    char digits[32];
    if (number < 100) {
        snprintf(text, 32, "%.1f", number);
        return text;
    }
    int length = snprintf(digits, sizeof digits, "%.0f", number), at = 0;
    for (int i = 0; i < length; i++) {
        if (i > 0 && (length - i) % 3 == 0) {
            text[at++] = ',';
        }
        text[at++] = digits[i];
    }
    text[at] = '\0';
    return text;
}

static void print_sleepers(const struct run *r, long wanted) {
    printf("%.1f s and %.1f ms, CPU %.2f s, late %.2f ms, worst %.2f ms",
           r->ideal, (r->wall - r->ideal) * 1e3, r->cpu, r->late, r->worst);
    if (r->count > 1) {
        printf(", %.0f bytes each", r->bytes);
    }
    if (r->count < wanted) {
        printf(", only %ld were granted", r->count);
    }
}

// The median run, and between which figures the runs were.
static void print_row(const char *item, long wanted, struct run *r, int runs) {
    char cpu[32], wall[32], rate[32], least[32], most[32];
    qsort(r, (size_t)runs, sizeof *r, by_each);
    const struct run *median = &r[runs / 2];
    bool sleepers = median->ideal > 0;
    printf("%-32s %9s %9s %11s  ", item,
           sleepers ? "-" : figure(wall_each(median), wall),
           figure(cpu_each(median), cpu),
           sleepers ? "-" : figure(1e9 / wall_each(median), rate));
    if (sleepers) {
        print_sleepers(median, wanted);
    } else {
        printf("%s to %s ns", figure(each(&r[0]), least),
               figure(each(&r[runs - 1]), most));
    }
    printf("\n");
}

static void print_raw(const struct row *row, const struct run *r) {
    printf("%s n=%ld wall_s=%.6f per_s=%.0f ns_each=%.1f cpu_s=%.3f", row->name,
           r->count, r->wall, (double)r->count / r->wall, wall_each(r), r->cpu);
    if (r->ideal > 0) {
        printf(" bytes_per_task=%.0f late_ms=%.3f worst_ms=%.3f", r->bytes,
               r->late, r->worst);
    }
    printf("\n");
}

static void measure_row(const struct row *row, long count, bool raw) {
    struct run r[5];
    int runs = raw ? 1 : runs_of(row);
    for (int i = 0; i < runs; i++) {
        r[i] = run_once(row, count);
    }
    if (raw) {
        print_raw(row, r);
    } else {
        print_row(row->item, count, r, runs);
    }
    fflush(stdout); // or the next child would print it once more
}

// wish is NAME or NAME=COUNT. RETURNS NULL if there is no such row.
static const struct row *find_row(const char *wish, long *count) {
    size_t length = strcspn(wish, "=");
    for (int i = 0; i < ROWS; i++) {
        if (strlen(rows[i].name) == length &&
            strncmp(rows[i].name, wish, length) == 0) {
            *count = rows[i].count;
            if (wish[length] == '=') {
                *count = strtol(wish + length + 1, NULL, 10);
            }
            return *count > 0 ? &rows[i] : NULL;
        }
    }
    return NULL;
}

static int refuse(const char *wish) {
    fprintf(stderr, "bench_runtime: there is no row %s; the rows are", wish);
    for (int i = 0; i < ROWS; i++) {
        fprintf(stderr, " %s", rows[i].name);
    }
    fprintf(stderr, "\n");
    return 2;
}

int main(int argc, char **argv) {
    bool raw = argc > 1 && strcmp(argv[1], "--raw") == 0;
    int first = raw ? 2 : 1;
    long count;
    for (int i = first; i < argc; i++) {
        if (find_row(argv[i], &count) == NULL) {
            return refuse(argv[i]);
        }
    }
    if (!raw) {
        printf("%-32s %9s %9s %11s  %s\n", "item", "ns each", "CPU ns",
               "per second", "remark");
        fflush(stdout);
    }
    for (int i = 0; i < ROWS && first == argc; i++) {
        measure_row(&rows[i], rows[i].count, raw);
    }
    for (int i = first; i < argc; i++) {
        const struct row *row = find_row(argv[i], &count);
        measure_row(row, count, raw);
    }
    return 0;
}
