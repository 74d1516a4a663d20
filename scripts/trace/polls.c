#define _POSIX_C_SOURCE 200809L
// The lanes of tasks. A poll that takes no time is only counted: that is how a
// task looks that asks for the time again and again, millions of times. A poll
// that lasts is drawn, because it blocked or computed: meanwhile others stand
// in line. And one that comes after a pause is drawn, because it is an event.
#include "polls.h"

#include "threads.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stddef.h>

enum {
    most_tasks = 16, // that have a lane of their own
    // What is shorter is not drawn, unless it is a call that blocks. It is
    // longer than a tick, see glance.
    long_ns = 5 * 1000 * 1000,
};

struct task {
    struct lane *lane;
    _Atomic(const void *) future; // NULL: free for the next one
    _Atomic(const void *) waker;
    _Atomic(const void *) handle;
    _Atomic int64_t woken_at; // 0: not woken since the last poll
    // What follows is touched only by who polls it, or before anybody can.
    int64_t last_end; // of a poll; 0: never polled
    // When its last poll ended, how many had been drawn, and how many pauses
    // there had been.
    int drawn_before, pauses_before;
    bool drawn; // its lane shows the poll that is going on
    bool finished;
    atomic_int home; // touched by all, like those above
};

static struct task tasks[most_tasks];
static int next_number[3]; // by kind
static struct lane *crowd; // the lane of those who have none
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER; // guards making one
static bool no_wake_needed;
static atomic_bool stealing;
static atomic_int drawn; // polls that held their worker for a long time

// What the calling thread is polling, or was.
static _Thread_local struct poll {
    bool going_on;
    struct task *task; // NULL: one without a lane, or not a task
    int64_t start;
    int blocked;          // what the thread had counted before
    int64_t cpu;          // its CPU time at the tick before
    int number;           // of the poll, since that tick
    const char *callback; // in which it is made; or NULL
} poll;

// ---- Finding one ----

static struct task *find(const void *future) {
    for (int i = 0; i < most_tasks; i++) {
        if (atomic_load_explicit(&tasks[i].future, memory_order_relaxed) ==
            future) {
            return &tasks[i];
        }
    }
    return NULL;
}

void tasks_need_no_wake(void) {
    no_wake_needed = true;
}

void tasks_can_be_stolen(bool they_can) {
    atomic_store(&stealing, they_can);
}

void task_lives_at(const void *future, int home) {
    struct task *t = find(future);
    if (t != NULL) {
        atomic_store(&t->home, home);
    }
}

void task_has_handle(const void *future, const void *handle) {
    struct task *t = find(future);
    for (int i = 0; i < most_tasks && t != NULL; i++) {
        const void *same = handle; // of a task that is gone
        atomic_compare_exchange_strong(&tasks[i].handle, &same, NULL);
    }
    if (t != NULL) {
        atomic_store(&t->handle, handle);
    }
}

const char *task_name_by_handle(const void *handle) {
    for (int i = 0; i < most_tasks && handle != NULL; i++) {
        if (atomic_load(&tasks[i].handle) == handle) {
            return trace_name(tasks[i].lane);
        }
    }
    return NULL;
}

// ---- The beginning of a task ----

void tasks_begin_again(void) {
    pthread_mutex_lock(&mutex);
    next_number[A_TASK] = 0;
    pthread_mutex_unlock(&mutex);
}

// The next lane of that kind.
static struct lane *lane_for(enum task_kind kind) {
    static const char *const names[] = {"task", "future", "request"};
    char name[32];
    next_number[kind]++;
    snprintf(name, sizeof name, "%s %d", names[kind], next_number[kind]);
    return trace_lane_again(kind == A_REQUEST ? STREAMS : TASKS, name);
}

static void fill_in(struct task *t, struct lane *lane, const void *future) {
    t->lane = lane;
    t->last_end = 0;
    t->drawn = t->finished = false;
    atomic_store(&t->woken_at, 0);
    atomic_store(&t->home, -1);
    atomic_store(&t->handle, NULL);
    atomic_store(&t->waker, NULL);
    atomic_store(&t->future, future);
}

void task_begins(const void *future, enum task_kind kind) {
    if (!trace_is_on()) {
        return;
    }
    int64_t now = look(this_thread());
    pthread_mutex_lock(&mutex);
    struct task *t = find(NULL);
    struct lane *lane = lane_for(kind);
    if (t != NULL && !trace_is_shared(lane)) {
        fill_in(t, lane, future);
    } else if (crowd == NULL) {
        crowd = lane;
    }
    pthread_mutex_unlock(&mutex);
    trace_enter(lane, READY, (struct about){.name = "spawned"}, now);
}

// ---- A poll ----

static void sign_if_stolen(struct thread *me, struct task *t, int64_t now) {
    if (!atomic_load_explicit(&stealing, memory_order_relaxed)) {
        return;
    }
    int home = atomic_load(&t->home);
    if (home >= 0 && me->worker >= 0 && home != me->worker) {
        trace_sign(t->lane, "stolen", trace_name(me->lane), worker_name(home),
                   now);
    }
}

// Since when it stood in line behind others; 0: it did not. A worker that the
// system did not run for a while is not a reason.
static int64_t in_line_since(struct task *t, int64_t now) {
    int64_t woken = atomic_load_explicit(&t->woken_at, memory_order_relaxed);
    if (woken != 0) {
        atomic_store_explicit(&t->woken_at, 0, memory_order_relaxed);
    }
    if ((woken == 0 && !no_wake_needed) || now - t->last_end < long_ns ||
        atomic_load_explicit(&drawn, memory_order_relaxed) == t->drawn_before) {
        return 0;
    }
    return woken > t->last_end ? woken : t->last_end;
}

static void draw_poll(struct thread *me, struct task *t, int64_t since) {
    t->drawn = true;
    trace_enter(t->lane, ON_CPU, (struct about){"poll", NULL, NULL, me->lane},
                since);
}

static void begin_poll_of(struct thread *me, struct task *t, int64_t now) {
    me->task = t->lane;
    me->inside = trace_name(t->lane);
    sign_if_stolen(me, t, now);
    if (t->last_end == 0) {
        trace_sign(t->lane, "start", NULL, NULL, now);
        draw_poll(me, t, now);
        trace_count_poll(t->lane);
        return;
    }
    int64_t since = in_line_since(t, now);
    if (since != 0) {
        trace_enter(t->lane, READY, (struct about){.name = "in line"}, since);
    }
    if (since != 0 || count_pauses() != t->pauses_before) {
        draw_poll(me, t, now);
    }
    trace_count_poll(t->lane);
}

bool poll_begins(const void *future, const void *waker) {
    struct thread *me = this_thread();
    if (me->lane == NULL || poll.going_on) {
        return false;
    }
    struct task *t = find(future);
    if (t == NULL && !me->is_worker) {
        return false; // somebody looks at a handle
    }
    int64_t now = me->time; // it has done nothing since the last poll or wait
    if (t != NULL && now < t->last_end) {
        now = t->last_end; // this thread's clock may be a tick behind
    }
    poll = (struct poll){
        true, t, now, me->blocked, me->tick_cpu, ++me->tick_polls, me->inside};
    me->outer = me->task;
    me->poll_counts = true;
    if (t == NULL) {
        me->task = crowd;
        me->inside = "another task";
        return true;
    }
    if (atomic_load_explicit(&t->waker, memory_order_relaxed) != waker) {
        atomic_store_explicit(&t->waker, waker, memory_order_relaxed);
    }
    begin_poll_of(me, t, now);
    return true;
}

// ---- The end of a poll ----

// It did not block, and it did not end at once. Did it compute? If the system
// did not let its thread run, that is nobody's fault. The thread's CPU time was
// read at a tick, some milliseconds before the poll; what others have used
// since then is at most as much for each as for this one.
static bool has_computed(const struct thread *me, int64_t now) {
    return now - poll.start >= long_ns &&
           me->tick_cpu - poll.cpu >= poll.number * (int64_t)long_ns;
}

// So far neither lane says anything of this poll.
static void draw_long_poll(struct thread *me) {
    struct task *t = poll.task;
    trace_enter(me->lane, ON_CPU,
                (struct about){"poll", NULL, NULL, t != NULL ? t->lane : crowd},
                poll.start);
    if (t != NULL) {
        draw_poll(me, t, poll.start);
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

static void finish_lane(struct task *t, const char *sign, int64_t now) {
    t->finished = true;
    trace_sign(t->lane, sign, NULL, NULL, now);
    trace_leave(t->lane, now);
}

static void end_poll_of_crowd(bool ready, int64_t now) {
    if (ready) {
        trace_leave(crowd, now);
    } else {
        trace_enter(crowd, PARKED, (struct about){.name = "pending"}, now);
    }
}

void poll_ends(bool ready) {
    struct thread *me = this_thread();
    struct task *t = poll.task;
    bool lasted;
    int64_t now = leave_poll(me, ready || (t != NULL && t->drawn), &lasted);
    if (t == NULL) {
        end_poll_of_crowd(ready, now);
        return;
    }
    t->last_end = now;
    t->drawn_before = atomic_load_explicit(&drawn, memory_order_relaxed);
    t->pauses_before = count_pauses();
    if (ready) {
        finish_lane(t, "end", now);
    } else if (t->drawn || lasted) {
        trace_enter(t->lane, PARKED, (struct about){.name = "pending"}, now);
        t->drawn = false;
    }
}

void poll_panics(void) {
    if (!poll.going_on) {
        return;
    }
    struct thread *me = this_thread();
    bool lasted;
    int64_t now = leave_poll(me, true, &lasted);
    if (poll.task != NULL) {
        finish_lane(poll.task, "panic", now);
    }
}

// ---- Between polls ----

static bool has_waker(struct task *t, const void *waker) {
    return atomic_load_explicit(&t->waker, memory_order_relaxed) == waker;
}

// As a rule a task wakes itself.
static struct task *find_by_waker(const void *waker) {
    if (poll.going_on && poll.task != NULL && has_waker(poll.task, waker)) {
        return poll.task;
    }
    for (int i = 0; i < most_tasks; i++) {
        if (has_waker(&tasks[i], waker)) {
            return &tasks[i];
        }
    }
    return NULL;
}

void task_is_woken(const void *waker) {
    struct thread *me = this_thread();
    struct task *t =
        me->lane != NULL && waker != NULL ? find_by_waker(waker) : NULL;
    if (t == NULL) {
        return;
    }
    // Who wakes itself will stand in line from the end of its poll on.
    int64_t now = t == poll.task && poll.going_on ? poll.start : glance(me);
    atomic_store_explicit(&t->woken_at, now, memory_order_relaxed);
    if (me->worker >= 0) { // it will wait on the queue of who woke it
        atomic_store_explicit(&t->home, me->worker, memory_order_relaxed);
    }
}

void task_ends(const void *future) {
    struct task *t = trace_is_on() ? find(future) : NULL;
    if (t == NULL) {
        return;
    }
    if (!t->finished) {
        finish_lane(t, "cancelled", look(this_thread()));
    }
    atomic_store(&t->waker, NULL);
    atomic_store(&t->future, NULL);
}
