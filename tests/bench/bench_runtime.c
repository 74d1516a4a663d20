#define _GNU_SOURCE // sched_setaffinity
// What the runtime of chapters 03 and 04 costs, beside others that do the same
// work: the crates of the Rust text, tokio, and threads.
//
//   bench_runtime PEERS [ROW...]
//
// PEERS is the program that build-peers has made; if there is none, the crates
// and tokio are left out. Without ROW all rows are measured.
//
// In a round each of them runs once, so that whatever the machine does
// meanwhile does it to all alike. A figure is the median of the rounds. By the
// clock it depends on what else the machine does; CPU time, of all threads
// together, much less. A ratio is ours divided by theirs: below 1 we are
// faster, or smaller.
//
// Each run has a process of its own, so that none finds the memory or the
// worker of the one before it.
#include "bench.h"

#include <sched.h>
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

double sleep_for(long number) {
    return 1 + (double)(number * 7919 % 2001) / 1000;
}

double peak_memory(void) {
    struct rusage usage;
    need(getrusage(RUSAGE_SELF, &usage) == 0, "getrusage");
    return (double)usage.ru_maxrss * 1024;
}

static int by_lateness(const void *a, const void *b) {
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

void note_sleepers(struct run *r, int64_t *late) {
    qsort(late, (size_t)r->count, sizeof *late, by_lateness);
    need(late[0] >= 0, "to sleep long enough");
    long middle = r->count / 2;
    r->late = (double)late[middle] / 1e6;
    r->worst = (double)late[r->count - 1] / 1e6;
}

// ---- The rows ----

enum peer { OURS, CRATES, TOKIO, THREADS, PEERS };

struct row {
    const char *name; // to ask for it
    const char *item;
    measure *ours, *threads;    // NULL: threads have nothing like it
    const char *work;           // what the program of the peers calls it
    const char *crates, *tokio; // how to ask it for them; NULL: it has none
    long count, width;
    enum { CPU, CLOCK_AND_CPU, SLEEP } figures;
    bool one_core;
};

// tokio has two runtimes. Where main and the worker may each have a core, it is
// the one with a worker; elsewhere the one that is a single thread, since that
// does better there. The text's crates have no timer, so only those who ask all
// the time can sleep by them.
static const struct row rows[] = {
    {"spawn-1", "spawn, join, one core", spawn_and_join, NULL, "spawn",
     "crates", "tokio", 1000000, 0, CPU, true},
    {"spawn-2", "the same, two cores", spawn_and_join, create_and_join, "spawn",
     "crates", "tokio-worker", 1000000, 0, CLOCK_AND_CPU, false},
    {"spawn-inside", "the same, in a task", spawn_inside, NULL, "spawn-inside",
     "crates", "tokio", 1000000, 0, CPU, false},
    {"wake-1", "wake oneself, 1 task", wake_oneself, NULL, "wake", "crates",
     "tokio", 5000000, 1, CPU, false},
    {"wake-1000", "the same, 1,000 tasks", wake_oneself, NULL, "wake", "crates",
     "tokio", 5000000, 1000, CPU, false},
    {"hand-over", "two wake each other", hand_over, ping_pong, NULL, NULL, NULL,
     2000000, 2, CLOCK_AND_CPU, false},
    {"channel-1", "send, 1 sender", send_messages, NULL, "channel", "crates",
     "tokio", 2000000, 1, CLOCK_AND_CPU, false},
    {"channel-4", "the same, 4 senders", send_messages, NULL, "channel",
     "crates", "tokio", 2000000, 4, CLOCK_AND_CPU, false},
    {"sleepers-10k", "10,000 sleep 1 to 3 s", sleep_by_timer, sleep_in_threads,
     "sleepers", NULL, "tokio", 10000, 0, SLEEP, false},
    {"sleepers-100k", "100,000 sleep", sleep_by_timer, NULL, "sleepers", NULL,
     "tokio", 100000, 0, SLEEP, false},
    {"sleepers-1M", "1,000,000 sleep", sleep_by_timer, NULL, "sleepers", NULL,
     "tokio", 1000000, 0, SLEEP, false},
    {"sleepers-4M", "4,000,000 sleep", sleep_by_timer, NULL, "sleepers", NULL,
     "tokio", 4000000, 0, SLEEP, false},
    {"asking-10k", "10,000 ask instead", sleep_by_asking, NULL, "sleepers",
     "crates", NULL, 10000, 0, SLEEP, false},
};
enum { ROWS = sizeof rows / sizeof rows[0], MOST_ROUNDS = 5 };

static int rounds_of(const struct row *row) {
    return row->figures == SLEEP ? 3 : MOST_ROUNDS;
}

// A thread costs so much more that fewer of them are enough.
static long count_for(const struct row *row, enum peer peer) {
    return peer == THREADS && row->count > 100000 ? row->count / 100
                                                  : row->count;
}

// ---- Running ----

static const char *peers_program; // NULL: there is none

// tokio wants some 1,430 bytes for a sleeper, so four millions of them would
// fill a small machine.
static bool has_room_for_tokio(const struct row *row) {
    double memory =
        (double)sysconf(_SC_PHYS_PAGES) * (double)sysconf(_SC_PAGESIZE);
    return row->figures != SLEEP || (double)row->count * 1430 < memory / 2;
}

static bool takes_part(const struct row *row, enum peer peer) {
    switch (peer) {
    case OURS:
        return true;
    case CRATES:
        return peers_program != NULL && row->crates != NULL;
    case TOKIO:
        return peers_program != NULL && row->tokio != NULL &&
               has_room_for_tokio(row);
    case THREADS:
        return row->threads != NULL;
    case PEERS:
        break;
    }
    return false;
}

// The process and its threads to come share the core on which it is now. Where
// there is no such call, they get what the system gives them.
static void stay_on_this_core(void) {
#ifdef __linux__
    cpu_set_t cores;
    CPU_ZERO(&cores);
    CPU_SET((size_t)sched_getcpu(), &cores);
    need(sched_setaffinity(0, sizeof cores, &cores) == 0, "sched_setaffinity");
#endif
}

// Prints the figures of a run, as the program of the peers does.
static void measure_here(measure *m, struct run r) {
    m(&r);
    printf("%ld %.9f %.9f %.3f %.6f %.6f\n", r.count, r.wall, r.cpu, r.bytes,
           r.late, r.worst);
    exit(0);
}

static _Noreturn void measure_there(const char *peer, const struct row *row) {
    char count[32], width[32];
    snprintf(count, sizeof count, "%ld", row->count);
    snprintf(width, sizeof width, "%ld", row->width);
    execl(peers_program, "peers", peer, row->work, count, width, (char *)NULL);
    need(false, peers_program);
    abort();
}

static void run_child(const struct row *row, enum peer peer) {
    struct run r = {.count = count_for(row, peer), .width = row->width};
    if (row->one_core) {
        stay_on_this_core();
    }
    if (peer == OURS || peer == THREADS) {
        measure_here(peer == OURS ? row->ours : row->threads, r);
    }
    measure_there(peer == CRATES ? row->crates : row->tokio, row);
}

static struct run run_once(const struct row *row, enum peer peer) {
    struct run r = {.width = row->width};
    int ends[2], status = 1;
    need(pipe(ends) == 0, "pipe");
    pid_t child = fork();
    need(child >= 0, "fork");
    if (child == 0) {
        need(dup2(ends[1], STDOUT_FILENO) >= 0, "dup2");
        close(ends[0]);
        close(ends[1]);
        run_child(row, peer);
    }
    close(ends[1]);
    FILE *figures = fdopen(ends[0], "r");
    need(figures != NULL, "fdopen");
    int told = fscanf(figures, "%ld %lf %lf %lf %lf %lf", &r.count, &r.wall,
                      &r.cpu, &r.bytes, &r.late, &r.worst);
    fclose(figures);
    need(waitpid(child, &status, 0) == child, "waitpid");
    need(told == 6 && status == 0, row->name);
    return r;
}

// ---- Printing ----

// Nanoseconds of CPU time, and by the clock, for each of those counted.
static double cpu_each(const struct run *r) {
    return r->cpu * 1e9 / (double)r->count;
}

static double wall_each(const struct run *r) {
    return r->wall * 1e9 / (double)r->count;
}

static double cpu_of(const struct run *r) {
    return r->cpu;
}

static double late_of(const struct run *r) {
    return r->late;
}

static double worst_of(const struct run *r) {
    return r->worst;
}

static double bytes_of(const struct run *r) {
    return r->bytes;
}

// A number as people write it: 1,234,567, and 12.3 where it is small.
static const char *figure(double number, char text[32]) {
    char digits[32];
    if (number < 100) {
        snprintf(text, 32, "%.*f", number < 10 ? 2 : 1, number);
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

static int by_size(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

// The runs of a row: of each peer as many as there are rounds.
typedef struct run runs[PEERS][MOST_ROUNDS];

static double median(const struct run *r, int rounds,
                     double (*figure_of)(const struct run *r)) {
    double all[MOST_ROUNDS];
    for (int i = 0; i < rounds; i++) {
        all[i] = figure_of(&r[i]);
    }
    qsort(all, (size_t)rounds, sizeof all[0], by_size);
    return all[rounds / 2];
}

static void print_line(const struct row *row, runs r, const char *prefix,
                       const char *what,
                       double (*figure_of)(const struct run *r)) {
    char label[64], text[32];
    double medians[PEERS];
    snprintf(label, sizeof label, "%s%s", prefix, what);
    printf("%-30s", label);
    for (int p = 0; p < PEERS; p++) {
        medians[p] = -1;
        if (takes_part(row, (enum peer)p)) {
            medians[p] = median(r[p], rounds_of(row), figure_of);
        }
        printf("%8s", medians[p] < 0 ? "-" : figure(medians[p], text));
    }
    for (int p = CRATES; p <= TOKIO; p++) {
        snprintf(text, sizeof text, "%.2f", medians[OURS] / medians[p]);
        printf("%8s", medians[p] < 0 ? "-" : text);
    }
    printf("\n");
}

static void print_row(const struct row *row, runs r) {
    char item[64];
    snprintf(item, sizeof item, "%s: ", row->item);
    switch (row->figures) {
    case CPU:
        print_line(row, r, item, "CPU ns", cpu_each);
        break;
    case CLOCK_AND_CPU:
        print_line(row, r, item, "clock ns", wall_each);
        print_line(row, r, "    ", "CPU ns", cpu_each);
        break;
    case SLEEP:
        print_line(row, r, item, "CPU s", cpu_of);
        print_line(row, r, "    ", "late ms, median", late_of);
        print_line(row, r, "    ", "late ms, worst", worst_of);
        print_line(row, r, "    ", "bytes each", bytes_of);
        break;
    }
    fflush(stdout); // or the next child would print it once more
}

static void measure_row(const struct row *row) {
    static runs r;
    for (int round = 0; round < rounds_of(row); round++) {
        for (int p = 0; p < PEERS; p++) {
            if (takes_part(row, (enum peer)p)) {
                r[p][round] = run_once(row, (enum peer)p);
            }
        }
    }
    print_row(row, r);
}

// ---- The command line ----

static const struct row *find_row(const char *name) {
    for (int i = 0; i < ROWS; i++) {
        if (strcmp(rows[i].name, name) == 0) {
            return &rows[i];
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
    if (argc < 2) {
        fprintf(stderr, "usage: bench_runtime PEERS [ROW...]\n");
        return 2;
    }
    for (int i = 2; i < argc; i++) {
        if (find_row(argv[i]) == NULL) {
            return refuse(argv[i]);
        }
    }
    if (access(argv[1], X_OK) == 0) {
        peers_program = argv[1];
    }
    printf("%-30s%8s%8s%8s%8s%8s%8s\n", "item", "ours", "crates", "tokio",
           "threads", "/crates", "/tokio");
    fflush(stdout);
    for (int i = 0; i < ROWS && argc == 2; i++) {
        measure_row(&rows[i]);
    }
    for (int i = 2; i < argc; i++) {
        measure_row(find_row(argv[i]));
    }
    return 0;
}
