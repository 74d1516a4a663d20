#define _POSIX_C_SOURCE 200809L
// See measure.h. Nothing here writes a word.
#include "measure.h"
#include "need.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

double trace_worth(const struct trace *t) {
    return t->wall / 60;
}

bool span_is_ready(const struct span *s) {
    return s->state == READY;
}

bool span_is_asleep(const struct span *s) {
    return s->state == ASLEEP;
}

bool span_is_cpu(const struct span *s) {
    return s->state == CPU;
}

bool span_is_parked(const struct span *s) {
    return s->state == PARKED;
}

bool span_is_waiting(const struct span *s) {
    return s->state == WAITING;
}

// ---- One lane ----

double lane_time(const struct lane *lane, span_kind *is) {
    double sum = 0;
    for (size_t i = 0; i < lane->span_count; i++) {
        const struct span *s = &lane->spans[i];
        sum += is(s) ? s->end - s->start : 0;
    }
    return sum;
}

double lane_polls(const struct lane *lane) {
    double sum = 0;
    for (size_t i = 0; i < lane->span_count; i++) {
        const struct span *s = &lane->spans[i];
        sum += span_is_poll(s) && s->polls == 0 ? 1 : s->polls;
    }
    return sum;
}

// Where the CPU time is not known, the length must do. It cannot be more.
static double span_cpu(const struct span *s) {
    double length = s->end - s->start;
    return s->cpu >= 0 && s->cpu < length ? s->cpu : length;
}

double lane_cpu(const struct lane *lane, span_kind *is) {
    double sum = 0;
    for (size_t i = 0; i < lane->span_count; i++) {
        const struct span *s = &lane->spans[i];
        sum += is(s) ? span_cpu(s) : 0;
    }
    return sum;
}

const struct span *lane_longest(const struct lane *lane, span_kind *is) {
    const struct span *best = NULL;
    for (size_t i = 0; i < lane->span_count; i++) {
        const struct span *s = &lane->spans[i];
        if (is(s) &&
            (best == NULL || s->end - s->start > best->end - best->start)) {
            best = s;
        }
    }
    return best;
}

const struct moment *lane_mark(const struct lane *lane, enum mark mark) {
    for (size_t i = 0; i < lane->moment_count; i++) {
        if (lane->moments[i].mark == mark) {
            return &lane->moments[i];
        }
    }
    return NULL;
}

bool lane_has_polled(const struct lane *thread, const char *name) {
    for (size_t i = 0; i < thread->span_count; i++) {
        const struct span *s = &thread->spans[i];
        if (span_is_poll(s) && s->with != NULL && strcmp(s->with, name) == 0) {
            return true;
        }
    }
    return false;
}

double lane_turns(const struct lane *lane, double line) {
    double turns = 0;
    bool waited = true;
    for (size_t i = 0; i < lane->span_count; i++) {
        const struct span *s = &lane->spans[i];
        if (!span_is_ready(s)) {
            turns += waited;
            waited = false;
        } else if (s->end - s->start > line) {
            waited = true;
        }
    }
    return turns;
}

static long lane_crowd(const struct lane *lane) {
    char *end;
    long count = strtol(lane->name, &end, 10);
    bool is_crowd = count > 0 && count < LONG_MAX && strcmp(end, " more") == 0;
    return is_crowd ? count : 1;
}

size_t lane_noun(const struct lane *lane) {
    return strcspn(lane->name, " ");
}

bool lane_is_like(const struct lane *lane, const struct lane *other) {
    size_t noun = lane_noun(lane);
    return lane->group == other->group && noun == lane_noun(other) &&
           strncmp(lane->name, other->name, noun) == 0;
}

// ---- All lanes ----

double trace_lanes(const struct trace *t, int group) {
    double count = 0;
    for (size_t i = 0; i < t->lane_count; i++) {
        const struct lane *lane = &t->lanes[i];
        count += lane->group == group ? (double)lane_crowd(lane) : 0;
    }
    return count;
}

const struct lane *trace_most(const struct trace *t, int group, span_kind *is) {
    const struct lane *best = NULL;
    double most = 0;
    for (size_t i = 0; i < t->lane_count; i++) {
        const struct lane *lane = &t->lanes[i];
        double time = lane->group == group ? lane_time(lane, is) : 0;
        if (time > most) {
            most = time;
            best = lane;
        }
    }
    return best;
}

const struct lane *trace_marked(const struct trace *t, int group,
                                enum mark mark) {
    for (size_t i = 0; i < t->lane_count; i++) {
        const struct lane *lane = &t->lanes[i];
        if (lane->group == group && lane_mark(lane, mark) != NULL) {
            return lane;
        }
    }
    return NULL;
}

// ---- Standing in line for a thread that is held ----

static double overlap(const struct span *a, const struct span *b) {
    double start = a->start > b->start ? a->start : b->start;
    double end = a->end < b->end ? a->end : b->end;
    return end > start ? end - start : 0;
}

// RETURNS in whose poll the thread is; of a run of polls this is not known.
static const char *holder_of(const struct span *s) {
    const char *holder = s->inside != NULL ? s->inside : s->with;
    return holder != NULL ? holder : "others";
}

// Notes who held the thread during this part.
static void add_holder(struct hold *h, const struct span *s, double time,
                       double *longest) {
    const char *holder = holder_of(s);
    if (h->holder != NULL && strcmp(h->holder, holder) != 0) {
        h->many_holders = true;
    }
    if (time > *longest) {
        *longest = time;
        h->holder = holder;
        h->state = s->state;
    }
}

// How long the waiter was ready while the thread was held by somebody else.
// Both rows are in the order of time, so one pass is enough.
static struct hold hold_of(const struct lane *thread, const struct lane *waiter,
                           span_kind *is_held) {
    struct hold h = {.thread = thread, .waiter = waiter};
    double longest = 0;
    size_t i = 0;
    size_t j = 0;
    while (i < thread->span_count && j < waiter->span_count) {
        const struct span *s = &thread->spans[i];
        const struct span *w = &waiter->spans[j];
        bool is_wait = is_held(s) && span_is_ready(w) &&
                       strcmp(holder_of(s), waiter->name) != 0;
        double time = is_wait ? overlap(s, w) : 0;
        if (time > 0) {
            h.time += time;
            add_holder(&h, s, time, &longest);
        }
        if (s->end < w->end) {
            i++;
        } else {
            j++;
        }
    }
    return h;
}

// The hold for which this one waited longest, whatever thread it was.
static struct hold longest_for(const struct trace *t, const struct lane *waiter,
                               span_kind *is_held) {
    struct hold longest = {0};
    for (size_t i = 0; i < t->lane_count; i++) {
        if (t->lanes[i].group == THREADS) {
            struct hold h = hold_of(&t->lanes[i], waiter, is_held);
            longest = h.time > longest.time ? h : longest;
        }
    }
    return longest;
}

struct hold trace_hold(const struct trace *t, span_kind *is_held) {
    struct hold best = {0};
    for (size_t i = 0; i < t->lane_count; i++) {
        if (t->lanes[i].group != THREADS) {
            struct hold h = longest_for(t, &t->lanes[i], is_held);
            best = h.time > best.time ? h : best;
        }
    }
    for (size_t i = 0; best.waiter != NULL && i < t->lane_count; i++) {
        const struct lane *lane = &t->lanes[i];
        best.waiters += lane_is_like(lane, best.waiter) &&
                        longest_for(t, lane, is_held).time > trace_worth(t);
    }
    return best;
}

// ---- Many at the same time ----

struct edge {
    double at;
    double step; // how many begin; below 0: how many end
};

// Ends come before beginnings, so that one after another is not together.
static int by_time(const void *a, const void *b) {
    const struct edge *x = a;
    const struct edge *y = b;
    int order = (x->at > y->at) - (x->at < y->at);
    return order != 0 ? order : (x->step > y->step) - (x->step < y->step);
}

static size_t collect_edges(const struct trace *t, const struct lane *like,
                            span_kind *is, struct edge **edges, double *cpu) {
    size_t count = 0;
    for (size_t i = 0; i < t->lane_count; i++) {
        const struct lane *lane = &t->lanes[i];
        double many = (double)lane_crowd(lane);
        bool counts =
            like == NULL ? lane->group == THREADS : lane_is_like(lane, like);
        for (size_t j = 0; counts && j < lane->span_count; j++) {
            const struct span *s = &lane->spans[j];
            if (is(s) && s->end - s->start > trace_worth(t)) {
                *edges = grown(*edges, count, sizeof **edges);
                (*edges)[count++] = (struct edge){s->start, many};
                *edges = grown(*edges, count, sizeof **edges);
                (*edges)[count++] = (struct edge){s->end, -many};
                *cpu += span_cpu(s);
            }
        }
    }
    return count;
}

// Walks over all beginnings and ends, and keeps count of who is at it.
struct together trace_together(const struct trace *t, const struct lane *like,
                               span_kind *is) {
    struct together found = {0};
    struct edge *edges = NULL;
    size_t count = collect_edges(t, like, is, &edges, &found.cpu);
    double now = 0;
    if (count > 0) {
        qsort(edges, count, sizeof *edges, by_time);
    }
    for (size_t i = 0; i + 1 < count; i++) {
        now += edges[i].step;
        double time = edges[i + 1].at - edges[i].at;
        found.crowded |= edges[i].step > 1;
        found.sum += time * now;
        found.taken += now > 0 ? time : 0;
        found.most = now > found.most ? now : found.most;
    }
    free(edges);
    return found;
}
