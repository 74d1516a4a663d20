#define _POSIX_C_SOURCE 200809L
// From lines of JSON to lanes of spans. It trusts no number and no order.
#include "trace.h"

#include "crop.h"
#include "json.h"
#include "need.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// A traced run writes less than 64 KB. This is the point where a wrong file is
// more likely than a long run.
static const size_t largest_file = 64UL << 20;

// More than a screen holds. What comes after them is left out.
static const size_t most_lanes = 1000;

// About three years. Beyond it a double no longer holds each microsecond.
static const double latest = 1e14;

// Calls in calls in calls: no lane goes deeper.
static const size_t deepest = 16;

// ---- Lanes ----

static struct lane *add_lane(struct trace *t, int group, int number) {
    t->lanes = grown(t->lanes, t->lane_count, sizeof *t->lanes);
    struct lane *lane = &t->lanes[t->lane_count++];
    *lane = (struct lane){.group = group, .number = number};
    return lane;
}

// The lane that an event belongs to. Events of one lane often follow each
// other, so the last lane is looked at first. RETURNS NULL if there is none.
static struct lane *lane_of(struct trace *t, const struct json_object *o) {
    double group = json_number(o, NULL, "pid", 0);
    double number = json_number(o, NULL, "tid", 0);
    if (!(group >= THREADS && group <= STREAMS && number >= 0 &&
          number < 1e9)) {
        return NULL;
    }
    for (size_t i = t->lane_count; i-- > 0;) {
        struct lane *lane = &t->lanes[i];
        if (lane->group == (int)group && lane->number == (int)number) {
            return lane;
        }
    }
    return t->lane_count < most_lanes ? add_lane(t, (int)group, (int)number)
                                      : NULL;
}

// ---- Events ----

static double time_in(double value) {
    if (!(value > 0)) { // also what is not a number at all
        return 0;
    }
    return value < latest ? value : latest;
}

static double time_of(struct trace *t, const struct json_object *o) {
    double at = time_in(json_number(o, NULL, "ts", 0));
    t->last = at > t->last ? at : t->last;
    return at;
}

static enum state state_of(const struct json_object *o) {
    static const char *const names[states] = {"asleep", "waiting", "cpu",
                                              "ready", "parked"};
    const char *name = json_text(o, NULL, "cat", "");
    int state = 0;
    while (state < states && strcmp(name, names[state]) != 0) {
        state++;
    }
    return state;
}

static struct span span_of(struct trace *t, const struct json_object *o) {
    struct span s = {.start = time_of(t, o), .state = state_of(o)};
    s.end = s.start;
    s.inside = json_text(o, "args", "inside", NULL);
    s.with = json_text(o, "args", "task", json_text(o, "args", "thread", NULL));
    s.awaits = json_text(o, "args", "for", NULL);
    s.polls = time_in(json_number(o, "args", "polls", 0));
    double cpu = json_number(o, "args", "cpu_us", -1);
    s.cpu = cpu >= 0 ? time_in(cpu) : -1;
    return s;
}

static void add_span(struct trace *t, struct lane *lane, struct span s) {
    if (s.state == NO_STATE) {
        return;
    }
    lane->spans = grown(lane->spans, lane->span_count, sizeof s);
    lane->spans[lane->span_count++] = s;
    t->last = s.end > t->last ? s.end : t->last;
}

static void on_span(struct trace *t, struct lane *lane,
                    const struct json_object *o) {
    struct span s = span_of(t, o);
    s.end = time_in(s.start + time_in(json_number(o, NULL, "dur", 0)));
    add_span(t, lane, s);
}

// The part of the innermost open span up to now. Its polls are counted once.
static void close_part(struct trace *t, struct lane *lane, double now) {
    struct span *s = &lane->open[lane->open_count - 1];
    if (now > s->start) {
        s->end = now;
        add_span(t, lane, *s);
        s->start = now;
        s->polls = 0;
        s->cpu = s->cpu > 0 ? 0 : s->cpu;
    }
}

// A span that begins within another one hides it, until it ends.
static void on_begin(struct trace *t, struct lane *lane,
                     const struct json_object *o) {
    struct span s = span_of(t, o);
    if (lane->open_count == deepest) {
        return;
    }
    if (lane->open_count > 0) {
        close_part(t, lane, s.start);
    }
    lane->open = grown(lane->open, lane->open_count, sizeof s);
    lane->open[lane->open_count++] = s;
}

static void on_end(struct trace *t, struct lane *lane, double now) {
    if (lane->open_count == 0) {
        return;
    }
    close_part(t, lane, now);
    lane->open_count--;
    if (lane->open_count > 0) {
        lane->open[lane->open_count - 1].start = now;
    }
}

static enum mark mark_of(const struct json_object *o) {
    static const char *const names[marks] = {
        [MARK_BYTES_OUT] = "bytes out", [MARK_BYTES_IN] = "bytes in",
        [MARK_START] = "start",         [MARK_END] = "end",
        [MARK_STOLEN] = "stolen",       [MARK_CANCELLED] = "cancelled",
        [MARK_PANIC] = "panic",
    };
    const char *name = json_text(o, NULL, "name", "");
    for (int mark = marks - 1; mark > 0; mark--) {
        if (names[mark] != NULL && strcmp(name, names[mark]) == 0) {
            return mark;
        }
    }
    return MARK_NONE;
}

static void on_instant(struct trace *t, struct lane *lane,
                       const struct json_object *o) {
    struct moment m = {.at = time_of(t, o), .mark = mark_of(o)};
    m.by = json_text(o, "args", "by", NULL);
    m.from = json_text(o, "args", "from", NULL);
    if (m.mark != MARK_NONE) {
        lane->moments = grown(lane->moments, lane->moment_count, sizeof m);
        lane->moments[lane->moment_count++] = m;
    }
}

static void on_metadata(struct trace *t, const struct json_object *o) {
    const char *name = json_text(o, NULL, "name", "");
    if (strcmp(name, "thread_name") == 0) {
        struct lane *lane = lane_of(t, o);
        const char *label = json_text(o, "args", "name", NULL);
        if (lane != NULL && label != NULL) {
            lane->name = label;
        }
    } else if (strcmp(name, "run") == 0) {
        t->program = json_text(o, "args", "program", t->program);
        t->act = json_text(o, "args", "act", t->act);
    } else if (strcmp(name, "end") == 0) {
        t->ended = true;
        t->wall = time_in(json_number(o, "args", "wall_us", 0));
        t->cpu = time_in(json_number(o, "args", "cpu_us", 0));
        t->polls = time_in(json_number(o, "args", "polls", 0));
        double status = json_number(o, "args", "status", 0);
        t->status = status > -1000 && status < 1000 ? (int)status : -1;
    }
}

static void on_event(struct trace *t, const struct json_object *o) {
    char phase = json_text(o, NULL, "ph", "")[0];
    if (phase == 'M') {
        on_metadata(t, o);
        return;
    }
    struct lane *lane = lane_of(t, o);
    if (lane == NULL) {
        return;
    }
    if (phase == 'X') {
        on_span(t, lane, o);
    } else if (phase == 'B') {
        on_begin(t, lane, o);
    } else if (phase == 'E') {
        on_end(t, lane, time_of(t, o));
    } else if (phase == 'i') {
        on_instant(t, lane, o);
    }
}

// ---- Putting in order ----

static int by_number(const void *a, const void *b) {
    const struct lane *x = a;
    const struct lane *y = b;
    return x->group != y->group ? x->group - y->group : x->number - y->number;
}

static int by_start(const void *a, const void *b) {
    const struct span *x = a;
    const struct span *y = b;
    return (x->start > y->start) - (x->start < y->start);
}

static int by_time(const void *a, const void *b) {
    const struct moment *x = a;
    const struct moment *y = b;
    return (x->at > y->at) - (x->at < y->at);
}

static void name_lane(struct lane *lane) {
    static const char *const kinds[] = {"", "thread", "task", "connection"};
    if (lane->name == NULL || lane->name[0] == '\0') {
        snprintf(lane->own_name, sizeof lane->own_name, "%s %d",
                 kinds[lane->group], lane->number);
        lane->name = lane->own_name;
    }
}

// What is still open when the file ends goes on to its last time stamp. Lanes
// move no more from here on, so their names may stand in them.
static void finish(struct trace *t) {
    if (t->lane_count > 0) {
        qsort(t->lanes, t->lane_count, sizeof *t->lanes, by_number);
    }
    for (size_t i = 0; i < t->lane_count; i++) {
        struct lane *lane = &t->lanes[i];
        name_lane(lane);
        while (lane->open_count > 0) {
            on_end(t, lane, t->last);
        }
        if (lane->span_count > 0) {
            qsort(lane->spans, lane->span_count, sizeof *lane->spans, by_start);
        }
        if (lane->moment_count > 0) {
            qsort(lane->moments, lane->moment_count, sizeof *lane->moments,
                  by_time);
        }
    }
}

// A run that was killed could not add up. What the threads' lanes tell is less
// than all, but true.
static void add_up(struct trace *t) {
    t->cpu = -1;
    for (size_t i = 0; i < t->lane_count; i++) {
        const struct lane *lane = &t->lanes[i];
        for (size_t j = 0; lane->group == THREADS && j < lane->span_count;
             j++) {
            t->polls += lane->spans[j].polls;
        }
    }
}

// ---- The file ----

static void read_line(struct trace *t, char *line, bool is_last) {
    struct json_object o;
    line += strspn(line, "[ \t\r,");
    if (line[0] == '\0' || line[0] == ']') {
        return;
    }
    if (json_read(&o, line)) {
        on_event(t, &o);
    } else if (!is_last) {
        t->unread++;
    }
}

const char *trace_parse(struct trace *t, char *text, size_t size) {
    *t = (struct trace){.text = text, .program = "", .act = "", .cpu = -1};
    text[size] = '\0';
    if (text[strspn(text, " \t\r\n")] != '[') {
        return "not a trace";
    }
    char *line = text;
    char *end = text + size;
    while (line < end) {
        char *stop = memchr(line, '\n', (size_t)(end - line));
        bool is_last = stop == NULL;
        stop = is_last ? end : stop;
        *stop = '\0';
        read_line(t, line, is_last);
        line = stop + 1;
    }
    if (t->lane_count == 0 && t->unread > 0) {
        return "not a trace: there is no event on any line";
    }
    finish(t);
    if (!t->ended) {
        add_up(t);
    }
    // A clock that stopped before the last event is not believed.
    t->wall = t->last > t->wall ? t->last : t->wall;
    trace_crop(t);
    return NULL;
}

static const char *read_all(FILE *file, char **text, size_t *size) {
    size_t room = 0;
    size_t got = 1;
    while (got > 0) {
        if (*size + 1 >= room) {
            room = room == 0 ? 64UL << 10 : room * 2;
            *text = need(realloc(*text, room));
        }
        got = fread(*text + *size, 1, room - *size - 1, file);
        *size += got;
        if (*size > largest_file) {
            return "too large for a trace";
        }
    }
    return ferror(file) ? strerror(errno) : NULL;
}

const char *trace_read(struct trace *t, const char *path) {
    *t = (struct trace){0};
    char *text = NULL;
    size_t size = 0;
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        return strerror(errno);
    }
    const char *error = read_all(file, &text, &size);
    fclose(file); // only read: nothing can be lost
    if (error != NULL) {
        free(text);
        return error;
    }
    return trace_parse(t, text, size);
}

static bool same_name(const char *a, const char *b) {
    return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

bool span_is_poll(const struct span *s) {
    return s->state == CPU && (s->with != NULL || s->polls > 0);
}

bool span_is_blocked(const struct span *s) {
    return s->inside != NULL && (s->state == ASLEEP || s->state == WAITING);
}

bool span_same(const struct span *a, const struct span *b) {
    return a->state == b->state && same_name(a->inside, b->inside) &&
           same_name(a->with, b->with) && same_name(a->awaits, b->awaits);
}

void trace_free(struct trace *t) {
    for (size_t i = 0; i < t->lane_count; i++) {
        free(t->lanes[i].spans);
        free(t->lanes[i].moments);
        free(t->lanes[i].open);
    }
    free(t->lanes);
    free(t->text);
}
