// The tracer writes down what a run does, as lanes of spans in the format that
// Perfetto and Chrome's trace viewer read. The chapters know nothing of it: the
// files wrap_*.c stand, at link time, between a chapter's objects and the calls
// that are worth a picture. See twin.mk.
//
// This is the part that keeps lanes and writes the file. It may be called from
// any thread.
#ifndef TRACE_H
#define TRACE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

// Not a mutex: ThreadSanitizer would take it for a promise that the program
// itself gives, and miss the races that it hides. For that, the tracer must
// also be compiled without the sanitizer.
int sched_yield(void);
static inline void trace_lock(atomic_flag *lock) {
    while (atomic_flag_test_and_set_explicit(lock, memory_order_acquire)) {
        (void)sched_yield();
    }
}
static inline bool trace_try_lock(atomic_flag *lock) {
    return !atomic_flag_test_and_set_explicit(lock, memory_order_acquire);
}
static inline void trace_unlock(atomic_flag *lock) {
    atomic_flag_clear_explicit(lock, memory_order_release);
}

enum lane_group { THREADS = 1, TASKS = 2, STREAMS = 3 };

// What a lane does, as the picture tells it apart.
enum lane_state { ASLEEP, WAITING, ON_CPU, READY, PARKED };

struct lane;

// What else is told about a span. The texts live as long as the program.
struct about {
    const char *name;
    const char *inside;      // the poll or callback that it blocks; or NULL
    const char *waits_for;   // or NULL
    const struct lane *with; // the task on a thread, the thread of a task
};

// False: nobody wants a trace of this run, and the calls below do nothing
// when they are given no lane.
bool trace_is_on(void);

// Nanoseconds since the program began.
int64_t trace_now(void);

// A lane for the calling thread, or for a task or connection. After the first
// sixteen of a group, all others share one. RETURNS NULL when tracing is off.
struct lane *trace_lane(enum lane_group group, const char *name);
// The lane of that name if it is there and its owner has ended; else a new one.
struct lane *trace_lane_again(enum lane_group group, const char *name);
void trace_rename(struct lane *lane, const char *name);
const char *trace_name(const struct lane *lane); // follows a rename
// Is this the one that many share?
bool trace_is_shared(const struct lane *lane);

// The calling thread's own lane: its CPU time is read at the ends of spans.
void trace_own(struct lane *lane);

// From `when` on, the lane does this; what it did before ends there. If it
// did that for too short a time to be seen, it is forgotten.
void trace_enter(struct lane *lane, enum lane_state state, struct about about,
                 int64_t when);

// One more poll in the span that is going on. Only one thread at a time.
void trace_count_poll(struct lane *lane);

// Nobody is on the lane any more, or not yet again.
void trace_leave(struct lane *lane, int64_t when);

// What is counted exactly, whatever the picture leaves out; told at the end. It costs
// a quarter of the poll rate, so only if TRACE_COUNTS is in the environment: for who
// judges a run.
enum trace_count {
    SLEEPS,
    SLEEPS_INSIDE, // a poll
    JOINS,
    THREADS_MADE,
    RESULTS_ON_STACK, // of a thread that has ended
    MOST_ASLEEP,
    MOST_POLLS,      // at once
    OPEN_POLLS,      // now
    BLOCKED_POLLS,   // in which the thread gave up the processor
    LONGEST_POLL_US, // of CPU time
    TIMEOUTS,        // of pthread_cond_timedwait: it slept, in a way
    SCENE,           // see scripts/exercise/leash.c
    trace_counts
};
bool trace_counting(void);
void trace_count(enum trace_count what);
void trace_set(enum trace_count what, long value);
void trace_most(enum trace_count what, long value);
// How many are at it now; the most is told.
void trace_at_once(enum trace_count what, atomic_long *now, int change);

// The end, now: for who ends the program without its exit handlers.
void trace_finish(void);

// A sign on the lane: "start", "end", "panic". by and from are NULL or names.
void trace_sign(struct lane *lane, const char *name, const char *by,
                const char *from, int64_t when);

#endif
