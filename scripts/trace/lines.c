#define _POSIX_C_SOURCE 200809L
// An event as a line of JSON, in the words of Chrome's trace event format: "X"
// is a span, "B" the beginning of one, "i" an instant, "M" says what is what.
#include "events.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PRINT(line, ...)                                                       \
    ((line)->size +=                                                           \
     snprintf((line)->text + (line)->size, (size_t)(line_size - (line)->size), \
              __VA_ARGS__))

// ---- Arguments: {"key":value,...} ----

static void begin_args(struct line *l) {
    PRINT(l, ",\"args\":{");
}

// Without arguments the braces are taken back.
static void end_args(struct line *l) {
    static const char none[] = ",\"args\":{";
    if (l->text[l->size - 1] == '{') {
        l->size -= (int)sizeof none - 1;
    } else {
        PRINT(l, "}");
    }
}

static void print_key(struct line *l, const char *key) {
    PRINT(l, "%s\"%s\":", l->text[l->size - 1] == '{' ? "" : ",", key);
}

static void print_text(struct line *l, const char *key, const char *value) {
    if (value != NULL) {
        print_key(l, key);
        PRINT(l, "\"%s\"", value);
    }
}

static void print_number(struct line *l, const char *key, int64_t value) {
    print_key(l, key);
    PRINT(l, "%lld", (long long)value);
}

// ---- Spans and signs ----

static void print_span_args(struct line *l, const struct event *e,
                            const struct about *about) {
    const struct lane *with = about->with;
    begin_args(l);
    print_text(l, "inside", about->inside);
    print_text(l, "for", about->waits_for);
    if (with != NULL && about->inside != with->name) {
        print_text(l, with->group == THREADS ? "thread" : "task", with->name);
    }
    if (e->polls > 0) {
        print_number(l, "polls", (int64_t)e->polls);
    }
    if (e->cpu >= 0 && e->is.state == ON_CPU) {
        print_number(l, "cpu_us", e->cpu / 1000);
    }
    if (e->lane->shared) {
        print_number(l, "lanes", e->lane->members);
    }
    end_args(l);
}

// Whole microseconds, rounded so that neighbours still meet.
static void print_span(struct line *l, const struct event *e) {
    static const char *const names[states] = {"asleep", "waiting", "cpu",
                                              "ready", "parked"};
    const struct doing *it = e->end < 0 ? &e->now : &e->is;
    const char *whom = it->about.waits_for;
    PRINT(l, "{\"ph\":\"%c\",\"pid\":%d,\"tid\":%d,\"ts\":%lld,",
          e->end < 0 ? 'B' : 'X', (int)e->lane->group, e->lane->number,
          (long long)(e->start / 1000));
    if (e->end >= 0) {
        PRINT(l, "\"dur\":%lld,", (long long)(e->end / 1000 - e->start / 1000));
    }
    PRINT(l, "\"cat\":\"%s\",\"name\":\"%s%s%s\"", names[it->state],
          it->about.name, whom != NULL ? " " : "", whom != NULL ? whom : "");
    print_span_args(l, e, &it->about);
    PRINT(l, "}");
}

static void print_sign(struct line *l, const struct event *e) {
    PRINT(l,
          "{\"ph\":\"i\",\"s\":\"t\",\"pid\":%d,\"tid\":%d,\"ts\":%lld,"
          "\"name\":\"%s\"",
          (int)e->lane->group, e->lane->number, (long long)(e->start / 1000),
          e->is.about.name);
    begin_args(l);
    print_text(l, "by", e->is.about.inside);
    print_text(l, "from", e->is.about.waits_for);
    end_args(l);
    PRINT(l, "}");
}

// ---- Metadata ----

static void print_metadata(struct line *l, const char *name,
                           const struct lane *lane) {
    PRINT(l, "{\"ph\":\"M\",\"name\":\"%s\",\"pid\":%d,\"tid\":%d", name,
          lane != NULL ? (int)lane->group : 1, lane != NULL ? lane->number : 1);
    begin_args(l);
}

static void end_metadata(struct line *l) {
    end_args(l);
    PRINT(l, "}");
}

// The first lane of a group also names the group.
static void print_title(struct line *l, const struct event *e) {
    static const char *const groups[] = {"", "threads", "tasks", "connections"};
    if (e->lane->number == 1) {
        print_metadata(l, "process_name", e->lane);
        print_text(l, "name", groups[e->lane->group]);
        end_metadata(l);
        PRINT(l, ",\n");
    }
    print_metadata(l, "thread_name", e->lane);
    print_text(l, "name", e->lane->name);
    end_metadata(l);
}

// What was played is told by who plays it: nothing in the program knows.
static const char *variable(const char *name) {
    const char *value = getenv(name);
    return value != NULL && strlen(value) < 60 &&
                   strpbrk(value, "\"\\\n") == NULL
               ? value
               : "";
}

static void print_run(struct line *l) {
    print_metadata(l, "run", NULL);
    print_text(l, "program", variable("TRACE_PROGRAM"));
    print_text(l, "act", variable("TRACE_ACT"));
    end_metadata(l);
}

// Only for who judges a run; see trace.h.
static void print_counts(struct line *l) {
    if (trace_counted(SLEEPS) < 0) {
        return;
    }
    print_number(l, "sleeps", trace_counted(SLEEPS));
    print_number(l, "sleeps_inside", trace_counted(SLEEPS_INSIDE));
    print_number(l, "joins", trace_counted(JOINS));
    print_number(l, "results_on_stack", trace_counted(RESULTS_ON_STACK));
    print_number(l, "most_asleep", trace_counted(MOST_ASLEEP));
    print_number(l, "most_polls", trace_counted(MOST_POLLS));
    print_number(l, "open_polls", trace_counted(OPEN_POLLS));
    print_number(l, "blocked_polls", trace_counted(BLOCKED_POLLS));
    print_number(l, "longest_poll_us", trace_counted(LONGEST_POLL_US));
    print_number(l, "timeouts", trace_counted(TIMEOUTS));
    print_number(l, "scene", trace_counted(SCENE));
    print_number(l, "threads_made", trace_counted(THREADS_MADE));
}

static void print_end(struct line *l, const struct event *e) {
    print_metadata(l, "end", NULL);
    print_number(l, "wall_us", e->start / 1000);
    print_number(l, "cpu_us", e->cpu / 1000);
    print_number(l, "polls", (int64_t)e->polls);
    print_counts(l);
    end_metadata(l);
}

void line_print(struct line *l, const struct event *e) {
    l->size = 0;
    switch (e->kind) {
    case NOTHING:
        return;
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
    PRINT(l, ",");
}
