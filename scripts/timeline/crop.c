#define _POSIX_C_SOURCE 200809L
// Cuts a trace at both ends. What is drawn and told afterwards knows nothing of
// it, but for the line that says how long the run was.
#include "crop.h"

struct range {
    double start, end;
};

static void include(struct range *r, double start, double end) {
    r->start = start < r->start ? start : r->start;
    r->end = end > r->end ? end : r->end;
}

// When there were clients. Without any, the range is empty: end before start.
static struct range time_of_clients(const struct trace *t) {
    struct range r = {t->wall, 0};
    for (size_t i = 0; i < t->lane_count; i++) {
        const struct lane *lane = &t->lanes[i];
        for (size_t j = 0; lane->group == STREAMS && j < lane->span_count;
             j++) {
            include(&r, lane->spans[j].start, lane->spans[j].end);
        }
        for (size_t j = 0; lane->group == STREAMS && j < lane->moment_count;
             j++) {
            include(&r, lane->moments[j].at, lane->moments[j].at);
        }
    }
    return r;
}

static void crop_spans(struct lane *lane, struct range r) {
    size_t kept = 0;
    for (size_t i = 0; i < lane->span_count; i++) {
        struct span s = lane->spans[i];
        s.start = (s.start > r.start ? s.start : r.start) - r.start;
        s.end = (s.end < r.end ? s.end : r.end) - r.start;
        if (s.end >= s.start) {
            lane->spans[kept++] = s;
        }
    }
    lane->span_count = kept;
}

static void crop_moments(struct lane *lane, struct range r) {
    size_t kept = 0;
    for (size_t i = 0; i < lane->moment_count; i++) {
        struct moment m = lane->moments[i];
        if (m.at >= r.start && m.at <= r.end) {
            m.at -= r.start;
            lane->moments[kept++] = m;
        }
    }
    lane->moment_count = kept;
}

void trace_crop(struct trace *t) {
    struct range r = time_of_clients(t);
    double margin = (r.end - r.start) / 20;
    r.start = r.start > margin ? r.start - margin : 0;
    r.end = r.end + margin < t->wall ? r.end + margin : t->wall;
    if (r.end <= r.start || r.end - r.start > t->wall / 5) {
        return;
    }
    for (size_t i = 0; i < t->lane_count; i++) {
        crop_spans(&t->lanes[i], r);
        crop_moments(&t->lanes[i], r);
    }
    t->left_out = t->wall - (r.end - r.start);
    t->wall = r.end - r.start;
    t->last = t->wall;
}
