#define _POSIX_C_SOURCE 200809L
// The same lanes as in ascii.c, cut into cells one unit wide. Each state has a
// colour and a pattern, and each mark a shape or a letter, so that nothing
// depends on seeing colours. The sentences stand inside as the description, and
// each bar and each mark has its own as its title, which a browser shows to who
// points at it.
//
// The body is drawn first, into memory, because the head of the file tells how
// high it became.
#include "svg.h"
#include "cells.h"
#include "need.h"
#include "notice.h"
#include "words.h"
#include "wording.h"

#include <stdlib.h>
#include <string.h>

// All in the units of the picture, which are pixels unless it is scaled.
enum {
    page_width = 860,
    left = 124, // of the lanes; before it stand their names
    cells_wide = 712,
    lane_high = 26,
    bar_high = 16,
    line_high = 19,
    most_marks = 80,        // more do not fit beside each other
    letters_in_a_line = 84, // of the widest kind of text
};

// Of threads, tasks and connections each.
static const size_t most_drawn = 17;

struct page {
    FILE *out;
    int y; // where the next thing goes
    double total;
    bool has_mark[marks]; // for the legend
};

// ---- The look ----

static const char style[] =
    "<style>\n"
    ".timeline{--page:#fff;--ink:#1f2328;--soft:#59636e;--grid:#d8dee4;"
    "--asleep:#6f9fd8;--waiting:#e4e7eb;--cpu:#a32020;--ready:#f5cf6b;"
    "--parked:#2f7d4f;--on-cpu:#fff;--on-asleep:#10243d}\n"
    "@media(prefers-color-scheme:dark){.timeline{--page:#15191f;--ink:#e6e9ed;"
    "--soft:#9aa4af;--grid:#333b45;--asleep:#3f6fae;--waiting:#39424d;"
    "--cpu:#ff7b6b;--ready:#8f6a13;--parked:#57b27f;--on-cpu:#2b0a06;"
    "--on-asleep:#eaf2fc}}\n"
    ".timeline text{font:13px system-ui,'Segoe UI','DejaVu Sans',sans-serif;"
    "fill:var(--ink)}\n"
    ".timeline .head{font-size:15px;font-weight:600}\n"
    ".timeline .notice{font-size:14px;font-weight:600}\n"
    ".timeline .soft{font-size:12px;fill:var(--soft)}\n"
    ".timeline .in{font-size:11px;text-anchor:middle}\n"
    ".timeline .end{text-anchor:end}\n"
    ".timeline .middle{text-anchor:middle}\n"
    ".timeline .page{fill:var(--page)}\n"
    ".timeline .grid{stroke:var(--grid);stroke-width:1}\n"
    ".timeline .asleep{fill:var(--asleep)}\n"
    ".timeline .waiting{fill:var(--waiting)}\n"
    ".timeline .cpu{fill:var(--cpu)}\n"
    ".timeline .ready{fill:var(--ready)}\n"
    ".timeline .parked{fill:var(--parked)}\n"
    ".timeline .on-asleep{fill:var(--on-asleep)}\n"
    ".timeline .on-cpu{fill:var(--on-cpu)}\n"
    ".timeline .dots{fill:var(--soft)}\n"
    ".timeline .stripes{stroke:var(--ink);stroke-width:1.5;opacity:.55}\n"
    ".timeline .border{stroke:var(--page);stroke-width:2}\n"
    ".timeline .poll{stroke:var(--ink);stroke-width:1.5}\n"
    ".timeline .start{fill:var(--page);stroke:var(--ink);stroke-width:1.5}\n"
    ".timeline .stop{fill:var(--ink)}\n"
    ".timeline .letter{font-size:12px;font-weight:700;text-anchor:middle}\n"
    ".timeline .plate{fill:var(--page);stroke:var(--ink)}\n"
    "</style>\n"
    "<defs>\n"
    "<pattern id=\"timeline-dots\" width=\"6\" height=\"6\" "
    "patternUnits=\"userSpaceOnUse\">"
    "<circle class=\"dots\" cx=\"3\" cy=\"3\" r=\"1\"/></pattern>\n"
    "<pattern id=\"timeline-stripes\" width=\"7\" height=\"7\" "
    "patternUnits=\"userSpaceOnUse\" patternTransform=\"rotate(45)\">"
    "<path class=\"stripes\" d=\"M0 0V7\"/></pattern>\n"
    "</defs>\n";

static const char *const classes[states] = {
    [ASLEEP] = "asleep", [WAITING] = "waiting", [CPU] = "cpu",
    [READY] = "ready",   [PARKED] = "parked",
};

// Laid over the colour; NULL: nothing.
static const char *const patterns[states] = {
    [WAITING] = "timeline-dots",
    [READY] = "timeline-stripes",
};

// ---- Small things ----

static void put_escaped(FILE *out, const char *text) {
    for (; *text != '\0'; text++) {
        switch (*text) {
        case '&':
            fputs("&amp;", out);
            break;
        case '<':
            fputs("&lt;", out);
            break;
        case '>':
            fputs("&gt;", out);
            break;
        case '"':
            fputs("&quot;", out);
            break;
        default:
            fputc(*text, out);
            break;
        }
    }
}

static void put_text(struct page *p, int x, int y, const char *class,
                     const char *text) {
    fprintf(p->out, "<text class=\"%s\" x=\"%d\" y=\"%d\">", class, x, y);
    put_escaped(p->out, text);
    fputs("</text>\n", p->out);
}

static void put_box(struct page *p, const char *fill, int x, int y, int wide,
                    int high) {
    fprintf(p->out, "<rect %s x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\"/>\n",
            fill, x, y, wide, high);
}

// A bar in the look of a state. Waiting in nobody's way is hardly there: a
// thin line.
static void put_bar(struct page *p, enum state state, int x, int y, int wide) {
    char fill[64];
    int high = state == PARKED ? 3 : bar_high;
    y += (bar_high - high) / 2;
    snprintf(fill, sizeof fill, "class=\"%s\"", classes[state]);
    put_box(p, fill, x, y, wide, high);
    if (patterns[state] != NULL) {
        snprintf(fill, sizeof fill, "fill=\"url(#%s)\"", patterns[state]);
        put_box(p, fill, x, y, wide, high);
    }
}

// At (x, y) is the middle of the mark.
static void put_mark(struct page *p, enum mark mark, int x, int y) {
    char letter[2] = {mark_glyph(mark), '\0'};
    if (mark == MARK_BORDER) {
        fprintf(p->out, "<path class=\"border\" d=\"M%d %dV%d\"/>\n", x, y - 8,
                y + 8);
    } else if (mark == MARK_POLL) {
        fprintf(p->out, "<path class=\"poll\" d=\"M%d %dV%d\"/>\n", x, y - 10,
                y + 10);
    } else if (mark == MARK_START || mark == MARK_END) {
        fprintf(p->out, "<circle class=\"%s\" cx=\"%d\" cy=\"%d\" r=\"4\"/>\n",
                mark == MARK_START ? "start" : "stop", x, y);
    } else {
        fprintf(p->out,
                "<circle class=\"plate\" cx=\"%d\" cy=\"%d\" "
                "r=\"7\"/>\n",
                x, y);
        put_text(p, x, y + 4, "letter", letter);
    }
    p->has_mark[mark] = true;
}

// A text of many lines, each as a text of its own.
static void put_lines(struct page *p, const char *class, char *text) {
    for (char *line = strtok(text, "\n"); line != NULL;
         line = strtok(NULL, "\n")) {
        put_text(p, left, p->y + 13, class, line + strspn(line, " "));
        p->y += line_high;
    }
}

static void put_wrapped_lines(struct page *p, const char *class, paragraph *put,
                              const struct trace *t) {
    char *text = NULL;
    size_t size = 0;
    FILE *lines = need(open_memstream(&text, &size));
    put_paragraph(lines, put, t, letters_in_a_line, 0);
    fclose(lines);
    put_lines(p, class, text);
    free(text);
}

// ---- Lanes ----

// About six units for a letter, and some air.
static void put_partner(struct page *p, const struct cell *cell, int x, int y,
                        int wide) {
    char name[64];
    format_partner(name, sizeof name, cell->span);
    bool dark = cell->state == CPU || cell->state == ASLEEP;
    if (name[0] != '\0' && dark && (int)strlen(name) * 6 + 12 < wide) {
        put_text(p, x + wide / 2, y + 12,
                 cell->state == CPU ? "in on-cpu" : "in on-asleep", name);
    }
}

// What begins here is one thing, and this is what it is.
static void open_thing(struct page *p, char *words) {
    fputs("<g><title>", p->out);
    put_escaped(p->out, words);
    fputs("</title>\n", p->out);
    free(words);
}

static void close_thing(struct page *p) {
    fputs("</g>\n", p->out);
}

// RETURNS what all spans of a bar say together, from malloc.
static char *words_of_bar(const struct page *p, const struct lane *lane,
                          const struct cell *first, const struct cell *last) {
    char *text = NULL;
    size_t size = 0;
    FILE *words = need(open_memstream(&text, &size));
    struct span all = *first->span;
    for (const struct span *s = first->span; s < last->span; s++) {
        all.polls += span_same(&s[1], &all) ? s[1].polls : 0;
    }
    all.end = last->span->end;
    words_tell_span(words, lane, &all, p->total);
    fclose(words);
    return text;
}

static char *words_of_moment(const struct page *p, const struct lane *lane,
                             const struct moment *m) {
    char *text = NULL;
    size_t size = 0;
    FILE *words = need(open_memstream(&text, &size));
    words_tell_moment(words, lane, m, p->total);
    fclose(words);
    return text;
}

static void draw_bars(struct page *p, const struct lane *lane,
                      const struct cell *cells) {
    int y = p->y + (lane_high - bar_high) / 2;
    int last_mark = -3;
    for (size_t i = 0; i < cells_wide;) {
        size_t end = cells_run(cells, cells_wide, i);
        int x = left + (int)i;
        int wide = (int)(end - i);
        if (cells[i].state != NO_STATE) {
            open_thing(p, words_of_bar(p, lane, &cells[i], &cells[end - 1]));
            put_bar(p, cells[i].state, x, y, wide);
            if (lane->group == THREADS) {
                put_partner(p, &cells[i], x, y, wide);
            }
            close_thing(p);
        }
        if (cells[i].mark != MARK_NONE && x - last_mark >= 3) {
            put_mark(p, cells[i].mark, x, p->y + lane_high / 2);
            last_mark = x;
        }
        i = end;
    }
}

struct place {
    const struct moment *moment;
    enum mark mark;
    int x; // of its middle
};

// Half the room that a mark takes: letters stand on a plate.
static int half_of(enum mark mark) {
    return mark == MARK_START || mark == MARK_END ? 5 : 8;
}

// How far apart the middles of two neighbours are, so that neither hides the
// other.
static int apart(const struct place *a, const struct place *b) {
    return half_of(a->mark) + half_of(b->mark);
}

// Each mark where it belongs, or as far to the right as the one before asks
// for. Equal ones so close are one. RETURNS how many there are.
static size_t place_moments(struct place *places, const struct page *p,
                            const struct lane *lane) {
    size_t count = 0;
    for (size_t i = 0; i < lane->moment_count && count < most_marks; i++) {
        const struct moment *m = &lane->moments[i];
        struct place *here = &places[count];
        here->moment = m;
        here->mark = m->mark;
        here->x = (int)cells_at(m->at, p->total, cells_wide);
        if (count > 0) {
            int nearest = here[-1].x + apart(&here[-1], here);
            if (here->x < nearest && here->mark == here[-1].mark) {
                continue;
            }
            here->x = here->x < nearest ? nearest : here->x;
        }
        count++;
    }
    return count;
}

// What went too far to the right pushes the ones before it back.
static void draw_moments(struct page *p, const struct lane *lane) {
    struct place places[most_marks] = {{NULL, MARK_NONE, 0}};
    size_t count = place_moments(places, p, lane);
    int farthest = cells_wide + half_of(MARK_END);
    for (size_t i = count; i-- > 0;) {
        places[i].x = places[i].x < farthest ? places[i].x : farthest;
        farthest = i > 0 ? places[i].x - apart(&places[i - 1], &places[i]) : 0;
    }
    for (size_t i = 0; i < count; i++) {
        open_thing(p, words_of_moment(p, lane, places[i].moment));
        put_mark(p, places[i].mark, left + places[i].x, p->y + lane_high / 2);
        close_thing(p);
    }
}

static void draw_lane(struct page *p, const struct lane *lane) {
    struct cell cells[cells_wide];
    char name[15]; // what fits before the lanes
    snprintf(name, sizeof name, "%s", lane->name);
    put_text(p, left - 12, p->y + lane_high / 2 + 5, "end", name);
    cells_fill(cells, cells_wide, lane, p->total);
    draw_bars(p, lane, cells);
    draw_moments(p, lane);
    p->y += lane_high;
}

// A crowd is told, not drawn.
static void draw_group(struct page *p, const struct trace *t, int group) {
    size_t drawn = 0;
    size_t left_out = 0;
    for (size_t i = 0; i < t->lane_count; i++) {
        bool is_in = t->lanes[i].group == group;
        if (is_in && drawn < most_drawn) {
            draw_lane(p, &t->lanes[i]);
            drawn++;
        } else {
            left_out += is_in;
        }
    }
    if (left_out > 0) {
        char text[64];
        snprintf(text, sizeof text, "... and %zu more like these", left_out);
        put_text(p, left, p->y + line_high - 5, "soft", text);
        p->y += line_high;
    }
}

// ---- One run ----

// Lines through all lanes, with their times below. Drawn after the lanes were
// counted and before they are drawn, so that bars hide the lines.
static void draw_grid(struct page *p, int high) {
    double step = scale_step(p->total, 8);
    for (int i = 0; i * step <= p->total; i++) {
        char tick[24];
        int x = left + (int)cells_at(i * step, p->total, cells_wide + 1);
        format_tick(tick, sizeof tick, i * step, step);
        fprintf(p->out, "<path class=\"grid\" d=\"M%d %dv%d\"/>\n", x, p->y,
                high + 4);
        put_text(p, x, p->y + high + 17, "soft middle", tick);
    }
}

static int height_of(const struct trace *t) {
    int high = 0;
    for (int group = THREADS; group <= STREAMS; group++) {
        size_t count = 0;
        for (size_t i = 0; i < t->lane_count; i++) {
            count += t->lanes[i].group == group;
        }
        bool is_crowd = count > most_drawn;
        high += (int)(is_crowd ? most_drawn : count) * lane_high;
        high += is_crowd ? line_high : 0;
    }
    return high;
}

static void draw_trace(struct page *p, const struct trace *t) {
    put_wrapped_lines(p, "head", put_title, t);
    p->y += 6;
    int high = height_of(t);
    draw_grid(p, high);
    for (int group = THREADS; group <= STREAMS; group++) {
        draw_group(p, t, group);
    }
    p->y += 26;
    put_wrapped_lines(p, "notice", notice_sentence, t);
    put_wrapped_lines(p, "soft", put_totals, t);
    p->y += 16;
}

// ---- The legend ----

static int width_of(const char *text) {
    return (int)strlen(text) * 13 / 2;
}

static void draw_legend(struct page *p) {
    int x = 24;
    for (int state = 0; state < states; state++) {
        const char *meaning = state_meaning(state);
        put_bar(p, state, x, p->y, 24);
        put_text(p, x + 30, p->y + 13, "soft", meaning);
        x += 30 + width_of(meaning) + 14;
    }
    p->y += 28;
    x = 24;
    for (int mark = 1; mark < marks; mark++) {
        if (p->has_mark[mark] && mark != MARK_BORDER) {
            put_mark(p, mark, x + 12, p->y + 8);
            put_text(p, x + 30, p->y + 13, "soft", mark_meaning(mark));
            x += 30 + width_of(mark_meaning(mark)) + 14;
        }
    }
    p->y += 28;
}

// ---- The file ----

static void put_description(FILE *out, const struct trace *traces,
                            size_t count) {
    char *text = NULL;
    size_t size = 0;
    FILE *words = need(open_memstream(&text, &size));
    words_tell(words, traces, count);
    fclose(words);
    fputs("<desc>", out);
    put_escaped(out, text);
    fputs("</desc>\n", out);
    free(text);
}

static void put_name(FILE *out, const struct trace *traces, size_t count) {
    char *text = NULL;
    size_t size = 0;
    FILE *name = need(open_memstream(&text, &size));
    for (size_t i = 0; i < count; i++) {
        fputs(i > 0 ? " and " : "", name);
        put_title(name, &traces[i]);
    }
    fclose(name);
    fputs("<title>Timeline of ", out);
    put_escaped(out, text);
    fputs("</title>\n", out);
    free(text);
}

static void put_comparison(struct page *p, const struct trace *traces,
                           size_t count) {
    char *text = NULL;
    size_t size = 0;
    FILE *lines = need(open_memstream(&text, &size));
    notice_compare(lines, traces, count, letters_in_a_line);
    fclose(lines);
    p->y += text[0] != '\0' ? -4 : 0;
    put_lines(p, "notice", text);
    p->y += text[0] != '\0' ? 16 : 0;
    free(text);
}

static void draw_body(struct page *p, const struct trace *traces,
                      size_t count) {
    for (size_t i = 0; i < count; i++) {
        p->total = traces[i].wall > p->total ? traces[i].wall : p->total;
    }
    for (size_t i = 0; i < count; i++) {
        draw_trace(p, &traces[i]);
    }
    put_comparison(p, traces, count);
    draw_legend(p);
}

void svg_draw(FILE *out, const struct trace *traces, size_t count) {
    char *body = NULL;
    size_t size = 0;
    struct page p = {.out = need(open_memstream(&body, &size)), .y = 16};
    draw_body(&p, traces, count);
    fclose(p.out);
    fprintf(out,
            "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"timeline\" "
            "role=\"img\" width=\"%d\" height=\"%d\" viewBox=\"0 0 %d %d\">\n",
            page_width, p.y, page_width, p.y);
    put_name(out, traces, count);
    put_description(out, traces, count);
    fputs(style, out);
    fprintf(out, "<rect class=\"page\" width=\"%d\" height=\"%d\"/>\n",
            page_width, p.y);
    fputs(body, out);
    fputs("</svg>\n", out);
    free(body);
}
