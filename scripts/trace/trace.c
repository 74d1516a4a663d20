#define _POSIX_C_SOURCE 200809L
// Lanes, their spans, and the file. Two things make it a little special.
//
// A run may be killed at any time, and what it did until then should still be
// there. So the file is mapped into memory and each line is written when its
// event begins: the kernel keeps it, whatever happens to us. A span that goes
// on stands there as a "B" event, with room left to make it an "X" event, with
// its duration, when it ends.
//
// A run may do something millions of times, and the file should still be small.
// So a span that is too short to be seen becomes a part of its neighbour. How
// short that is, the grain, doubles whenever the file is full.
#include "trace.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

enum {
    lane_limit = 16,         // of a group; one more is shared by all others
    file_size = 63 * 1024,   // so that it stays below 64 KiB
    file_plenty = 57 * 1024, // what may be left of it when it was full
    line_size = 400,         // longer than any line
    most_events = 1200,
    plenty_events = 1100,
    first_grain = 1000, // nanoseconds
    sign_room = 24,     // blanks for a name that may grow
    span_room = 64,     // blanks for what is known when a span ends
};

struct lane {
    enum lane_group group;
    int number;
    char name[32];
    int title; // the event that tells its name
    int open;  // the span that is going on, or -1
    int kept;  // while events are merged: its last span, or -1
    long members, alive;
    bool shared;
    bool owned;
    pthread_t owner;    // whose CPU clock it is
    int64_t cpu_mark;   // up to here its CPU time is told
    atomic_ulong polls; // not yet told
};

struct event {
    enum { NOTHING, RUN, TITLE, SPAN, SIGN, END } kind;
    struct lane *lane;
    enum lane_state state;
    struct about about; // of a sign: its name, and inside is who did it
    int64_t start, end; // end < 0: goes on
    unsigned long polls;
    int64_t cpu;   // nanoseconds; -1: not known
    int at, width; // its line in the file
};

// Guards all that follows. It is held for a microsecond, and only by those
// who begin or end something that can be seen.
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static struct lane lanes[3 * (lane_limit + 1)];
static int lane_count;
static struct event events[most_events];
static int event_count;
static unsigned long all_polls;
static int64_t grain = first_grain;
static char *file; // NULL: tracing is off, or over
static int fd, used;

static bool wanted; // set before main
static int64_t program_start;

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

// ---- One event, one line ----

struct line {
    char text[line_size];
    int size;
};

#define PRINT(line, ...)                                                       \
    ((line)->size +=                                                           \
     snprintf((line)->text + (line)->size, (size_t)(line_size - (line)->size), \
              __VA_ARGS__))

static const char *comma(bool *first) {
    const char *text = *first ? "" : ",";
    *first = false;
    return text;
}

static void print_text(struct line *l, bool *first, const char *key,
                       const char *value) {
    if (value != NULL) {
        PRINT(l, "%s\"%s\":\"%s\"", comma(first), key, value);
    }
}

static void print_number(struct line *l, bool *first, const char *key,
                         int64_t value) {
    PRINT(l, "%s\"%s\":%lld", comma(first), key, (long long)value);
}

static void print_span_args(struct line *l, const struct event *e) {
    bool first = true;
    const struct lane *with = e->about.with;
    int before = l->size;
    PRINT(l, ",\"args\":{");
    int empty = l->size;
    print_text(l, &first, "inside", e->about.inside);
    print_text(l, &first, "for", e->about.waits_for);
    if (with != NULL && e->about.inside != with->name) {
        print_text(l, &first, with->group == THREADS ? "thread" : "task",
                   with->name);
    }
    if (e->polls > 0) {
        print_number(l, &first, "polls", (int64_t)e->polls);
    }
    if (e->cpu >= 0) {
        print_number(l, &first, "cpu_us", e->cpu / 1000);
    }
    if (e->lane->shared) {
        print_number(l, &first, "lanes", e->lane->members);
    }
    if (l->size == empty) {
        l->size = before;
    } else {
        PRINT(l, "}");
    }
}

// Whole microseconds, rounded so that neighbours still meet.
static void print_span(struct line *l, const struct event *e) {
    static const char *const states[] = {"asleep", "waiting", "cpu", "ready",
                                         "parked"};
    PRINT(l, "{\"ph\":\"%c\",\"pid\":%d,\"tid\":%d,\"ts\":%lld,",
          e->end < 0 ? 'B' : 'X', (int)e->lane->group, e->lane->number,
          (long long)(e->start / 1000));
    if (e->end >= 0) {
        PRINT(l, "\"dur\":%lld,", (long long)(e->end / 1000 - e->start / 1000));
    }
    PRINT(l, "\"cat\":\"%s\",\"name\":\"%s%s%s\"", states[e->state],
          e->about.name, e->about.waits_for != NULL ? " " : "",
          e->about.waits_for != NULL ? e->about.waits_for : "");
    print_span_args(l, e);
    PRINT(l, "}");
}

static void print_sign(struct line *l, const struct event *e) {
    bool first = true;
    PRINT(l,
          "{\"ph\":\"i\",\"s\":\"t\",\"pid\":%d,\"tid\":%d,\"ts\":%lld,"
          "\"name\":\"%s\"",
          (int)e->lane->group, e->lane->number, (long long)(e->start / 1000),
          e->about.name);
    if (e->about.inside != NULL || e->about.waits_for != NULL) {
        PRINT(l, ",\"args\":{");
        print_text(l, &first, "by", e->about.inside);
        print_text(l, &first, "from", e->about.waits_for);
        PRINT(l, "}");
    }
    PRINT(l, "}");
}

static void print_title(struct line *l, const struct event *e) {
    static const char *const groups[] = {"", "threads", "tasks", "connections"};
    if (e->lane->number == 1) {
        PRINT(l,
              "{\"ph\":\"M\",\"name\":\"process_name\",\"pid\":%d,\"tid\":1,"
              "\"args\":{\"name\":\"%s\"}},\n",
              (int)e->lane->group, groups[e->lane->group]);
    }
    PRINT(l,
          "{\"ph\":\"M\",\"name\":\"thread_name\",\"pid\":%d,\"tid\":%d,"
          "\"args\":{\"name\":\"%s\"}}",
          (int)e->lane->group, e->lane->number, e->lane->name);
}

static const char *variable(const char *name) {
    const char *value = getenv(name);
    return value != NULL && strpbrk(value, "\"\\\n") == NULL ? value : "";
}

static void print_run(struct line *l) {
    PRINT(l,
          "{\"ph\":\"M\",\"name\":\"run\",\"pid\":1,\"tid\":1,"
          "\"args\":{\"program\":\"%.40s\",\"act\":\"%.40s\"}}",
          variable("TRACE_PROGRAM"), variable("TRACE_ACT"));
}

static void print_end(struct line *l, const struct event *e) {
    PRINT(l,
          "{\"ph\":\"M\",\"name\":\"end\",\"pid\":1,\"tid\":1,\"args\":"
          "{\"wall_us\":%lld,\"cpu_us\":%lld,\"polls\":%lu}}",
          (long long)(e->start / 1000), (long long)(e->cpu / 1000), e->polls);
}

static void print(struct line *l, const struct event *e) {
    l->size = 0;
    switch (e->kind) {
    case NOTHING:
        break;
    case RUN:
        print_run(l);
        break;
    case TITLE:
        print_title(l, e);
        break;
    case SPAN:
        print_span(l, e);
        break;
    case SIGN:
        print_sign(l, e);
        break;
    case END:
        print_end(l, e);
        break;
    }
    if (l->size > 0) {
        PRINT(l, ",");
    }
}

static int room_to_grow(const struct event *e) {
    if (e->kind == TITLE) {
        return sign_room;
    }
    return e->kind == SPAN && e->end < 0 ? span_room : 0;
}

// Writes the event's line at its place, or gives it one at the end.
static void show(struct event *e) {
    struct line l;
    print(&l, e);
    if (e->width == 0) {
        e->at = used;
        e->width = l.size + room_to_grow(e) + 1;
        used += e->width;
    }
    int size = l.size < e->width ? l.size : e->width - 1;
    memset(l.text + size, ' ', (size_t)(line_size - size));
    memcpy(file + e->at, l.text, (size_t)e->width - 1);
    file[e->at + e->width - 1] = '\n';
}

// ---- When the file is full ----

static bool same(const struct event *a, enum lane_state state,
                 const struct about *about) {
    return a->state == state && a->about.inside == about->inside &&
           a->about.with == about->with &&
           a->about.waits_for == about->waits_for &&
           a->about.name == about->name;
}

static bool is_short(const struct event *e) {
    return e->end >= 0 && e->end - e->start < grain;
}

// b becomes a part of a, which lies before or behind it.
static void swallow(struct event *a, struct event *b) {
    a->polls += b->polls;
    if (a->cpu >= 0 || b->cpu >= 0) {
        a->cpu = (a->cpu > 0 ? a->cpu : 0) + (b->cpu > 0 ? b->cpu : 0);
    }
    b->kind = NOTHING;
}

// e against the span before it on its lane.
static void merge_span(int i) {
    struct event *e = &events[i];
    struct lane *lane = e->lane;
    struct event *before = lane->kept >= 0 ? &events[lane->kept] : NULL;
    if (before != NULL && e->start - before->end < grain) {
        if (same(before, e->state, &e->about) || is_short(e)) {
            before->end = e->end;
            swallow(before, e);
            if (lane->open == i) {
                lane->open = lane->kept;
            }
            return;
        }
        if (is_short(before)) {
            e->start = before->start;
            swallow(e, before);
        }
    }
    lane->kept = i;
}

// The same sign on the same lane within one grain is told once.
static void merge_sign(int i) {
    struct event *e = &events[i];
    for (int j = i - 1; j >= 0; j--) {
        struct event *f = &events[j];
        if (f->kind == SIGN && f->lane == e->lane &&
            f->about.name == e->about.name) {
            e->kind = e->start - f->start < grain ? NOTHING : SIGN;
            return;
        }
    }
}

static void coarsen(void) {
    grain *= 2;
    for (int i = 0; i < lane_count; i++) {
        lanes[i].kept = -1;
    }
    for (int i = 0; i < event_count; i++) {
        if (events[i].kind == SPAN) {
            merge_span(i);
        } else if (events[i].kind == SIGN) {
            merge_sign(i);
        }
    }
}

// Moves the events together and writes all of the file again.
static void compact(void) {
    int count = 0;
    memset(file, ' ', file_size);
    file[0] = '[';
    file[1] = '\n';
    used = 2;
    for (int i = 0; i < event_count; i++) {
        if (events[i].kind == NOTHING) {
            continue;
        }
        if (events[i].kind == SPAN && events[i].lane->open == i) {
            events[i].lane->open = count;
        } else if (events[i].kind == TITLE) {
            events[i].lane->title = count;
        }
        events[count] = events[i];
        events[count].width = 0;
        show(&events[count]);
        count++;
    }
    event_count = count;
}

static bool is_full(void) {
    return event_count > plenty_events || used > file_plenty;
}

// RETURNS an empty event at the end, or NULL if nothing helps.
static struct event *new_event(void) {
    if (event_count == most_events || used + 2 * line_size > file_size) {
        compact();
        for (int i = 0; i < 40 && is_full(); i++) {
            coarsen();
            compact();
        }
    }
    if (event_count == most_events || used + 2 * line_size > file_size) {
        return NULL;
    }
    struct event *e = &events[event_count++];
    *e = (struct event){.end = -1, .cpu = -1};
    return e;
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

static struct lane *find_lane(enum lane_group group, int number) {
    for (int i = 0; i < lane_count; i++) {
        if (lanes[i].group == group && lanes[i].number == number) {
            return &lanes[i];
        }
    }
    return NULL;
}

static struct lane *new_lane(enum lane_group group, const char *name) {
    int number = 1;
    while (find_lane(group, number) != NULL) {
        number++;
    }
    struct event *e = new_event();
    struct lane *lane = &lanes[lane_count];
    if (e == NULL) {
        return NULL;
    }
    lane->group = group;
    lane->number = number;
    lane->open = -1;
    lane->title = (int)(e - events);
    set_name(lane, name);
    e->kind = TITLE;
    e->lane = lane;
    show(e);
    lane_count++;
    return lane;
}

static struct lane *crowds[4]; // by group

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
    crowd->alive++;
    // A large crowd is told now and then, and at the end.
    if (++crowd->members < 64 || crowd->members % 64 == 0) {
        snprintf(crowd->name, sizeof crowd->name, "%ld more", crowd->members);
        show(&events[crowd->title]);
    }
    return crowd;
}

struct lane *trace_lane(enum lane_group group, const char *name) {
    struct lane *lane = NULL;
    pthread_mutex_lock(&mutex);
    if (file != NULL) {
        lane = crowds[group] != NULL || find_lane(group, lane_limit) != NULL
                   ? join_crowd(group)
                   : new_lane(group, name);
    }
    pthread_mutex_unlock(&mutex);
    return lane;
}

struct lane *trace_lane_again(enum lane_group group, const char *name) {
    struct lane *lane = NULL;
    pthread_mutex_lock(&mutex);
    for (int i = 0; i < lane_count && lane == NULL; i++) {
        if (lanes[i].group == group && lanes[i].open < 0 &&
            strcmp(lanes[i].name, name) == 0) {
            lane = &lanes[i];
        }
    }
    pthread_mutex_unlock(&mutex);
    return lane != NULL ? lane : trace_lane(group, name);
}

void trace_rename(struct lane *lane, const char *name) {
    if (lane == NULL || lane->shared) {
        return;
    }
    pthread_mutex_lock(&mutex);
    set_name(lane, name);
    if (file != NULL) {
        show(&events[lane->title]);
    }
    pthread_mutex_unlock(&mutex);
}

const char *trace_name(const struct lane *lane) {
    return lane != NULL ? lane->name : NULL;
}

bool trace_is_shared(const struct lane *lane) {
    return lane != NULL && lane->shared;
}

void trace_own(struct lane *lane) {
    if (lane != NULL && !lane->shared) {
        pthread_mutex_lock(&mutex);
        lane->owned = true;
        lane->owner = pthread_self();
        lane->cpu_mark = read_clock(CLOCK_THREAD_CPUTIME_ID);
        pthread_mutex_unlock(&mutex);
    }
}

// ---- Spans ----

static unsigned long take_polls(struct lane *lane) {
    unsigned long polls =
        atomic_exchange_explicit(&lane->polls, 0, memory_order_relaxed);
    if (lane->group == THREADS) {
        all_polls += polls;
    }
    return polls;
}

// The clock is a system call. It is asked at the end of a span that can be
// seen and that used the CPU; at all other times it stands still.
static int64_t take_cpu(struct lane *lane, int64_t most) {
    clockid_t clock;
    if (!lane->owned || pthread_getcpuclockid(lane->owner, &clock) != 0) {
        return -1;
    }
    int64_t cpu = read_clock(clock) - lane->cpu_mark;
    cpu = cpu < most ? cpu : most;
    lane->cpu_mark += cpu;
    return cpu;
}

static void close_span(struct lane *lane, int64_t when) {
    struct event *e = &events[lane->open];
    lane->open = -1;
    e->end = when > e->start ? when : e->start;
    e->polls += take_polls(lane);
    if (e->state == ON_CPU) {
        int64_t cpu = take_cpu(lane, e->end - e->start);
        e->cpu = e->cpu > 0 && cpu >= 0 ? e->cpu + cpu : cpu;
    }
    show(e);
}

static void open_span(struct lane *lane, enum lane_state state,
                      struct about about, int64_t when) {
    struct event *e = new_event();
    if (e != NULL) {
        e->kind = SPAN;
        e->lane = lane;
        e->state = state;
        e->about = about;
        e->start = when;
        lane->open = (int)(e - events);
        show(e);
    }
}

// The lane's span before the one that is open, if they meet; or NULL. It is
// looked for among the last few: it is an optimisation, not a promise.
static struct event *span_before(const struct lane *lane) {
    int last = lane->open > 24 ? lane->open - 24 : 0;
    for (int i = lane->open - 1; i >= last; i--) {
        if (events[i].kind == SPAN && events[i].lane == lane) {
            return events[i].end == events[lane->open].start ? &events[i]
                                                             : NULL;
        }
    }
    return NULL;
}

static void erase(struct event *e) {
    e->kind = NOTHING;
    if (e == &events[event_count - 1]) {
        event_count--;
        used = e->at;
        memset(file + e->at, ' ', (size_t)e->width);
        file[e->at + e->width - 1] = '\n';
    } else {
        show(e);
    }
}

// What was going on was too short to be seen. If the one before goes on now,
// there was no break; else the new one began a little earlier.
static void replace_span(struct lane *lane, enum lane_state state,
                         struct about about) {
    struct event *e = &events[lane->open];
    struct event *before = span_before(lane);
    if (before != NULL && same(before, state, &about)) {
        before->end = -1;
        before->polls += e->polls;
        lane->open = (int)(before - events);
        erase(e);
        show(before);
    } else {
        e->state = state;
        e->about = about;
        e->width = e == &events[event_count - 1] ? 0 : e->width;
        used = e->width == 0 ? e->at : used;
        show(e);
    }
}

static void enter(struct lane *lane, enum lane_state state, struct about about,
                  int64_t when) {
    if (lane->open < 0) {
        open_span(lane, state, about, when);
        return;
    }
    struct event *e = &events[lane->open];
    if (same(e, state, &about)) {
        return;
    }
    if (when - e->start < grain) {
        replace_span(lane, state, about);
    } else {
        close_span(lane, when);
        open_span(lane, state, about, when);
    }
}

// One state for many, and nobody is singled out: some newcomer is always
// ready, but what they do is to wait.
static void enter_crowd(struct lane *lane, enum lane_state state,
                        struct about about, int64_t when) {
    if (state != READY || lane->open < 0) {
        enter(lane, state, (struct about){.name = about.name}, when);
    }
}

void trace_enter(struct lane *lane, enum lane_state state, struct about about,
                 int64_t when) {
    if (lane == NULL || (lane->shared && state == ON_CPU)) {
        return;
    }
    pthread_mutex_lock(&mutex);
    if (file != NULL && lane->shared) {
        enter_crowd(lane, state, about, when);
    } else if (file != NULL) {
        enter(lane, state, about, when);
    }
    pthread_mutex_unlock(&mutex);
}

// Only one thread counts at a time, so it need not be one indivisible step.
void trace_count_poll(struct lane *lane) {
    unsigned long polls =
        atomic_load_explicit(&lane->polls, memory_order_relaxed);
    atomic_store_explicit(&lane->polls, polls + 1, memory_order_relaxed);
}

void trace_leave(struct lane *lane, int64_t when) {
    if (lane == NULL) {
        return;
    }
    pthread_mutex_lock(&mutex);
    if (file != NULL && (!lane->shared || --lane->alive == 0) &&
        lane->open >= 0) {
        close_span(lane, when);
    }
    pthread_mutex_unlock(&mutex);
}

void trace_sign(struct lane *lane, const char *name, const char *by,
                const char *from, int64_t when) {
    if (lane == NULL || lane->shared) {
        return;
    }
    pthread_mutex_lock(&mutex);
    struct event *e = file != NULL ? new_event() : NULL;
    if (e != NULL) {
        e->kind = SIGN;
        e->lane = lane;
        e->about = (struct about){name, by, from, NULL};
        e->start = when;
        show(e);
    }
    pthread_mutex_unlock(&mutex);
}

// ---- The beginning and the end of the program ----

static void close_all(int64_t now) {
    for (int i = 0; i < lane_count; i++) {
        if (lanes[i].shared) {
            snprintf(lanes[i].name, sizeof lanes[i].name, "%ld more",
                     lanes[i].members);
        }
        if (lanes[i].open >= 0) {
            close_span(&lanes[i], now);
        }
        (void)take_polls(&lanes[i]);
    }
}

static void close_file(void) {
    munmap(file, file_size);
    file = NULL;
    (void)!ftruncate(fd, used); // else it has blanks at its end: no harm
    close(fd);
}

// Runs after the program's own exit handlers, because it was registered before
// any of them. Threads that still run find that the trace is over.
static void finish(void) {
    pthread_mutex_lock(&mutex);
    if (file != NULL) {
        int64_t now = trace_now();
        close_all(now);
        struct event *e = new_event();
        if (e != NULL) {
            e->kind = END;
            e->start = now;
            e->cpu = read_clock(CLOCK_PROCESS_CPUTIME_ID);
            e->polls = all_polls;
        }
        compact();
        close_file();
    }
    pthread_mutex_unlock(&mutex);
}

// A trace is of one process. A child must not write into its parent's.
static void forget(void) {
    file = NULL;
}

static bool open_file(const char *path) {
    fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (fd < 0 || ftruncate(fd, file_size) != 0) {
        return false;
    }
    void *map =
        mmap(NULL, file_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    file = map != MAP_FAILED ? map : NULL;
    return file != NULL;
}

// A constructor: it runs before main. The file is told by the environment, so
// that the command line stays the chapter's own.
__attribute__((constructor(101))) static void begin(void) {
    const char *path = getenv("TRACE_FILE");
    if (path == NULL || path[0] == '\0') {
        return;
    }
    if (!open_file(path) || atexit(finish) != 0 ||
        pthread_atfork(NULL, NULL, forget) != 0) {
        perror(path);
        file = NULL;
        return;
    }
    program_start = read_clock(CLOCK_MONOTONIC);
    wanted = true;
    new_event()->kind = RUN;
    compact();
}
