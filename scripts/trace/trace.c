#define _POSIX_C_SOURCE 200809L
// Lanes and their spans. The events that they are made of, and the file, are in
// events.c.
#include "trace.h"

#include "events.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { lane_limit = 16 }; // of a group; one more is shared by all others

// Guards all lanes and events. It is held for a microsecond, and only by those
// who begin or end something that can be seen.
static atomic_flag mutex = ATOMIC_FLAG_INIT;
struct lane trace_lanes[3 * (lane_limit + 1)];
int trace_lane_count;
static struct lane *crowds[4]; // by group: the lane that is shared
static unsigned long all_polls;

static bool wanted; // set before main
static int64_t program_start;
static int64_t loading_cpu; // what was used until then, to load the program

bool trace_is_on(void) {
    return wanted;
}

static int64_t read_clock(clockid_t clock) {
    struct timespec t;
    clock_gettime(clock, &t);
    return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

int64_t trace_now(void) {
    return read_clock(CLOCK_MONOTONIC) - program_start;
}

// False: the trace is over, or there never was one. Then the lock is not held.
static bool lock(void) {
    trace_lock(&mutex);
    if (events_are_open()) {
        return true;
    }
    trace_unlock(&mutex);
    return false;
}

static void unlock(void) {
    trace_unlock(&mutex);
}

// ---- Lanes ----

// A name comes from the program, so it may hold anything.
static void set_name(struct lane *lane, const char *name) {
    size_t size = 0;
    for (; *name != '\0' && size < sizeof lane->name - 1; name++) {
        if (*name >= ' ' && *name <= '~' && *name != '"' && *name != '\\') {
            lane->name[size++] = *name;
        }
    }
    lane->name[size] = '\0';
}

static int count_lanes(enum lane_group group) {
    int count = 0;
    for (int i = 0; i < trace_lane_count; i++) {
        count += trace_lanes[i].group == group;
    }
    return count;
}

static struct lane *new_lane(enum lane_group group, const char *name) {
    struct event *e = events_add();
    if (e == NULL) {
        return NULL;
    }
    struct lane *lane = &trace_lanes[trace_lane_count];
    lane->group = group;
    lane->number = count_lanes(group) + 1;
    lane->open = -1;
    lane->title = (int)(e - trace_events);
    set_name(lane, name);
    trace_lane_count++;
    e->kind = TITLE;
    e->lane = lane;
    events_show(e);
    return lane;
}

static void name_crowd(struct lane *crowd) {
    snprintf(crowd->name, sizeof crowd->name, "%ld more", crowd->members);
    events_show(&trace_events[crowd->title]);
}

// A large crowd is told now and then, and at the end.
static struct lane *join_crowd(enum lane_group group) {
    struct lane *crowd = crowds[group];
    if (crowd == NULL) {
        crowd = new_lane(group, "1 more");
        if (crowd == NULL) {
            return NULL;
        }
        crowd->shared = true;
        crowds[group] = crowd;
    }
    crowd->members++;
    crowd->alive++;
    if (crowd->members < 64 || crowd->members % 64 == 0) {
        name_crowd(crowd);
    }
    return crowd;
}

static struct lane *make_lane(enum lane_group group, const char *name) {
    return crowds[group] == NULL && count_lanes(group) < lane_limit
               ? new_lane(group, name)
               : join_crowd(group);
}

struct lane *trace_lane(enum lane_group group, const char *name) {
    struct lane *lane = NULL;
    if (lock()) {
        lane = make_lane(group, name);
        unlock();
    }
    return lane;
}

static struct lane *find_ended(enum lane_group group, const char *name) {
    for (int i = 0; i < trace_lane_count; i++) {
        struct lane *lane = &trace_lanes[i];
        if (lane->group == group && lane->open < 0 &&
            strcmp(lane->name, name) == 0) {
            return lane;
        }
    }
    return NULL;
}

struct lane *trace_lane_again(enum lane_group group, const char *name) {
    struct lane *lane = NULL;
    if (lock()) {
        lane = find_ended(group, name);
        lane = lane != NULL ? lane : make_lane(group, name);
        unlock();
    }
    return lane;
}

void trace_rename(struct lane *lane, const char *name) {
    if (lane != NULL && !lane->shared && lock()) {
        set_name(lane, name);
        events_show(&trace_events[lane->title]);
        unlock();
    }
}

const char *trace_name(const struct lane *lane) {
    return lane != NULL ? lane->name : NULL;
}

bool trace_is_shared(const struct lane *lane) {
    return lane != NULL && lane->shared;
}

void trace_own(struct lane *lane) {
    if (lane != NULL && !lane->shared && lock()) {
        lane->owned = true;
        lane->owner = pthread_self();
        lane->cpu_told = read_clock(CLOCK_THREAD_CPUTIME_ID);
        unlock();
    }
}

// ---- The end of a span ----

static unsigned long take_polls(struct lane *lane) {
    unsigned long polls =
        atomic_exchange_explicit(&lane->polls, 0, memory_order_relaxed);
    if (lane->group == THREADS) {
        all_polls += polls;
    }
    return polls;
}

// The clock is a system call, so it is asked only when a span ends that used
// the CPU. For the rest of the time it stands still.
static int64_t take_cpu(struct lane *lane, int64_t most) {
    clockid_t clock;
    if (!lane->owned || pthread_getcpuclockid(lane->owner, &clock) != 0) {
        return -1;
    }
    int64_t cpu = read_clock(clock) - lane->cpu_told;
    cpu = cpu < most ? cpu : most;
    lane->cpu_told += cpu;
    return cpu;
}

// What it has done up to now is added up; what took longest is what it is.
static void add_up(struct event *e, int64_t when) {
    if (when > e->now_since) {
        e->took[e->now.state] += when - e->now_since;
        e->now_since = when;
    }
    if (e->took[e->now.state] >= e->took[e->is.state]) {
        e->is = e->now;
    }
}

static void close_span(struct lane *lane, int64_t when) {
    struct event *e = &trace_events[lane->open];
    lane->open = -1;
    add_up(e, when);
    e->end = e->now_since;
    e->polls += take_polls(lane);
    int64_t on_cpu = e->took[ON_CPU] - (e->cpu > 0 ? e->cpu : 0);
    if (on_cpu > 0) {
        int64_t cpu = take_cpu(lane, on_cpu);
        e->cpu = e->cpu > 0 && cpu > 0 ? e->cpu + cpu : cpu;
    }
    events_show(e);
}

// ---- The beginning of a span ----

static void open_span(struct lane *lane, struct doing doing, int64_t when) {
    struct event *e = events_add();
    if (e != NULL) {
        e->kind = SPAN;
        e->lane = lane;
        e->is = e->now = doing;
        e->start = e->now_since = when;
        lane->open = (int)(e - trace_events);
        events_show(e);
    }
}

// The lane's span before the one that is open, if they meet; or NULL. It is
// looked for among the last few: that finds most, and the rest does no harm.
static struct event *span_before(const struct lane *lane) {
    const struct event *open = &trace_events[lane->open];
    int last = lane->open > 24 ? lane->open - 24 : 0;
    for (int i = lane->open - 1; i >= last; i--) {
        struct event *e = &trace_events[i];
        if (e->kind == SPAN && e->lane == lane) {
            return e->end == open->start ? e : NULL;
        }
    }
    return NULL;
}

// What was going on was too short to be seen. If the one before goes on now,
// there was no break; else it becomes the beginning of what follows.
static void change_span(struct lane *lane, struct doing doing) {
    struct event *e = &trace_events[lane->open];
    struct event *before = span_before(lane);
    if (before != NULL && events_same(&before->is, &doing)) {
        before->end = -1;
        before->now_since = e->now_since;
        events_swallow(before, e);
        lane->open = (int)(before - trace_events);
        events_erase(e);
        e = before;
    }
    e->now = doing;
    events_show(e);
}

static void enter(struct lane *lane, struct doing doing, int64_t when) {
    if (lane->open < 0) {
        open_span(lane, doing, when);
        return;
    }
    struct event *e = &trace_events[lane->open];
    if (events_same(&e->now, &doing)) {
        return;
    }
    add_up(e, when);
    if (when - e->start < trace_grain) {
        change_span(lane, doing);
    } else {
        close_span(lane, when);
        open_span(lane, doing, when);
    }
}

// One state for many, and nobody is singled out: some newcomer is always
// ready, but what they do is to wait.
static void enter_crowd(struct lane *lane, struct doing doing, int64_t when) {
    if (doing.state != READY || lane->open < 0) {
        doing.about = (struct about){.name = doing.about.name};
        enter(lane, doing, when);
    }
}

void trace_enter(struct lane *lane, enum lane_state state, struct about about,
                 int64_t when) {
    struct doing doing = {state, about};
    if (lane == NULL || (lane->shared && state == ON_CPU) || !lock()) {
        return;
    }
    if (lane->shared) {
        enter_crowd(lane, doing, when);
    } else {
        enter(lane, doing, when);
    }
    unlock();
}

// ---- Polls, signs, the end of a lane ----

// Only one thread counts at a time, so it need not be one indivisible step.
void trace_count_poll(struct lane *lane) {
    unsigned long polls =
        atomic_load_explicit(&lane->polls, memory_order_relaxed);
    atomic_store_explicit(&lane->polls, polls + 1, memory_order_relaxed);
}

void trace_leave(struct lane *lane, int64_t when) {
    if (lane == NULL || !lock()) {
        return;
    }
    if ((!lane->shared || --lane->alive == 0) && lane->open >= 0) {
        close_span(lane, when);
    }
    unlock();
}

void trace_sign(struct lane *lane, const char *name, const char *by,
                const char *from, int64_t when) {
    if (lane == NULL || lane->shared || !lock()) {
        return;
    }
    struct event *e = events_add();
    if (e != NULL) {
        e->kind = SIGN;
        e->lane = lane;
        e->is.about = (struct about){name, by, from, NULL};
        e->start = when;
        events_show(e);
    }
    unlock();
}

// ---- The beginning and the end of the program ----

static void tell_end(int64_t cpu, int64_t now) {
    struct event *e = events_add();
    if (e != NULL) {
        e->kind = END;
        e->start = now;
        e->cpu = cpu;
        e->polls = all_polls;
        events_show(e);
    }
}

// ---- What is counted exactly ----

static atomic_long counts[trace_counts];
static bool counting; // set before main

void trace_count(enum trace_count what) {
    if (counting) {
        atomic_fetch_add_explicit(&counts[what], 1, memory_order_relaxed);
    }
}

bool trace_counting(void) {
    return counting;
}

void trace_set(enum trace_count what, long value) {
    atomic_store(&counts[what], value);
}

void trace_most(enum trace_count what, long value) {
    long most = atomic_load(&counts[what]);
    while (value > most &&
           !atomic_compare_exchange_weak(&counts[what], &most, value)) {
    }
}

void trace_at_once(enum trace_count what, atomic_long *now, int change) {
    if (!counting) {
        return;
    }
    long n = atomic_fetch_add(now, change) + change;
    if (what == MOST_POLLS) {
        atomic_store(&counts[OPEN_POLLS], n);
    }
    trace_most(what, n);
}

long trace_counted(enum trace_count what) {
    return counting ? atomic_load_explicit(&counts[what], memory_order_relaxed)
                    : -1;
}

// ---- The end ----

static void finish_locked(void) {
    // The CPU time is read last at the beginning and first at the end: so it is
    // of no longer a time than the clock tells.
    int64_t cpu = read_clock(CLOCK_PROCESS_CPUTIME_ID) - loading_cpu;
    int64_t now = trace_now();
    for (int i = 0; i < trace_lane_count; i++) {
        struct lane *lane = &trace_lanes[i];
        if (lane->shared) {
            name_crowd(lane);
        }
        if (lane->open >= 0) {
            close_span(lane, now);
        }
        (void)take_polls(lane);
    }
    tell_end(cpu, now);
    events_close();
    unlock();
}

// Runs after the program's own exit handlers, because it was registered before
// any of them. Threads that still run find that the trace is over.
static void finish(void) {
    if (lock()) {
        finish_locked();
    }
}

// It may be called in the middle of anything: who holds the lock may be us.
void trace_finish(void) {
    for (int i = 0; i < 1000; i++) {
        if (trace_try_lock(&mutex)) {
            if (events_are_open()) {
                finish_locked();
            } else {
                trace_unlock(&mutex);
            }
            return;
        }
        (void)sched_yield();
    }
}

// A constructor: it runs before main. The file is told by the environment, so
// that the command line stays the chapter's own. A trace is of one process, and
// a child must not write into its parent's.
__attribute__((constructor(101))) static void begin(void) {
    const char *path = getenv("TRACE_FILE");
    counting = getenv("TRACE_COUNTS") != NULL;
    if (path == NULL || path[0] == '\0') {
        return;
    }
    if (!events_open(path) || atexit(finish) != 0 ||
        pthread_atfork(NULL, NULL, events_forget) != 0) {
        perror(path);
        events_forget();
        return;
    }
    program_start = read_clock(CLOCK_MONOTONIC);
    loading_cpu = read_clock(CLOCK_PROCESS_CPUTIME_ID);
    wanted = true;
    struct event *e = events_add();
    e->kind = RUN;
    events_show(e);
}
