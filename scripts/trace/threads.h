// What the wrappers know about the thread that called them.
#ifndef TRACE_THREADS_H
#define TRACE_THREADS_H

#include "trace.h"

struct thread {
    struct lane *lane;
    struct lane *task;  // whose poll or callback it is in; or NULL
    struct lane *outer; // in whose callback that poll is made; or NULL
    const struct lane *works_for; // not in its loop's or worker's way; or NULL
    const char *inside;           // the poll or callback that it is in; or NULL
    const char *waits_for; // whom the call that it is in waits for; or NULL
    bool is_helper;        // its waiting for work is in nobody's way
    bool is_worker;        // a helper that runs tasks
    bool is_loop;          // it has run an event loop
    bool is_timer;         // a helper that waits for points in time
    bool asks;             // it awaits a future by asking all the time
    bool is_asleep;
    bool failed;        // it gave up with an error
    int worker;         // its number in its executor, from 0; or -1
    int blocked;        // how many blocking calls it has made
    bool poll_counts;   // the poll that it is in is not counted yet
    int64_t tick, time; // see glance
    int64_t tick_cpu;   // its CPU time at that tick
    int tick_polls;     // since then
    // Threads that it makes now are workers, this many; 0: they are not.
    int makes_workers, workers_made;
};

// The calling thread's. Its lane is NULL when tracing is off, and for threads
// that nobody saw being made.
struct thread *this_thread(void);

// The name of an executor's worker, or NULL. The text stays.
const char *worker_name(int worker);

// The time, exactly.
int64_t look(struct thread *me);

// The time, at most a few milliseconds old: what the kernel noted at its last
// tick costs a fifth of an exact answer. Enough to see that a poll, one of
// millions, took no time at all.
int64_t glance(struct thread *me);

// A worker or a loop has nothing to do, and waits. How often has that happened?
void note_pause(void);
int count_pauses(void);

// Counts the poll that the thread is in, in the span where it spends its time.
void count_poll(struct thread *me);

// Around a call that may block: the thread's lane, and that of the task whose
// poll it is in, say so.
void block(struct thread *me, enum lane_state state, const char *name);
void go_on(struct thread *me);

#endif
