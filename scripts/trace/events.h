// What the trace is made of: lanes, and events on them. The parts of the tracer
// share this; those who use it need trace.h alone.
#ifndef TRACE_EVENTS_H
#define TRACE_EVENTS_H

#include "trace.h"

#include <pthread.h>
#include <stdatomic.h>

enum { states = 5, most_events = 1200 };

struct lane {
    enum lane_group group;
    int number; // from 1, in its group
    char name[32];
    int title;  // the event that tells its name
    int open;   // the span that is going on, or -1
    int kept;   // see coarsen
    bool owned; // by a thread, whose CPU clock is read
    pthread_t owner;
    int64_t cpu_told;   // the CPU time that its spans have told
    atomic_ulong polls; // counted since the last span ended
    // A lane of many: how many there ever were, and how many are left.
    bool shared;
    long members, alive;
};

struct doing {
    enum lane_state state;
    struct about about;
};

// A span may be a mixture of things that were each too short to be seen. Then
// it tells what took longest.
struct event {
    enum { NOTHING, RUN, TITLE, SPAN, SIGN, END } kind;
    struct lane *lane;
    struct doing is;      // of a sign, only the name and who
    struct doing now;     // while it goes on, and since when
    int64_t now_since;    // nanoseconds, like all times here
    int64_t start, end;   // end < 0: it goes on
    int64_t took[states]; // of the time up to now_since
    int64_t cpu;          // -1: not known
    unsigned long polls;
    int at, width; // its line in the file; width 0: none yet
};

// ---- lines.c: one event as one line of JSON ----

enum { line_size = 400 }; // longer than any line

struct line {
    char text[line_size];
    int size;
};

void line_print(struct line *line, const struct event *e);

// ---- events.c: all events, and the file ----
// Who calls these holds the lock of trace.c.

extern struct lane trace_lanes[];
extern int trace_lane_count;
extern struct event trace_events[];
extern int trace_event_count;
extern int64_t trace_grain; // what is shorter cannot be seen

bool events_open(const char *path);
void events_close(void);
void events_forget(void); // leaves the file as it is
bool events_are_open(void);

// RETURNS an empty event, the last of all; NULL: there is no room for it.
struct event *events_add(void);
// Writes the event's line. A new event appears, a changed one changes.
void events_show(struct event *e);
// Takes the event away again.
void events_erase(struct event *e);

// b becomes a part of a, its neighbour.
void events_swallow(struct event *a, struct event *b);
bool events_same(const struct doing *a, const struct doing *b);

long trace_counted(enum trace_count what);

#endif
