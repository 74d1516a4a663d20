#define _POSIX_C_SOURCE 200809L
// A lane in words: what it did, one thing after another, in the order of time.
//
//     worker slept inside task 1 from 0.00 s to 2.00 s, then inside ...
//
// What took less than a hundredth of the whole is counted, not told.
#include "words.h"
#include "need.h"
#include "notice.h"
#include "wording.h"

#include <stdlib.h>

enum { page_width = 78 };

// A listener keeps no more in mind.
static const size_t most_told = 12;

// Of threads, tasks and connections each.
static const size_t most_lanes = 17;

static void put_did(FILE *out, const struct lane *lane, const struct span *s) {
    if (s->state == WAITING && s->awaits != NULL) {
        fprintf(out, "waited for %s", s->awaits);
        return;
    }
    fputs(state_verb(s->state), out);
    if (s->inside != NULL) {
        fprintf(out, " %s %s", where_inside(s->inside), s->inside);
    } else if (s->with != NULL) {
        fprintf(out, " %s %s", lane->group == THREADS ? "for" : "on", s->with);
    } else if (s->awaits != NULL) {
        fprintf(out, " to wait for %s", s->awaits);
    }
}

// A moment, as exactly as a listener wants it: hundredths of a second, or of
// whatever the whole run is counted in.
static void put_at(FILE *out, double time, double total) {
    if (total >= 1e6) {
        fprintf(out, "%.2f s", time / 1e6);
    } else if (total >= 1e5) {
        fprintf(out, "%.0f ms", time / 1e3);
    } else {
        fprintf(out, "%.2f ms", time / 1e3);
    }
}

static void put_span(FILE *out, const struct lane *lane, const struct span *s,
                     double total) {
    put_did(out, lane, s);
    fputs(" from ", out);
    put_at(out, s->start, total);
    fputs(" to ", out);
    put_at(out, s->end, total);
    if (s->polls > 1) {
        fputs(s->state == READY || s->state == PARKED ? " between " : " in ",
              out);
        put_count(out, s->polls, "poll");
    }
}

// ---- From spans to what is told ----

struct story {
    struct span *spans;
    size_t count;
    size_t brief[states]; // too short to be told
    bool counted;         // so often was it polled that spans tell the number
};

// Long spans, each with the equal ones that follow it: what is between them is
// brief, or it would be told.
static struct story find_story(const struct lane *lane, double shortest) {
    struct story story = {0};
    for (size_t i = 0; i < lane->span_count; i++) {
        const struct span *s = &lane->spans[i];
        struct span *last =
            story.count > 0 ? &story.spans[story.count - 1] : NULL;
        bool is_brief = s->end - s->start < shortest;
        story.counted |= !is_brief && s->state != CPU && s->polls > 1;
        if (is_brief) {
            story.brief[s->state]++;
        } else if (last != NULL && span_same(last, s)) {
            last->end = s->end;
            last->polls += s->polls;
        } else {
            story.spans = grown(story.spans, story.count, sizeof *s);
            story.spans[story.count++] = *s;
        }
    }
    return story;
}

static void put_story(FILE *out, const struct lane *lane,
                      const struct story *story, double total) {
    for (size_t i = 0; i < story->count && i < most_told; i++) {
        fputs(i == 0 ? " " : ", then ", out);
        put_span(out, lane, &story->spans[i], total);
    }
    if (story->count > most_told) {
        fputs(", and so on", out);
    }
    if (story->count == 0 && story->brief[CPU] == 0) {
        fputs(" did nothing that took time", out);
    } else if (story->brief[CPU] > 0 && !story->counted) {
        fprintf(out, "%s used the CPU briefly, ",
                story->count > 0 ? "; it also" : "");
        if (story->brief[CPU] == 1) {
            fputs("once", out);
        } else {
            put_count(out, (double)story->brief[CPU], "time");
        }
    }
    fputs(".", out);
}

// ---- What happened at one moment ----

static void put_moment(FILE *out, const struct lane *lane,
                       const struct moment *m, double total) {
    static const char *const words[marks] = {
        [MARK_START] = "started",        [MARK_END] = "ended",
        [MARK_STOLEN] = "was stolen",    [MARK_CANCELLED] = "was cancelled",
        [MARK_PANIC] = "panicked",       [MARK_BYTES_IN] = "got bytes",
        [MARK_BYTES_OUT] = "sent bytes",
    };
    bool gave_up = m->mark == MARK_PANIC && lane->group == THREADS;
    fputs(gave_up ? "gave up" : words[m->mark], out);
    if (m->by != NULL) {
        bool is_deed = m->mark == MARK_STOLEN || m->mark == MARK_CANCELLED;
        fprintf(out, " %s %s", is_deed ? "by" : "on", m->by);
    }
    if (m->from != NULL) {
        fprintf(out, " from %s", m->from);
    }
    fputs(" at ", out);
    put_at(out, m->at, total);
}

static void put_moments(FILE *out, const struct lane *lane, double total) {
    size_t count =
        lane->moment_count < most_told ? lane->moment_count : most_told;
    for (size_t i = 0; i < count; i++) {
        bool is_last = i + 1 == lane->moment_count;
        fputs(i == 0 ? " It " : is_last ? " and " : ", ", out);
        put_moment(out, lane, &lane->moments[i], total);
    }
    if (lane->moment_count > 0) {
        fputs(lane->moment_count > most_told ? ", and so on." : ".", out);
    }
}

// ---- One thing alone ----

void words_tell_span(FILE *out, const struct lane *lane, const struct span *s,
                     double total) {
    fprintf(out, "%s ", lane->name);
    put_span(out, lane, s, total);
}

void words_tell_moment(FILE *out, const struct lane *lane,
                       const struct moment *m, double total) {
    fprintf(out, "%s ", lane->name);
    put_moment(out, lane, m, total);
}

// ---- The page ----

static void tell_lane(FILE *out, const struct trace *t,
                      const struct lane *lane) {
    char *text = NULL;
    size_t size = 0;
    FILE *line = need(open_memstream(&text, &size));
    struct story story = find_story(lane, t->wall / 100);
    fputs(lane->name, line);
    put_story(line, lane, &story, t->wall);
    put_moments(line, lane, t->wall);
    fclose(line);
    put_wrapped(out, text, page_width, 2);
    free(story.spans);
    free(text);
}

static void tell_group(FILE *out, const struct trace *t, int group) {
    size_t told = 0;
    for (size_t i = 0; i < t->lane_count; i++) {
        if (t->lanes[i].group == group && told++ < most_lanes) {
            tell_lane(out, t, &t->lanes[i]);
        }
    }
    if (told > most_lanes) {
        fputs("And ", out);
        put_number(out, (double)(told - most_lanes));
        fputs(" more like these.\n", out);
    }
}

static void put_headline(FILE *out, const struct trace *t) {
    put_title(out, t);
    fputs(": ", out);
    put_totals(out, t);
}

void words_tell(FILE *out, const struct trace *traces, size_t count) {
    for (size_t i = 0; i < count; i++) {
        const struct trace *t = &traces[i];
        fputs(i > 0 ? "\n" : "", out);
        put_paragraph(out, put_headline, t, page_width, 2);
        for (int group = THREADS; group <= STREAMS; group++) {
            tell_group(out, t, group);
        }
        notice_put(out, t, page_width);
    }
    if (count > 1) {
        fputs("\n", out);
        notice_compare(out, traces, count, page_width);
    }
}
