#define _POSIX_C_SOURCE 200809L
// Often several states meet in one cell: a millisecond of work, then a long
// sleep. The rules:
// - The state with the largest share of the cell is shown. A cell in which
//   nothing was is empty; but whatever was, however short, leaves no cell empty.
// - A poll too short to win its cell still leaves a mark, because polls are
//   what the reader counts. So does the border between two long spans.
// - A mark hides the state. Where two marks meet, the second moves one cell on
//   if that is free; else the heavier one stays.
#include "cells.h"
#include "need.h"

#include <stdlib.h>

// So that what took no time at all is there, and never wins against more.
static const double tiny = 1e-9;

size_t cells_at(double time, double total, size_t width) {
    double cell = total > 0 ? time / total * (double)width : 0;
    if (!(cell < (double)width)) {
        return width - 1;
    }
    return cell > 0 ? (size_t)cell : 0;
}

// ---- States ----

// The best span so far of each state in one cell.
struct shares {
    double of[states];
    const struct span *longest[states];
    double length[states];
};

static void add_share(struct shares *shares, const struct span *s,
                      double length) {
    shares->of[s->state] += length + tiny;
    if (length >= shares->length[s->state]) {
        shares->length[s->state] = length;
        shares->longest[s->state] = s;
    }
}

// The part of a span that lies between two times.
static double part_between(const struct span *s, double from, double to) {
    double start = s->start > from ? s->start : from;
    double end = s->end < to ? s->end : to;
    return end > start ? end - start : 0;
}

static void share_out(struct shares *shares, size_t width, const struct span *s,
                      double total) {
    double step = total / (double)width;
    size_t last = cells_at(s->end, total, width);
    for (size_t i = cells_at(s->start, total, width); i <= last; i++) {
        double length =
            part_between(s, step * (double)i, step * (double)(i + 1));
        // A span that ends where a cell begins is not in it.
        if (length > 0 || s->start == s->end) {
            add_share(&shares[i], s, length);
        }
    }
}

static struct cell decide(const struct shares *shares) {
    struct cell cell = {.state = NO_STATE};
    double best = 0;
    for (int state = 0; state < states; state++) {
        if (shares->of[state] > best) {
            best = shares->of[state];
            cell.state = state;
            cell.span = shares->longest[state];
        }
    }
    return cell;
}

// ---- Runs ----

static bool same_cell(const struct cell *a, const struct cell *b) {
    if (a->span == NULL || b->span == NULL) {
        return a->span == b->span;
    }
    return span_same(a->span, b->span);
}

size_t cells_run(const struct cell *cells, size_t width, size_t first) {
    size_t i = first + 1;
    while (i < width && cells[i].mark == MARK_NONE &&
           same_cell(&cells[i], &cells[first])) {
        i++;
    }
    return i;
}

// ---- Marks ----

static bool is_free(const struct cell *cells, size_t width, size_t at) {
    return at < width && cells[at].mark <= MARK_POLL;
}

// In the last cell there is no room after it, so the first moves one back.
static void set_mark(struct cell *cells, size_t width, size_t at,
                     enum mark mark) {
    if (is_free(cells, width, at) || cells[at].mark == mark) {
        cells[at].mark = mark;
    } else if (is_free(cells, width, at + 1)) {
        cells[at + 1].mark = mark;
    } else {
        bool is_last = at + 1 == width && at > 0;
        bool moves = is_last && is_free(cells, width, at - 1);
        if (moves) {
            cells[at - 1].mark = cells[at].mark;
        }
        if (moves || mark > cells[at].mark) {
            cells[at].mark = mark;
        }
    }
}

// After a sleep in the middle of a poll, the same poll goes on.
static bool goes_on(const struct span *before, const struct span *s) {
    return span_is_blocked(before) ||
           (before->state == ASLEEP && s->with != NULL);
}

static void mark_polls(struct cell *cells, size_t width,
                       const struct lane *lane, double total) {
    for (size_t i = 0; i < lane->span_count; i++) {
        const struct span *s = &lane->spans[i];
        size_t at = cells_at(s->start, total, width);
        bool is_short = s->end - s->start < total / (double)width;
        bool begins = span_is_poll(s) && (i == 0 || !goes_on(s - 1, s));
        if (begins && is_short && cells[at].state != CPU) {
            cells[at].mark = MARK_POLL;
        }
    }
}

// What the border between two long bars is: the begin of a poll, or of one more
// sleep.
static enum mark border_of(const struct cell *cell) {
    bool is_poll = span_is_poll(cell->span) || span_is_blocked(cell->span);
    return is_poll ? MARK_POLL : MARK_BORDER;
}

// Where two spans in the same state meet, and the second is long enough to be
// seen.
static void mark_borders(struct cell *cells, size_t width) {
    enum { seen = 3 };
    for (size_t i = 0; i < width;) {
        size_t end = i + 1;
        while (end < width && cells[end].span == cells[i].span) {
            end++;
        }
        bool is_long = cells[i].span != NULL && end - i >= seen;
        if (is_long && i > 0 && cells[i].state == cells[i - 1].state &&
            cells[i].mark == MARK_NONE && cells[i - 1].mark == MARK_NONE) {
            cells[i].mark = border_of(&cells[i]);
        }
        i = end;
    }
}

void cells_fill(struct cell *cells, size_t width, const struct lane *lane,
                double total) {
    struct shares *shares = need(calloc(width, sizeof *shares));
    for (size_t i = 0; i < lane->span_count; i++) {
        share_out(shares, width, &lane->spans[i], total);
    }
    for (size_t i = 0; i < width; i++) {
        cells[i] = decide(&shares[i]);
    }
    free(shares);
    mark_polls(cells, width, lane, total);
    mark_borders(cells, width);
}

void cells_mark(struct cell *cells, size_t width, const struct lane *lane,
                double total) {
    for (size_t i = 0; i < lane->moment_count; i++) {
        const struct moment *m = &lane->moments[i];
        set_mark(cells, width, cells_at(m->at, total, width), m->mark);
    }
}
