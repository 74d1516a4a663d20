#define _POSIX_C_SOURCE 200809L
// A small table of rules. A rule looks for one pattern in the spans and, if it
// is there, says so in one sentence. The first rule that finds something wins,
// so the strangest patterns stand first.
//
// What "blocking" is, is told by the structure of the spans: a sleep inside a
// poll while another one stands in line. It is never "this took long".
#include "notice.h"
#include "measure.h"
#include "need.h"
#include "wording.h"

#include <stdlib.h>
#include <string.h>

// ---- Words ----

// "2 tasks" after the name of one of them
static void put_lanes(FILE *out, double count, const struct lane *like) {
    char noun[64];
    snprintf(noun, sizeof noun, "%.*s", (int)lane_noun(like), like->name);
    put_count(out, count, noun);
}

static bool is_any(const struct span *s) {
    return s->state != NO_STATE;
}

// ---- A task panicked or was cancelled; who came through? ----

static bool ended_well(const struct lane *lane) {
    return lane_mark(lane, MARK_END) != NULL &&
           lane_mark(lane, MARK_PANIC) == NULL &&
           lane_mark(lane, MARK_CANCELLED) == NULL;
}

// The others of its group that came to their own end.
static void put_who_ended(FILE *out, const struct trace *t,
                          const struct lane *gone) {
    enum { most_names = 3 };
    const struct lane *named[most_names] = {NULL};
    size_t count = 0;
    for (size_t i = 0; i < t->lane_count; i++) {
        const struct lane *lane = &t->lanes[i];
        if (lane->group == gone->group && ended_well(lane) &&
            strcmp(lane->name, "main") != 0) {
            named[count++ % most_names] = lane;
        }
    }
    if (count > most_names) {
        fprintf(out, "; %zu others ended well", count);
        return;
    }
    for (size_t i = 0; i < count; i++) {
        const char *before = i == 0 ? "; " : i + 1 == count ? " and " : ", ";
        fprintf(out, "%s%s", before, named[i]->name);
    }
    fputs(count > 0 ? " ended well" : "", out);
}

static bool say_panic(FILE *out, const struct trace *t) {
    const struct lane *lane = trace_marked(t, TASKS, MARK_PANIC);
    if (lane == NULL) {
        lane = trace_marked(t, THREADS, MARK_PANIC);
    }
    if (lane == NULL) {
        return false;
    }
    fprintf(out, "%s %s", lane->name,
            lane->group == TASKS ? "panicked" : "gave up");
    put_who_ended(out, t, lane);
    return true;
}

static bool say_cancelled(FILE *out, const struct trace *t) {
    const struct lane *lane = trace_marked(t, TASKS, MARK_CANCELLED);
    if (lane == NULL) {
        return false;
    }
    fprintf(out, "%s was cancelled at ", lane->name);
    put_time(out, lane_mark(lane, MARK_CANCELLED)->at);
    put_who_ended(out, t, lane);
    return true;
}

// ---- A worker took a task from another ----

static bool say_stolen(FILE *out, const struct trace *t) {
    const struct lane *lane = trace_marked(t, TASKS, MARK_STOLEN);
    if (lane == NULL) {
        return false;
    }
    const struct moment *m = lane_mark(lane, MARK_STOLEN);
    size_t more = 0;
    for (size_t i = 0; i < t->lane_count; i++) {
        more += t->lanes[i].group == TASKS && &t->lanes[i] != lane &&
                lane_mark(&t->lanes[i], MARK_STOLEN) != NULL;
    }
    fprintf(out, "%s took %s from %s", m->by ? m->by : "a worker", lane->name,
            m->from ? m->from : "another one");
    if (more > 0) {
        fputs("; ", out);
        put_number(out, (double)more);
        fputs(" more changed hands", out);
    }
    return true;
}

// ---- Standing in line for a thread that is held ----

static bool is_alone(const struct trace *t, const char *noun) {
    size_t count = 0;
    for (size_t i = 0; i < t->lane_count; i++) {
        const struct lane *lane = &t->lanes[i];
        count += lane->group == THREADS &&
                 strncmp(lane->name, noun, strlen(noun)) == 0;
    }
    return count == 1;
}

static void put_thread(FILE *out, const struct trace *t,
                       const struct lane *thread) {
    if (strcmp(thread->name, "loop") == 0 && is_alone(t, "loop")) {
        fputs("the loop", out);
    } else if (strcmp(thread->name, "worker") == 0 && is_alone(t, "worker")) {
        fputs("the only worker", out);
    } else {
        fputs(thread->name, out);
    }
}

static bool say_hold(FILE *out, const struct trace *t, span_kind *is_held) {
    struct hold h = trace_hold(t, is_held);
    if (h.waiters == 0 || h.waiter == NULL) {
        return false;
    }
    if (h.waiters == 1) {
        fprintf(out, "%s waited ", h.waiter->name);
    } else {
        put_lanes(out, (double)h.waiters, h.waiter);
        fputs(" waited up to ", out);
    }
    put_time(out, h.time);
    fputs(" for ", out);
    put_thread(out, t, h.thread);
    const char *did = h.state == ASLEEP ? "slept" : "waited";
    const char *where = h.state == CPU ? "for" : where_inside(h.holder);
    fprintf(out, ", which %s %s %s%s", h.state == CPU ? "worked" : did, where,
            h.holder, h.many_holders ? " and others" : "");
    return true;
}

// A thread that polls so often that its polls are told in runs; or NULL.
static const struct lane *find_spinning(const struct trace *t) {
    enum { often = 1000 };
    const struct lane *thread = trace_most(t, THREADS, span_is_poll);
    bool spins = thread != NULL && lane_polls(thread) >= often &&
                 lane_time(thread, span_is_poll) >= t->wall * 0.3;
    return spins ? thread : NULL;
}

// Everybody is polled a little, again and again. Where the polls are told in
// runs, not each turn is seen.
static bool say_turns(FILE *out, const struct trace *t) {
    const struct lane *first = NULL;
    double least = 0;
    double most = 0;
    for (size_t i = 0; i < t->lane_count; i++) {
        const struct lane *lane = &t->lanes[i];
        if (lane->group == TASKS) {
            double turns = lane_turns(lane, trace_worth(t));
            least = first == NULL || turns < least ? turns : least;
            most = turns > most ? turns : most;
            first = first == NULL ? lane : first;
        }
    }
    if (first == NULL || trace_lanes(t, TASKS) < 2 || least < 2 ||
        find_spinning(t) != NULL) {
        return false;
    }
    put_lanes(out, trace_lanes(t, TASKS), first);
    fputs(" took turns: each was polled ", out);
    put_number(out, least);
    if (most > least) {
        fputs(" to ", out);
        put_number(out, most);
    }
    fputs(" times, and stood in line in between", out);
    return true;
}

static bool say_blocked(FILE *out, const struct trace *t) {
    return say_hold(out, t, span_is_blocked);
}

static bool say_busy(FILE *out, const struct trace *t) {
    return say_hold(out, t, span_is_poll);
}

// ---- Asking all the time ----

// Where the polls are not told one by one, it may have been any task.
static double tasks_asked(const struct trace *t, const struct lane *thread) {
    double asked = 0;
    for (size_t i = 0; i < t->lane_count; i++) {
        asked += t->lanes[i].group == TASKS &&
                 lane_has_polled(thread, t->lanes[i].name);
    }
    return asked > 0 ? asked : trace_lanes(t, TASKS);
}

// Each of them, for most of its time.
static bool all_stood_in_line(const struct trace *t) {
    bool all = trace_lanes(t, TASKS) > 0;
    for (size_t i = 0; i < t->lane_count; i++) {
        const struct lane *lane = &t->lanes[i];
        all &= lane->group != TASKS ||
               lane_time(lane, span_is_ready) > lane_time(lane, is_any) / 2;
    }
    return all;
}

static bool say_spinning(FILE *out, const struct trace *t) {
    const struct lane *thread = find_spinning(t);
    if (thread == NULL) {
        return false;
    }
    fprintf(out, "%s used the CPU for ", thread->name);
    put_time(out, lane_cpu(thread, span_is_poll));
    fputs(" of ", out);
    put_time(out, t->wall);
    fputs(" to ask ", out);
    if (tasks_asked(t, thread) > 0) {
        put_count(out, tasks_asked(t, thread), "task");
        fputs(" ", out);
    }
    put_number(out, lane_polls(thread));
    fputs(" times", out);
    if (all_stood_in_line(t)) {
        fputs("; in between each stood in line", out);
    }
    return true;
}

// ---- Many at the same time ----

static bool say_slept_together(FILE *out, const struct trace *t) {
    struct together found = trace_together(t, NULL, span_is_asleep);
    if (found.most < 2 || found.sum < found.taken * 1.5) {
        return false;
    }
    put_count(out, found.most, "thread");
    fputs(" slept at the same time: ", out);
    if (found.crowded) {
        fputs("all of it", out);
    } else {
        put_time(out, found.sum);
        fputs(" of sleep", out);
    }
    fputs(" took ", out);
    put_time(out, found.taken);
    return true;
}

// Only what was measured is work: threads that share a processor take turns.
static bool say_worked_together(FILE *out, const struct trace *t) {
    struct together found = trace_together(t, NULL, span_is_cpu);
    if (found.most < 2 || found.cpu < found.taken * 1.5) {
        return false;
    }
    put_count(out, found.most, "thread");
    fputs(" worked at the same time: ", out);
    put_time(out, found.cpu);
    fputs(" of work took ", out);
    put_time(out, found.taken);
    return true;
}

// ---- Waiting in nobody's way ----

// The thread that polls and for the most of the time need not.
static const struct lane *find_parked(const struct trace *t) {
    const struct lane *thread = NULL;
    double longest = t->wall * 0.3;
    for (size_t i = 0; i < t->lane_count; i++) {
        const struct lane *lane = &t->lanes[i];
        double time = lane_time(lane, span_is_parked);
        if (lane->group == THREADS && lane_polls(lane) > 0 && time > longest) {
            longest = time;
            thread = lane;
        }
    }
    return thread;
}

// On a thread of a pool: for a task or connection, and inside nobody.
static bool is_given_away(const struct span *s) {
    return (s->state == ASLEEP || s->state == CPU) && s->with != NULL &&
           s->inside == NULL;
}

static const struct lane *find_pool(const struct trace *t) {
    const struct lane *lane = trace_most(t, THREADS, is_given_away);
    return lane != NULL && strncmp(lane->name, "pool", 4) == 0 ? lane : NULL;
}

// The work was given away, so the thread that polls had its time for others.
static bool say_pooled(FILE *out, const struct trace *t) {
    const struct lane *pool = find_pool(t);
    const struct lane *thread = find_parked(t);
    if (pool == NULL || thread == NULL || thread == pool) {
        return false;
    }
    struct together found = trace_together(t, pool, is_given_away);
    if (found.most == 0) {
        return false;
    }
    put_count(out, found.most, "thread");
    fputs(" of the pool did ", out);
    put_time(out, found.sum);
    fputs(" of work in ", out);
    put_time(out, found.taken);
    fputs("; ", out);
    put_thread(out, t, thread);
    fputs(" was free meanwhile", out);
    return true;
}

// Requests, if the server knows them, else connections.
static void put_in_flight(FILE *out, const struct trace *t) {
    const struct lane *like = NULL;
    for (size_t i = 0; i < t->lane_count; i++) {
        const struct lane *lane = &t->lanes[i];
        bool is_better = like == NULL || strncmp(like->name, "conn", 4) == 0;
        like = lane->group == STREAMS && is_better ? lane : like;
    }
    double most = like != NULL ? trace_together(t, like, is_any).most : 0;
    if (like != NULL && most > 0) {
        fputs(", with up to ", out);
        put_lanes(out, most, like);
        fputs(" in flight", out);
    }
}

static bool waits_for_future(const struct span *s) {
    return s->state == WAITING && s->awaits != NULL &&
           strncmp(s->awaits, "future", 6) == 0;
}

// It sleeps until somebody calls the waker, where chapter 02 asked and asked.
static bool say_awaited(FILE *out, const struct trace *t) {
    const struct lane *thread = trace_most(t, THREADS, waits_for_future);
    double futures = 0, polls = 0;
    for (size_t i = 0; i < t->lane_count; i++) {
        const struct lane *lane = &t->lanes[i];
        if (lane->group == TASKS && strncmp(lane->name, "future", 6) == 0) {
            futures++;
            polls += lane_polls(lane);
        }
    }
    if (thread == NULL || polls == 0 ||
        lane_time(thread, waits_for_future) <= trace_worth(t)) {
        return false;
    }
    fprintf(out, "%s waited ", thread->name);
    put_time(out, lane_time(thread, waits_for_future));
    fputs(" for ", out);
    put_count(out, futures, "future");
    fputs("; ", out);
    put_count(out, polls, "poll");
    fputs(polls == 1 ? " was enough" : " were enough", out);
    return true;
}

static bool say_parked(FILE *out, const struct trace *t) {
    const struct lane *thread = find_parked(t);
    if (thread == NULL) {
        return false;
    }
    put_thread(out, t, thread);
    fputs(" waited in nobody's way for ", out);
    put_time(out, lane_time(thread, span_is_parked));
    if (trace_lanes(t, TASKS) > 0) {
        double polls = t->polls > 0 ? t->polls : lane_polls(thread);
        fputs("; ", out);
        put_count(out, polls, "poll");
        fprintf(out, " %s enough for ", polls == 1 ? "was" : "were");
        put_count(out, trace_lanes(t, TASKS), "task");
    } else {
        put_in_flight(out, t);
    }
    return true;
}

// ---- One thread alone ----

static bool sleeps_for_itself(const struct span *s) {
    return s->state == ASLEEP && s->inside == NULL;
}

// Nobody stood in line, but nobody could have been served either.
static bool say_inside(FILE *out, const struct trace *t) {
    const struct lane *lane = trace_most(t, THREADS, span_is_blocked);
    if (lane == NULL || lane_time(lane, span_is_blocked) < trace_worth(t)) {
        return false;
    }
    const struct span *s = lane_longest(lane, span_is_blocked);
    const struct span *own = lane_longest(lane, sleeps_for_itself);
    put_thread(out, t, lane);
    fputs(" slept ", out);
    if (own != NULL && own->end <= s->start &&
        own->end - own->start > trace_worth(t)) {
        put_time(out, own->end - own->start);
        fprintf(out, ", and only then %s %s, for ", where_inside(s->inside),
                s->inside);
        put_time(out, s->end - s->start);
        return true;
    }
    put_time(out, s->end - s->start);
    fprintf(out, " %s %s, and could do nothing else", where_inside(s->inside),
            s->inside);
    return true;
}

static bool say_in_a_row(FILE *out, const struct trace *t) {
    const struct lane *lane = trace_most(t, THREADS, span_is_asleep);
    size_t times = 0;
    for (size_t i = 0; lane != NULL && i < lane->span_count; i++) {
        const struct span *s = &lane->spans[i];
        times += span_is_asleep(s) && s->end - s->start > trace_worth(t);
    }
    if (times < 2) {
        return false;
    }
    fprintf(out, "%s slept ", lane->name);
    put_number(out, (double)times);
    fputs(" times, one after another: ", out);
    put_time(out, lane_time(lane, span_is_asleep));
    return true;
}

// ---- Nothing of all that ----

// Shorter than a reader could notice.
static const double a_moment = 20e3;

static bool say_longest(FILE *out, const struct trace *t) {
    static span_kind *const kinds[] = {span_is_asleep, span_is_waiting,
                                       span_is_cpu};
    static const enum state state_of[] = {ASLEEP, WAITING, CPU};
    const struct lane *best = NULL;
    double most = t->wall > a_moment ? t->wall / 2 : t->wall;
    enum state state = NO_STATE;
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        const struct lane *lane = trace_most(t, THREADS, kinds[i]);
        if (lane != NULL && lane_time(lane, kinds[i]) > most) {
            best = lane;
            most = lane_time(lane, kinds[i]);
            state = state_of[i];
        }
    }
    if (best == NULL) {
        return false;
    }
    fprintf(out, "%s %s for ", best->name, state_verb(state));
    put_time(out, state == CPU ? lane_cpu(best, span_is_cpu) : most);
    return true;
}

static bool say_over(FILE *out, const struct trace *t) {
    if (t->lane_count == 0) {
        fputs("nothing was recorded", out);
    } else {
        fputs("nobody waited long; all was over after ", out);
        put_time(out, t->wall);
    }
    return true;
}

// ---- The table ----

typedef bool rule(FILE *out, const struct trace *t);

static rule *const rules[] = {
    say_panic,
    say_cancelled,
    say_stolen,
    say_turns,
    say_blocked,
    say_spinning,
    say_busy,
    say_pooled,
    say_slept_together,
    say_awaited,
    say_parked,
    say_inside,
    say_worked_together,
    say_in_a_row,
    say_longest,
    say_over, // always has something to say
};

void notice_sentence(FILE *out, const struct trace *t) {
    size_t i = 0;
    while (!rules[i](out, t)) {
        i++;
    }
    fputs(".", out);
}

// ---- Side by side ----

static bool differ(double a, double b, double ratio) {
    double low = a < b ? a : b;
    double high = a < b ? b : a;
    return high > low * ratio;
}

static double longest_line(const struct trace *t) {
    const struct lane *lane = trace_most(t, STREAMS, span_is_ready);
    return lane == NULL ? 0 : lane_time(lane, span_is_ready);
}

typedef void measured(FILE *out, const struct trace *t);

static void put_wall(FILE *out, const struct trace *t) {
    fputs("took ", out);
    put_time(out, t->wall);
}

static void put_line(FILE *out, const struct trace *t) {
    if (longest_line(t) == 0) {
        fputs("let nobody stand in line", out);
        return;
    }
    fputs("let connections stand in line for up to ", out);
    put_time(out, longest_line(t));
}

static void put_work(FILE *out, const struct trace *t) {
    fputs("used ", out);
    put_time(out, t->cpu);
    fputs(" of CPU", out);
    if (t->polls > 0) {
        fputs(" and ", out);
        put_count(out, t->polls, "poll");
    }
}

// How long a server ran is up to who stopped it, so there the standing in line
// is what counts.
static measured *what_differs(const struct trace *a, const struct trace *b) {
    if (trace_lanes(a, STREAMS) + trace_lanes(b, STREAMS) > 0) {
        bool much = differ(longest_line(a), longest_line(b), 1.5);
        return much ? put_line : NULL;
    }
    if (differ(a->wall, b->wall, 1.3)) {
        return put_wall;
    }
    double seen =
        trace_worth(a) > trace_worth(b) ? trace_worth(a) : trace_worth(b);
    bool known = a->cpu >= 0 && b->cpu >= 0;
    if (known && differ(a->cpu, b->cpu, 2) &&
        (a->cpu > seen || b->cpu > seen)) {
        return put_work;
    }
    return NULL;
}

static const char *name_of(const struct trace *t) {
    return t->act[0] != '\0' ? t->act : "a run without a name";
}

void notice_compare(FILE *out, const struct trace *traces, size_t count,
                    int width) {
    measured *put = NULL;
    for (size_t i = 1; i < count && put == NULL; i++) {
        bool related = strcmp(traces[0].program, traces[i].program) == 0;
        put = related ? what_differs(&traces[0], &traces[i]) : NULL;
    }
    if (put == NULL) {
        return;
    }
    char *text = NULL;
    size_t size = 0;
    FILE *line = need(open_memstream(&text, &size));
    fputs("Compare: ", line);
    for (size_t i = 0; i < count; i++) {
        fprintf(line, "%s%s ", i > 0 ? ", " : "", name_of(&traces[i]));
        put(line, &traces[i]);
    }
    fputs(".", line);
    fclose(line);
    put_wrapped(out, text, width, 4);
    fputs("\n", out);
    free(text);
}

static void put_notice(FILE *out, const struct trace *t) {
    fputs("Notice: ", out);
    notice_sentence(out, t);
}

void notice_put(FILE *out, const struct trace *t, int width) {
    put_paragraph(out, put_notice, t, width, 4);
}
