#define _POSIX_C_SOURCE 200809L
// A lane is a line of cells, and a cell is a character:
//
//     worker   |====== in task 1 =======|====== in task 2 =======|
//     task 1   |o=======================*                        |
//     task 2   |????????????????????????o=======================*|
#include "ascii.h"
#include "cells.h"
#include "notice.h"
#include "wording.h"

#include <stdlib.h>
#include <string.h>

enum { page_width = 78, shortest_label = 6, longest_label = 14 };

// Of threads, tasks and connections each.
static const size_t most_drawn = 17;

// What is drawn, and where: the same for all lanes of all traces.
struct page {
    FILE *out;
    bool in_colour;
    int label; // columns for the names of lanes
    int width; // columns for the cells
    double total;
    bool has_mark[marks]; // for the legend
};

// ---- Colour ----

// Bright and dark differ too, for readers who do not see all colours.
static const char *colour_of(enum state state) {
    static const char *const colours[states + 1] = {
        [ASLEEP] = "\033[34m", [WAITING] = "\033[2m",   [CPU] = "\033[1;31m",
        [READY] = "\033[33m",  [PARKED] = "\033[2;32m", [NO_STATE] = "",
    };
    return colours[state];
}

static void colour(const struct page *p, enum state state) {
    fputs(p->in_colour ? colour_of(state) : "", p->out);
}

static void no_colour(const struct page *p, enum state state) {
    fputs(p->in_colour && state != NO_STATE ? "\033[0m" : "", p->out);
}

// ---- Lanes ----

// Writes the partner's name into a long run, so that a thread's lane tells in
// whose poll it sleeps. One character of the bar stays at each end.
static void write_name(char *bar, size_t length, const struct span *s) {
    char name[64];
    format_partner(name, sizeof name, s);
    size_t size = strlen(name);
    if (size == 0 || size + 4 > length) {
        return;
    }
    char *at = bar + (length - size) / 2;
    for (size_t i = 0; i < size; i++) {
        at[i] = name[i];
    }
    at[-1] = at[size] = ' ';
}

static void draw_run(struct page *p, const struct lane *lane,
                     const struct cell *cells, size_t length) {
    char bar[page_width + 1];
    memset(bar, state_glyph(cells->state), length);
    bar[length] = '\0';
    if (lane->group == THREADS && cells->span != NULL) {
        write_name(bar, length, cells->span);
    }
    if (cells->mark != MARK_NONE) {
        bar[0] = mark_glyph(cells->mark);
        p->has_mark[cells->mark] = true;
    }
    colour(p, cells->state);
    fputs(bar, p->out);
    no_colour(p, cells->state);
}

static void draw_lane(struct page *p, const struct lane *lane) {
    struct cell cells[page_width];
    size_t width = (size_t)p->width;
    cells_fill(cells, width, lane, p->total);
    cells_mark(cells, width, lane, p->total);
    fprintf(p->out, "%-*.*s |", p->label, p->label, lane->name);
    for (size_t i = 0; i < width;) {
        size_t end = cells_run(cells, width, i);
        draw_run(p, lane, &cells[i], end - i);
        i = end;
    }
    fputs("|\n", p->out);
}

// A crowd is told, not drawn.
static void draw_group(struct page *p, const struct trace *t, int group) {
    size_t drawn = 0;
    size_t left_out = 0;
    for (size_t i = 0; i < t->lane_count; i++) {
        if (t->lanes[i].group != group) {
            continue;
        }
        if (drawn == most_drawn) {
            left_out++;
            continue;
        }
        draw_lane(p, &t->lanes[i]);
        drawn++;
    }
    if (left_out > 0) {
        fprintf(p->out, "%*s  ... and ", p->label, "");
        put_number(p->out, (double)left_out);
        fputs(" more like these\n", p->out);
    }
}

// ---- The scale ----

// Where a tick stands: at the left end of its cell, or on the right border.
static int column_of(const struct page *p, double time) {
    size_t width = (size_t)p->width + 1;
    double almost = p->total - p->total / p->width;
    return time >= almost ? (int)width : (int)cells_at(time, p->total, width);
}

// The line with the ticks, and below it their times. It reaches from border to
// border of the lanes, so it has two columns more than they have cells.
static void draw_scale(const struct page *p) {
    char line[page_width + 1];
    char times[page_width + 1] = "";
    int width = p->width + 2;
    double step = scale_step(p->total, p->width / 11);
    memset(line, '-', (size_t)width);
    line[width] = '\0';
    line[0] = line[width - 1] = '+';
    for (int i = 0; i * step <= p->total; i++) {
        char tick[24];
        format_tick(tick, sizeof tick, i * step, step);
        int at = i == 0 ? 0 : column_of(p, i * step);
        int last = width - (int)strlen(tick);
        int gap = (at < last ? at : last) - (int)strlen(times);
        line[at] = '+';
        if (gap >= 0) {
            size_t used = strlen(times);
            snprintf(times + used, sizeof times - used, "%*s%s", gap, "", tick);
        }
    }
    fprintf(p->out, "%*s %s\n", p->label, "", line);
    fprintf(p->out, "%*s %s\n", p->label, "", times);
}

// ---- The page ----

static int longest_name(const struct trace *t, int longest) {
    for (size_t i = 0; i < t->lane_count; i++) {
        int length = (int)strlen(t->lanes[i].name);
        longest = length > longest ? length : longest;
    }
    return longest < longest_label ? longest : longest_label;
}

static void draw_trace(struct page *p, const struct trace *t) {
    put_title(p->out, t);
    fputs("\n\n", p->out);
    for (int group = THREADS; group <= STREAMS; group++) {
        draw_group(p, t, group);
    }
    draw_scale(p);
    fputs("\n", p->out);
    put_paragraph(p->out, put_totals, t, page_width, 4);
    notice_put(p->out, t, page_width);
    fputs("\n", p->out);
}

// As many as fit, and the rest on a second line.
static void draw_marks_of_legend(const struct page *p) {
    size_t wide = 0;
    for (int mark = 0; mark < marks; mark++) {
        if (!p->has_mark[mark] || mark == MARK_BORDER) {
            continue;
        }
        size_t more = strlen("   x ") + strlen(mark_meaning(mark));
        bool fits = wide + more <= page_width;
        fprintf(p->out, "%s%c %s",
                wide == 0 ? ""
                : fits    ? "   "
                          : "\n",
                mark_glyph(mark), mark_meaning(mark));
        wide = wide > 0 && fits ? wide + more : more - 3;
    }
    fputs(wide == 0 ? "" : "\n", p->out);
}

static void draw_legend(const struct page *p) {
    for (int state = 0; state < states; state++) {
        colour(p, state);
        fputc(state_glyph(state), p->out);
        no_colour(p, state);
        fprintf(p->out, " %s%s", state_meaning(state),
                state == CPU || state == PARKED ? "\n" : "   ");
    }
    draw_marks_of_legend(p);
}

void ascii_draw(FILE *out, const struct trace *traces, size_t count,
                bool in_colour) {
    struct page p = {.out = out, .in_colour = in_colour};
    p.label = shortest_label;
    for (size_t i = 0; i < count; i++) {
        p.label = longest_name(&traces[i], p.label);
        p.total = traces[i].wall > p.total ? traces[i].wall : p.total;
    }
    p.width = page_width - p.label - 3;
    for (size_t i = 0; i < count; i++) {
        draw_trace(&p, &traces[i]);
    }
    notice_compare(out, traces, count, page_width);
    draw_legend(&p);
}
