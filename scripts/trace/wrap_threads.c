#define _GNU_SOURCE // for CLOCK_MONOTONIC_COARSE
// A lane for each thread. Between a chapter and the calls that make, join and
// block threads: the linker turns a call to f into one to __wrap_f, and calls
// __real_f what it has replaced.
#include "threads.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>

static _Thread_local struct thread self = {.worker = -1};

struct thread *this_thread(void) {
    return &self;
}

int64_t look(struct thread *me) {
    me->time = trace_now();
    return me->time;
}

static int64_t read_clock(clockid_t clock) {
    struct timespec t;
    clock_gettime(clock, &t);
    return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

int64_t glance(struct thread *me) {
    int64_t tick = read_clock(CLOCK_MONOTONIC_COARSE);
    if (tick != me->tick) {
        me->tick = tick;
        me->tick_polls = 0;
        me->tick_cpu = read_clock(CLOCK_THREAD_CPUTIME_ID);
        look(me);
    }
    return me->time;
}

static atomic_int pauses;

void note_pause(void) {
    atomic_fetch_add_explicit(&pauses, 1, memory_order_relaxed);
}

int count_pauses(void) {
    return atomic_load_explicit(&pauses, memory_order_relaxed);
}

void count_poll(struct thread *me) {
    if (me->poll_counts) {
        me->poll_counts = false;
        trace_count_poll(me->lane);
    }
}

// ---- Blocking ----

static atomic_long asleep;

void block(struct thread *me, enum lane_state state, const char *name) {
    if (state == ASLEEP) {
        trace_at_once(MOST_ASLEEP, &asleep, 1);
    }
    me->is_asleep = state == ASLEEP;
    int64_t now = look(me);
    if (state == ASLEEP) {
        trace_count(me->inside != NULL ? SLEEPS_INSIDE : SLEEPS);
    }
    me->blocked++;
    const struct lane *with = me->task != NULL ? me->task : me->works_for;
    trace_enter(me->lane, state,
                (struct about){name, me->inside, me->waits_for, with}, now);
    trace_enter(me->task, state, (struct about){name, NULL, NULL, me->lane},
                now);
    trace_enter(me->outer, state, (struct about){name, NULL, NULL, me->lane},
                now);
    count_poll(me);
}

void go_on(struct thread *me) {
    if (me->is_asleep) {
        me->is_asleep = false;
        trace_at_once(MOST_ASLEEP, &asleep, -1);
    }
    int64_t now = look(me);
    const struct lane *with = me->task != NULL ? me->task : me->works_for;
    trace_enter(me->lane, ON_CPU,
                (struct about){with != NULL ? "poll" : "run", NULL, NULL, with},
                now);
    trace_enter(me->task, ON_CPU, (struct about){"poll", NULL, NULL, me->lane},
                now);
    trace_enter(me->outer, ON_CPU, (struct about){"poll", NULL, NULL, me->lane},
                now);
}

// A worker that waits for work is in nobody's way, unless it waits in the
// middle of a poll.
static void block_waiting(struct thread *me, const char *name) {
    if (me->is_helper && me->inside == NULL) {
        note_pause();
        block(me, PARKED, "idle");
    } else {
        block(me, WAITING, name);
    }
}

// ---- Sleeping ----

int __real_nanosleep(const struct timespec *time, struct timespec *left);
int __wrap_nanosleep(const struct timespec *time, struct timespec *left) {
    block(&self, ASLEEP, "sleep");
    int result = __real_nanosleep(time, left);
    go_on(&self);
    return result;
}

int __real_clock_nanosleep(clockid_t clock, int flags,
                           const struct timespec *time, struct timespec *left);
int __wrap_clock_nanosleep(clockid_t clock, int flags,
                           const struct timespec *time, struct timespec *left) {
    block(&self, ASLEEP, "sleep");
    int result = __real_clock_nanosleep(clock, flags, time, left);
    go_on(&self);
    return result;
}

unsigned __real_sleep(unsigned seconds);
unsigned __wrap_sleep(unsigned seconds) {
    block(&self, ASLEEP, "sleep");
    unsigned left = __real_sleep(seconds);
    go_on(&self);
    return left;
}

// Not POSIX any more, but what everybody types.
int __real_usleep(unsigned us);
int __wrap_usleep(unsigned us) {
    block(&self, ASLEEP, "sleep");
    int result = __real_usleep(us);
    go_on(&self);
    return result;
}

// ---- Waiting for another thread ----

int __real_pthread_cond_wait(pthread_cond_t *condition, pthread_mutex_t *mutex);
int __wrap_pthread_cond_wait(pthread_cond_t *condition,
                             pthread_mutex_t *mutex) {
    block_waiting(&self, "wait");
    int error = __real_pthread_cond_wait(condition, mutex);
    go_on(&self);
    return error;
}

// A helper that waits until a point in time is what a timer is.
int __real_pthread_cond_timedwait(pthread_cond_t *condition,
                                  pthread_mutex_t *mutex,
                                  const struct timespec *until);
int __wrap_pthread_cond_timedwait(pthread_cond_t *condition,
                                  pthread_mutex_t *mutex,
                                  const struct timespec *until) {
    if (self.is_helper && !self.is_worker && !self.is_timer) {
        self.is_timer = true;
        trace_rename(self.lane, "timer");
    }
    block_waiting(&self, "wait");
    int error = __real_pthread_cond_timedwait(condition, mutex, until);
    go_on(&self);
    if (error == ETIMEDOUT) {
        trace_count(TIMEOUTS);
    }
    return error;
}

// Who awaits a future by asking again and again offers its turn in between:
// so these calls are the polls that it makes.
int __real_sched_yield(void);
int __wrap_sched_yield(void) {
    if (self.asks) {
        trace_count_poll(self.lane);
    }
    return __real_sched_yield();
}

// ---- Making, ending and joining threads ----

enum { name_size = 16 }; // with its end; Linux keeps no more

// What a new thread needs. The thread frees it.
struct start {
    void *(*function)(void *arg);
    void *arg;
    struct lane *lane;
    bool is_helper, is_worker;
    int worker;
};

// Whom a join waits for.
static struct known {
    pthread_t thread;
    struct lane *lane;
} known[16];
static int known_count, thread_count;
static struct lane *workers[64]; // of the executor that was made last
static atomic_flag mutex = ATOMIC_FLAG_INIT; // guards these

static void remember(pthread_t thread, struct lane *lane) {
    if (trace_is_shared(lane)) {
        return; // many have it: it tells nobody apart
    }
    trace_lock(&mutex);
    int i = 0;
    while (i < known_count && known[i].lane != lane) {
        i++;
    }
    if (i < 16) {
        known[i] = (struct known){thread, lane};
        known_count += i == known_count;
    }
    trace_unlock(&mutex);
}

static const char *name_of(pthread_t thread) {
    const char *name = NULL;
    trace_lock(&mutex);
    for (int i = 0; i < known_count; i++) {
        if (pthread_equal(known[i].thread, thread)) {
            name = trace_name(known[i].lane);
        }
    }
    trace_unlock(&mutex);
    return name;
}

const char *worker_name(int worker) {
    trace_lock(&mutex);
    const char *name =
        worker >= 0 && worker < 64 ? trace_name(workers[worker]) : NULL;
    trace_unlock(&mutex);
    return name;
}

// Runs also when the thread ends by pthread_exit, deep in its calls.
static void end_thread(void *name_before) {
    char name[name_size] = "";
    if (!trace_is_shared(self.lane) && prctl(PR_GET_NAME, name) == 0 &&
        strcmp(name, name_before) != 0) {
        trace_rename(self.lane, name); // it has given itself a name
    }
    int64_t now = look(&self);
    trace_sign(self.lane, self.failed ? "panic" : "end", NULL, NULL, now);
    trace_leave(self.lane, now);
}

static void begin_thread(const struct start *start) {
    self.lane = start->lane;
    self.is_helper = start->is_helper;
    self.is_worker = start->is_worker;
    self.worker = start->worker;
    trace_own(self.lane);
    trace_sign(self.lane, "start", NULL, NULL, look(&self));
    go_on(&self);
}

// Where this thread's own frames begin, downwards. NULL: it is main.
static _Thread_local const char *first_frame;

// What lies in frames that are gone, or will be: nothing to give away.
static void look_at_result(const void *result) {
    if (result == NULL || first_frame == NULL) {
        return;
    }
    ptrdiff_t below = first_frame - (const char *)result;
    if (below > 0 && below < 1024 * 1024) {
        trace_count(RESULTS_ON_STACK);
    }
}

static void *run_thread(void *arg) {
    struct start start = *(struct start *)arg;
    char name[name_size] = "";
    free(arg);
    if (!trace_is_shared(start.lane)) {
        (void)!prctl(PR_GET_NAME, name);
    }
    begin_thread(&start);
    pthread_cleanup_push(end_thread, name);
    first_frame = (const char *)&start;
    start.arg = start.function(start.arg);
    look_at_result(start.arg);
    pthread_cleanup_pop(1);
    return start.arg;
}

// A worker is made while somebody starts an executor; another helper, such as a
// timer, is made in the middle of a poll.
static struct lane *lane_for_new_thread(struct thread *me) {
    char name[32] = "worker";
    if (me->makes_workers > 0) {
        if (me->makes_workers > 1) {
            snprintf(name, sizeof name, "worker %d", me->workers_made + 1);
        }
        struct lane *lane = trace_lane_again(THREADS, name);
        trace_lock(&mutex);
        if (me->workers_made < 64) {
            workers[me->workers_made] = lane;
        }
        trace_unlock(&mutex);
        me->workers_made++;
        return lane;
    }
    trace_lock(&mutex);
    int number = ++thread_count;
    trace_unlock(&mutex);
    snprintf(name, sizeof name, "thread %d", number);
    return trace_lane(THREADS, name);
}

int __real_pthread_create(pthread_t *thread, const pthread_attr_t *attributes,
                          void *(*function)(void *), void *arg);
int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attributes,
                          void *(*function)(void *), void *arg) {
    struct start *start = trace_is_on() ? malloc(sizeof *start) : NULL;
    if (start == NULL) {
        return __real_pthread_create(thread, attributes, function, arg);
    }
    struct lane *lane = lane_for_new_thread(&self);
    *start = (struct start){
        .function = function,
        .arg = arg,
        .lane = lane,
        .is_helper = self.makes_workers > 0 || self.inside != NULL,
        .is_worker = self.makes_workers > 0,
        .worker = self.makes_workers > 0 ? self.workers_made - 1 : -1,
    };
    trace_enter(lane, READY, (struct about){.name = "new"}, look(&self));
    int error = __real_pthread_create(thread, attributes, run_thread, start);
    if (error == 0) {
        trace_count(THREADS_MADE);
        remember(*thread, lane);
    } else {
        trace_leave(lane, look(&self));
        free(start);
    }
    return error;
}

int __real_pthread_join(pthread_t thread, void **result);
int __wrap_pthread_join(pthread_t thread, void **result) {
    self.waits_for = trace_is_on() ? name_of(thread) : NULL;
    trace_count(JOINS);
    block(&self, WAITING, "join");
    int error = __real_pthread_join(thread, result);
    self.waits_for = NULL;
    go_on(&self);
    return error;
}

// To leave something behind on this way is how a thread says that it failed.
_Noreturn void __real_pthread_exit(void *result);
_Noreturn void __wrap_pthread_exit(void *result) {
    self.failed = result != NULL;
    look_at_result(result);
    __real_pthread_exit(result);
}

// The main thread, before main.
__attribute__((constructor(102))) static void begin(void) {
    self.lane = trace_lane(THREADS, "main");
    trace_own(self.lane);
    go_on(&self);
}
