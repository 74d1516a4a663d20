// A trace in memory: lanes, one for each thread, task or connection. A lane is
// a row of spans, each in one state, with marks for what happens at one moment.
// All times are microseconds from the start of the program.
//
// The file is Chrome's JSON Array Format, so Perfetto opens it as well. The
// first line is "[", then each line is one event, of these kinds:
//
//   ph  what it is                  what we take from it
//   X   a span with ts and dur      cat: its state. args: inside, task, thread,
//   B   a span that begins at ts    for, polls, cpu_us; see struct span
//   E   the span that is open ends  ts
//   i   a moment at ts              name: its mark. args: by, from
//   M   a name for a lane           name "thread_name", args: name
//   M   what was run                name "run", args: program, act
//   M   how it ended                name "end", args: wall_us, cpu_us, polls,
//                                   status
//
// pid is the group of the lane, tid its number in the group. Lines may come in
// any order, but B before its E. A run that was killed leaves a file that breaks
// off: what can be read of it is a trace too, and a span that is still open goes
// on to the last time stamp.
#ifndef TRACE_H
#define TRACE_H

#include <stdbool.h>
#include <stddef.h>

// In a trace: "asleep", "waiting", "cpu", "ready", "parked".
enum state { ASLEEP, WAITING, CPU, READY, PARKED, NO_STATE };
enum { states = NO_STATE };

// In the order of their weight: where two meet, the later one is seen.
enum mark {
    MARK_NONE,
    MARK_BORDER, // not in a trace: one bar ends, the next begins
    MARK_POLL,   // not in a trace either: a poll begins
    MARK_BYTES_OUT,
    MARK_BYTES_IN,
    MARK_START,
    MARK_END,
    MARK_STOLEN,
    MARK_CANCELLED,
    MARK_PANIC,
};
enum { marks = MARK_PANIC + 1 };

struct span {
    double start;
    double end;
    enum state state;
    // In whose poll or callback this thread sleeps or waits: that, and only
    // that, is blocking. NULL: in nobody's.
    const char *inside;
    // A thread's lane: the task that it polls. A task's lane: the thread that
    // polls it. NULL: not a poll.
    const char *with;
    const char *awaits; // whose end it waits for, or asks for all the time
    double polls;       // equal polls in a row are one span
    double cpu;         // microseconds; below 0: not known
};

struct moment {
    double at;
    enum mark mark;
    const char *by;   // who stole, else NULL
    const char *from; // whom it was stolen from, else NULL
};

enum group { THREADS = 1, TASKS = 2, STREAMS = 3 };

// A lane named "9984 more" stands for as many, so that a crowd fits.
struct lane {
    int group;
    int number;
    const char *name;
    char own_name[24]; // "task 3", if the file gives none
    struct span *spans;
    size_t span_count;
    struct moment *moments;
    size_t moment_count;
    struct span *open; // begun and not ended, the outermost first
    size_t open_count;
};

struct trace {
    char *text; // the file: all names point into it
    const char *program;
    const char *act;
    struct lane *lanes; // by group and number
    size_t lane_count;
    double last; // the last time stamp of all
    bool ended;  // false: the run was killed, or goes on
    double wall;
    double left_out; // of the wall clock's time: see trace_crop
    double cpu;      // below 0: not known
    double polls;
    int status;
    size_t unread; // lines that are not events, a cut last one left out
};

// Reads a file. RETURNS NULL if all is well, else the reason why not; either
// way trace_free must follow.
const char *trace_read(struct trace *t, const char *path);
// The same from memory. CONSUMES text, which is from malloc, has size bytes and
// room for one more.
const char *trace_parse(struct trace *t, char *text, size_t size);
void trace_free(struct trace *t);

// Two spans of the same thing: equal state, and for or in the same partner.
bool span_same(const struct span *a, const struct span *b);
// A poll, or a run of them; on any lane.
bool span_is_poll(const struct span *s);
// Asleep or waiting in the middle of a poll or callback of somebody else.
bool span_is_blocked(const struct span *s);

#endif
