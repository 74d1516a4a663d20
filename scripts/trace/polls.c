#define _GNU_SOURCE // for RUSAGE_THREAD
// The lanes of tasks. Between two polls a task stands in line if its waker was
// called since the poll began, and else it waits. Its lane says which.
//
// A poll that takes no time is only counted: that is how a task looks that asks
// for the time again and again, millions of times. Its lane then says where it
// was in between. A poll that lasts is drawn, because it blocked or computed:
// meanwhile others stand in line. And one that comes after a pause is drawn,
// because it is an event.
#include "polls.h"

#include "threads.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/resource.h>
#include <time.h>

enum {
    // What is shorter is not drawn, unless it is a call that blocks. It is
    // longer than a tick, see glance.
    long_ns = 5 * 1000 * 1000,
    // A poll of that length has computed if it used so much of the CPU.
    computed_ns = 1000 * 1000,
};

// Where a task is, as far as its wakes tell. A wake in POLLED makes it WOKEN,
// and one while it is ASIDE puts it IN_LINE.
enum place { IN_LINE, POLLED, WOKEN, ASIDE };

// What is not atomic is touched only by who polls it, or before anybody can; and
// by who wakes it while it is ASIDE.
struct watched {
    struct lane *lane;
    _Atomic(const void *) waker;
    _Atomic(const void *) handle;
    int64_t last_end; // of a poll; 0: never polled
    _Atomic enum place place;
    atomic_int home;
    // When its last poll ended, how many had been drawn, and how many pauses
    // there had been.
    int drawn_before, pauses_before;
    enum lane_state between; // what its lane shows between two polls
    atomic_bool taken;       // false: free for the next one
    bool drawn;              // its lane shows the poll that is going on
    bool finished;
};

static struct watched tasks[most_watched];
static struct watched crowd; // those who have no lane of their own
static int next_number[3];   // by kind
static atomic_flag mutex = ATOMIC_FLAG_INIT; // guards making one
static bool no_wake_needed;
static atomic_bool stealing;
static atomic_int drawn; // polls that held their worker for a long time

// What the calling thread is polling, or was.
static _Thread_local struct poll {
    bool going_on;
    struct watched *task;
    const void *waker;
    bool woken; // by itself
    int64_t start;
    int blocked;          // what the thread had counted before
    int64_t cpu;          // its CPU time at the tick before
    int number;           // of the poll, since that tick
    const char *callback; // in which it is made; or NULL
} poll;

void tasks_need_no_wake(void) {
    no_wake_needed = true;
}

void tasks_can_be_stolen(bool they_can) {
    atomic_store(&stealing, they_can);
}

int task_number(const struct watched *w) {
    return w != &crowd ? (int)(w - tasks) : -1;
}

void task_lives_at(struct watched *w, int home) {
    if (w != NULL) {
        atomic_store(&w->home, home);
    }
}

const char *task_name(const struct watched *w) {
    return w != NULL && w != &crowd ? trace_name(w->lane) : NULL;
}

void task_has_handle(struct watched *w, const void *handle) {
    for (int i = 0; i < most_watched && w != NULL; i++) {
        const void *same = handle; // of a task that is gone
        atomic_compare_exchange_strong(&tasks[i].handle, &same, NULL);
    }
    if (w != NULL) {
        atomic_store(&w->handle, handle);
    }
}

const char *task_name_by_handle(const void *handle) {
    for (int i = 0; i < most_watched && handle != NULL; i++) {
        if (atomic_load(&tasks[i].handle) == handle) {
            return trace_name(tasks[i].lane);
        }
    }
    return NULL;
}

// ---- The beginning of a task ----

void tasks_begin_again(void) {
    trace_lock(&mutex);
    next_number[A_TASK] = 0;
    trace_unlock(&mutex);
}

// The next lane of that kind.
static struct lane *lane_for(enum task_kind kind) {
    static const char *const names[] = {"task", "future", "request"};
    char name[32];
    next_number[kind]++;
    snprintf(name, sizeof name, "%s %d", names[kind], next_number[kind]);
    return trace_lane_again(kind == A_REQUEST ? STREAMS : TASKS, name);
}

static struct watched *find_free(void) {
    for (int i = 0; i < most_watched; i++) {
        if (!atomic_load(&tasks[i].taken)) {
            return &tasks[i];
        }
    }
    return NULL;
}

static void fill_in(struct watched *w, struct lane *lane) {
    w->lane = lane;
    w->last_end = 0;
    w->drawn = w->finished = false;
    w->between = READY;
    atomic_store(&w->place, IN_LINE);
    atomic_store(&w->home, -1);
    atomic_store(&w->handle, NULL);
    atomic_store(&w->waker, NULL);
    atomic_store(&w->taken, true);
}

struct watched *task_begins(enum task_kind kind) {
    if (!trace_is_on()) {
        return NULL;
    }
    int64_t now = look(this_thread());
    trace_lock(&mutex);
    struct watched *w = find_free();
    struct lane *lane = lane_for(kind);
    if (w != NULL && !trace_is_shared(lane)) {
        fill_in(w, lane);
    } else {
        w = &crowd;
        if (crowd.lane == NULL) { // else they are polled already
            crowd.lane = lane;
        }
    }
    trace_unlock(&mutex);
    trace_enter(lane, READY, (struct about){.name = "spawned"}, now);
    return w;
}

// ---- A poll ----

static void sign_if_stolen(struct thread *me, struct watched *w, int64_t now) {
    if (!atomic_load_explicit(&stealing, memory_order_relaxed)) {
        return;
    }
    int home = atomic_load(&w->home);
    if (home >= 0 && me->worker >= 0 && home != me->worker) {
        trace_sign(w->lane, "stolen", trace_name(me->lane), worker_name(home),
                   now);
    }
}

static void draw_poll(struct thread *me, struct watched *w, int64_t since) {
    w->drawn = true;
    trace_enter(w->lane, ON_CPU, (struct about){"poll", NULL, NULL, me->lane},
                since);
}

// Did it stand in line behind others that held the thread? A worker that the
// system did not run for a while is not a reason.
static bool stood_in_line(const struct watched *w, int64_t now) {
    return now - w->last_end >= long_ns &&
           atomic_load_explicit(&drawn, memory_order_relaxed) !=
               w->drawn_before;
}

static void begin_poll_of(struct thread *me, struct watched *w, int64_t now) {
    me->task = w->lane;
    me->inside = trace_name(w->lane);
    sign_if_stolen(me, w, now);
    if (w->last_end == 0) {
        trace_sign(w->lane, "start", NULL, NULL, now);
    }
    if (w->last_end == 0 || stood_in_line(w, now) ||
        count_pauses() != w->pauses_before) {
        draw_poll(me, w, now);
    }
    trace_count_poll(w->lane);
}

// ---- What a poll may not do ----

// Whatever the call was: a thread that blocks gives up the processor of its own
// accord, and the kernel counts that. A lock that is held for a moment does it, too,
// so only what took longer counts.
static const int64_t long_block_ns = 1000 * 1000;

static _Thread_local struct {
    int64_t wall, cpu;
    long switches;
} before;

static atomic_long polls_now;

static long switches(void) {
    struct rusage used;
    return getrusage(RUSAGE_THREAD, &used) == 0 ? used.ru_nvcsw : 0;
}

static int64_t clock_ns(clockid_t clock) {
    struct timespec t;
    clock_gettime(clock, &t);
    return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

static void count_begin(void) {
    trace_at_once(MOST_POLLS, &polls_now, 1);
    if (trace_counting()) {
        before.wall = clock_ns(CLOCK_MONOTONIC);
        before.cpu = clock_ns(CLOCK_THREAD_CPUTIME_ID);
        before.switches = switches();
    }
}

static void count_end(void) {
    trace_at_once(MOST_POLLS, &polls_now, -1);
    if (!trace_counting()) {
        return;
    }
    if (clock_ns(CLOCK_MONOTONIC) - before.wall > long_block_ns &&
        switches() > before.switches) {
        trace_count(BLOCKED_POLLS);
    }
    trace_most(LONGEST_POLL_US,
               (clock_ns(CLOCK_THREAD_CPUTIME_ID) - before.cpu) / 1000);
}

bool poll_begins(struct watched *w, const void *waker) {
    struct thread *me = this_thread();
    if (me->lane == NULL || poll.going_on) {
        return false;
    }
    int64_t now = me->time; // it has done nothing since the last poll or wait
    if (now < w->last_end) {
        now = w->last_end; // this thread's clock may be a tick behind
    }
    poll = (struct poll){true,      w,           waker,        false,
                         now,       me->blocked, me->tick_cpu, ++me->tick_polls,
                         me->inside};
    count_begin();
    me->outer = me->task;
    me->poll_counts = true;
    if (w == &crowd) {
        me->task = crowd.lane;
        me->inside = "another task";
        return true;
    }
    if (atomic_load_explicit(&w->waker, memory_order_relaxed) != waker) {
        atomic_store_explicit(&w->waker, waker, memory_order_relaxed);
    }
    atomic_store_explicit(&w->place, POLLED, memory_order_relaxed);
    begin_poll_of(me, w, now);
    return true;
}

// ---- The end of a poll ----

// It did not block, and it did not end at once. Did it compute? If the system
// did not let its thread run, that is nobody's fault. The thread's CPU time was
// read at a tick, some milliseconds before the poll; what others have used
// since then is at most as much for each as for this one.
static bool has_computed(const struct thread *me, int64_t now) {
    return now - poll.start >= long_ns &&
           me->tick_cpu - poll.cpu >= poll.number * (int64_t)computed_ns;
}

// So far neither lane says anything of this poll.
static void draw_long_poll(struct thread *me) {
    trace_enter(me->lane, ON_CPU,
                (struct about){"poll", NULL, NULL, poll.task->lane},
                poll.start);
    if (poll.task != &crowd) {
        draw_poll(me, poll.task, poll.start);
    }
}

// RETURNS the time. *lasted: the poll held the thread for a while.
static int64_t leave_poll(struct thread *me, bool exactly, bool *lasted) {
    *lasted = me->blocked != poll.blocked;
    int64_t now = glance(me);
    if (exactly || *lasted) {
        now = look(me);
    }
    now = now > poll.start ? now : poll.start;
    if (!*lasted && has_computed(me, now)) {
        *lasted = true;
        draw_long_poll(me);
    }
    count_poll(me);
    count_end();
    poll.going_on = false;
    me->task = me->outer;
    me->outer = NULL;
    me->inside = poll.callback;
    if (*lasted) {
        atomic_fetch_add(&drawn, 1);
        trace_enter(me->lane, ON_CPU,
                    (struct about){"run", NULL, NULL, me->task}, now);
    }
    return now;
}

static void finish_lane(struct watched *w, const char *sign, int64_t now) {
    w->finished = true;
    trace_sign(w->lane, sign, NULL, NULL, now);
    trace_leave(w->lane, now);
}

static enum lane_state between(bool woken) {
    return woken ? READY : PARKED;
}

static void show_between(struct watched *w, bool woken, int64_t now) {
    w->between = between(woken);
    w->drawn = false;
    trace_enter(w->lane, w->between,
                (struct about){.name = woken ? "in line" : "pending"}, now);
}

// The lane says that it waits before anybody can find it ASIDE, and say that it
// does no more.
static void wait_for_wake(struct watched *w, int64_t now) {
    enum place polled = POLLED;
    if (w->drawn || w->between != PARKED) {
        show_between(w, false, now);
    }
    if (!atomic_compare_exchange_strong(&w->place, &polled, ASIDE)) {
        show_between(w, true, now); // it was woken just now
        atomic_store(&w->place, IN_LINE);
    }
}

static void stand_in_line(struct watched *w, int64_t now) {
    if (w->drawn || w->between != READY) {
        show_between(w, true, now);
    }
    atomic_store_explicit(&w->place, IN_LINE, memory_order_release);
}

// One state for all of them.
static void end_poll_of_crowd(struct thread *me, bool ready) {
    bool lasted;
    int64_t now = leave_poll(me, ready, &lasted);
    if (!ready) {
        trace_enter(crowd.lane, between(no_wake_needed || poll.woken),
                    (struct about){.name = "pending"}, now);
    }
}

void poll_ends(bool ready) {
    struct thread *me = this_thread();
    struct watched *w = poll.task;
    if (w == &crowd) {
        end_poll_of_crowd(me, ready);
        return;
    }
    bool woken = no_wake_needed || poll.woken ||
                 atomic_load_explicit(&w->place, memory_order_acquire) == WOKEN;
    bool changes = ready || w->drawn || w->between != between(woken);
    bool lasted;
    int64_t now = leave_poll(me, changes, &lasted);
    w->drawn |= lasted;
    w->last_end = now;
    w->drawn_before = atomic_load_explicit(&drawn, memory_order_relaxed);
    w->pauses_before = count_pauses();
    if (ready) {
        finish_lane(w, "end", now);
    } else if (woken) {
        stand_in_line(w, now);
    } else {
        wait_for_wake(w, now);
    }
}

void poll_panics(void) {
    if (!poll.going_on) {
        return;
    }
    struct thread *me = this_thread();
    bool lasted;
    int64_t now = leave_poll(me, true, &lasted);
    if (poll.task != &crowd) {
        finish_lane(poll.task, "panic", now);
    }
}

// ---- A wake ----

// It will wait on the queue of the worker that woke it.
static void move_home(const struct thread *me, struct watched *w) {
    if (me->worker >= 0) {
        atomic_store_explicit(&w->home, me->worker, memory_order_relaxed);
    }
}

static void wake_from_outside(struct thread *me, struct watched *w) {
    enum place was = atomic_load(&w->place);
    while ((was == POLLED || was == ASIDE) &&
           !atomic_compare_exchange_weak(&w->place, &was,
                                         was == POLLED ? WOKEN : IN_LINE)) {
    }
    if (was == ASIDE) {
        show_between(w, true, look(me));
    }
    move_home(me, w);
}

// As a rule a task wakes itself. The thread that it is polled by finds that out
// at the end of the poll.
void task_is_woken(const void *waker) {
    struct thread *me = this_thread();
    if (me->lane == NULL || waker == NULL) {
        return;
    }
    if (poll.going_on && poll.waker == waker) {
        poll.woken = true;
        move_home(me, poll.task);
        return;
    }
    for (int i = 0; i < most_watched; i++) {
        if (atomic_load_explicit(&tasks[i].waker, memory_order_relaxed) ==
            waker) {
            wake_from_outside(me, &tasks[i]);
        }
    }
}

// ---- The end of a task ----

void task_ends(struct watched *w) {
    int64_t now = look(this_thread());
    if (w == &crowd) {
        trace_leave(crowd.lane, now);
        return;
    }
    if (!w->finished) {
        finish_lane(w, "cancelled", now);
    }
    atomic_store(&w->waker, NULL);
    atomic_store(&w->taken, false);
}
