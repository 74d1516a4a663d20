// What can be counted in a trace, and what overlaps what: the facts that the
// sentences of notice.c are made of.
#ifndef MEASURE_H
#define MEASURE_H

#include "trace.h"

// What is narrower than a column cannot be seen, so it is not worth a sentence.
double trace_worth(const struct trace *t);

// ---- Kinds of spans ----

typedef bool span_kind(const struct span *s);

bool span_is_ready(const struct span *s);
bool span_is_asleep(const struct span *s);
bool span_is_cpu(const struct span *s);
bool span_is_parked(const struct span *s);
bool span_is_waiting(const struct span *s);

// ---- One lane ----

double lane_time(const struct lane *lane, span_kind *is);
double lane_polls(const struct lane *lane);
// The measured CPU time of such spans. On a busy machine it is less than their
// length, for others had the processor meanwhile.
double lane_cpu(const struct lane *lane, span_kind *is);
// RETURNS NULL if there is none. So do the other functions that look for one.
const struct span *lane_longest(const struct lane *lane, span_kind *is);
const struct moment *lane_mark(const struct lane *lane, enum mark mark);
bool lane_has_polled(const struct lane *thread, const char *name);
// How often it was polled with a long time in line before; the first poll needs
// no line.
double lane_turns(const struct lane *lane, double line);

// How long the noun in its name is: "task" of "task 12".
size_t lane_noun(const struct lane *lane);
// Of the same group, with the same noun.
bool lane_is_like(const struct lane *lane, const struct lane *other);

// ---- All lanes of a group ----

// How many there are. A lane named "9984 more" counts as many.
double trace_lanes(const struct trace *t, int group);
// The lane with the most time in such spans.
const struct lane *trace_most(const struct trace *t, int group, span_kind *is);
const struct lane *trace_marked(const struct trace *t, int group,
                                enum mark mark);

// ---- Standing in line for a thread that is held ----

struct hold {
    const struct lane *thread;
    const struct lane *waiter; // who waited longest; NULL: nobody
    double time;               // and how long
    size_t waiters;            // how many like it waited so long that it shows
    const char *holder;        // in whose poll it was then, or "others"
    bool many_holders;
    enum state state; // asleep, waiting, or on the CPU
};

// The longest time that a task or connection was ready while a thread was held,
// by somebody else, in spans of this kind.
struct hold trace_hold(const struct trace *t, span_kind *is_held);

// ---- Many at the same time ----

struct together {
    double most;  // at the same time
    double sum;   // of all their times
    double taken; // in which at least one was so
    double cpu;   // that they used meanwhile
    bool crowded; // some of them share a lane: then the sum is not known
};

// Of all lanes like this one; NULL: of all threads.
struct together trace_together(const struct trace *t, const struct lane *like,
                               span_kind *is);

#endif
