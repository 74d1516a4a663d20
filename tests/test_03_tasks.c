#define _POSIX_C_SOURCE 200809L
// Chapter 03 from the inside: the channel, every way in which a task can be
// woken, finish, panic, be cancelled, detached or awaited, the end of the
// program, the executor that steals, and what happens when memory is out.
#include "harness.h"

#include "executor.h"
#include "stealing.h"
#include "task.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static void pause_ms(long ms) {
    struct timespec t = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
    nanosleep(&t, NULL);
}

static double cpu_seconds(void) {
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

// ---- Failing calls ----
// The linker sends the modules' calls here (see the Makefile): the call whose
// turn it is fails.

static _Thread_local int fail_malloc_at; // 1: the next one; 0 or less: none
static atomic_int fail_thread_at, fail_atexit_at;

void *__real_malloc(size_t size);
void *__wrap_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__wrap_calloc(size_t count, size_t size);

static bool malloc_fails(void) {
    if (fail_malloc_at-- == 1) {
        errno = ENOMEM;
        return true;
    }
    return false;
}

void *__wrap_malloc(size_t size) {
    return malloc_fails() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size) {
    return malloc_fails() ? NULL : __real_calloc(count, size);
}

int __real_pthread_create(pthread_t *thread, const pthread_attr_t *attr,
                          void *(*run)(void *), void *arg);
int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attr,
                          void *(*run)(void *), void *arg);
int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attr,
                          void *(*run)(void *), void *arg) {
    if (atomic_fetch_sub(&fail_thread_at, 1) == 1) {
        return EAGAIN;
    }
    return __real_pthread_create(thread, attr, run, arg);
}

int __real_atexit(void (*handler)(void));
int __wrap_atexit(void (*handler)(void));
int __wrap_atexit(void (*handler)(void)) {
    if (atomic_fetch_sub(&fail_atexit_at, 1) == 1) {
        return -1;
    }
    return __real_atexit(handler);
}

// ---- A future that does what a test wants ----

enum kind {
    AT_ONCE,     // is ready at the first poll
    YIELDS,      // wakes itself, twice, in each of nine polls
    WOKEN_LATER, // another thread wakes it, twice
    WOKEN_SOON,  // another thread wakes it while it is being polled
    AWAITS,      // another task, its child
    PANICS,
    SPINS,  // wakes itself for ever
    NEVER,  // keeps no waker, so nobody can wake it
    BLOCKS, // holds the worker for 50 ms
    KEPT,   // leaves a clone of its waker; polled again, it tells the news
    HELD    // holds the worker until the gate is open
};

static atomic_int alive; // probes that are not dropped yet
static atomic_bool gate_is_open;
static atomic_int held; // at the gate

struct probe {
    struct future base;
    enum kind kind;
    int polls;
    atomic_bool inside; // is being polled
    struct task *child;
    struct future *join;
    int child_value;
    struct waker *kept;
    int *news; // guarded by nothing but the wake
};

static void *wake_later(void *arg) {
    struct waker *waker = arg;
    pause_ms(2);
    waker_wake(waker);
    waker_wake(waker);
    waker_drop(waker);
    free(waker);
    return NULL;
}

static void *wake_soon(void *arg) {
    waker_wake(arg);
    return NULL;
}

static pthread_t start_thread(void *run(void *), void *arg) {
    pthread_t thread;
    ck_assert_int_eq(pthread_create(&thread, NULL, run, arg), 0);
    return thread;
}

static void wake_from_elsewhere(const struct waker *waker) {
    struct waker *copy = calloc(1, sizeof *copy);
    *copy = waker_clone(waker);
    pthread_detach(start_thread(wake_later, copy));
}

// The wake comes from another thread, and certainly during the poll.
static void be_woken_now(const struct waker *waker) {
    struct waker copy = waker_clone(waker);
    pthread_join(start_thread(wake_soon, &copy), NULL);
    waker_drop(&copy);
}

static enum poll poll_child(struct probe *me, const struct waker *waker) {
    enum task_outcome outcome;
    if (me->join == NULL) {
        me->join = task_await(me->child, &me->child_value);
        me->child = NULL;
    }
    if (future_poll(me->join, waker, &outcome) == FUTURE_PENDING) {
        return FUTURE_PENDING;
    }
    future_drop(me->join);
    me->join = NULL;
    return FUTURE_READY;
}

static atomic_bool blocked; // a task that BLOCKS has begun

static enum poll act_as_told(struct probe *me, const struct waker *waker) {
    switch (me->kind) {
    case AT_ONCE:
        return FUTURE_READY;
    case YIELDS:
        waker_wake(waker);
        waker_wake(waker);
        return me->polls < 10 ? FUTURE_PENDING : FUTURE_READY;
    case WOKEN_LATER:
        if (me->polls == 1) {
            wake_from_elsewhere(waker);
        }
        return me->polls == 1 ? FUTURE_PENDING : FUTURE_READY;
    case WOKEN_SOON:
        be_woken_now(waker);
        return me->polls < 3 ? FUTURE_PENDING : FUTURE_READY;
    case AWAITS:
        return poll_child(me, waker);
    case PANICS:
        task_panic("as the test wants");
    case SPINS:
        waker_wake(waker);
        return FUTURE_PENDING;
    case NEVER:
        return FUTURE_PENDING;
    case BLOCKS:
        atomic_store(&blocked, true);
        pause_ms(50);
        return FUTURE_READY;
    case KEPT:
        if (me->polls == 1) {
            *me->kept = waker_clone(waker);
        }
        if (me->polls == 2 && me->news != NULL) {
            me->polls = *me->news;
        }
        return me->polls == 1 ? FUTURE_PENDING : FUTURE_READY;
    case HELD:
        atomic_fetch_add(&held, 1);
        while (!atomic_load(&gate_is_open)) {
            pause_ms(1);
        }
        atomic_fetch_sub(&held, 1);
        return FUTURE_READY;
    }
    return FUTURE_READY;
}

static enum poll probe_poll(struct future *self, const struct waker *waker,
                            void *out) {
    struct probe *me = (struct probe *)self;
    me->polls++;
    if (atomic_exchange(&me->inside, true)) {
        abort(); // two polls at once
    }
    enum poll poll = act_as_told(me, waker);
    atomic_store(&me->inside, false);
    if (poll == FUTURE_READY) {
        *(int *)out = me->polls;
    }
    return poll;
}

static void probe_drop(struct future *self) {
    struct probe *me = (struct probe *)self;
    if (me->join != NULL) {
        future_drop(me->join);
    }
    if (me->child != NULL) {
        task_detach(me->child);
    }
    atomic_fetch_sub(&alive, 1);
    free(self);
}

static const struct future_ops probe_ops = {probe_poll, probe_drop};

static struct probe *probe(enum kind kind) {
    struct probe *me = calloc(1, sizeof *me);
    me->base.ops = &probe_ops;
    me->kind = kind;
    atomic_fetch_add(&alive, 1);
    return me;
}

static struct task *spawn(enum kind kind) {
    return spawn_task(&probe(kind)->base, sizeof(int));
}

static void expect_all_dropped(void) {
    for (int i = 0; i < 1000 && atomic_load(&alive) > 0; i++) {
        pause_ms(10);
    }
    ck_assert_int_eq(atomic_load(&alive), 0);
}

static void expect_join(enum kind kind, enum task_outcome outcome, int polls) {
    int told = 0;
    ck_assert_int_eq(task_join(spawn(kind), &told), outcome);
    ck_assert_int_eq(told, polls);
    ck_assert_int_eq(atomic_load(&alive), 0); // dropped before it is joined
}

// ---- The handle ----

START_TEST(a_task_delivers) {
    expect_join(AT_ONCE, TASK_COMPLETED, 1);
    ck_assert_int_eq(task_join(spawn(AT_ONCE), NULL), TASK_COMPLETED);
    struct task *done = spawn(AT_ONCE);
    expect_join(BLOCKS, TASK_COMPLETED, 1); // by now the first is done
    int polls = 0;
    ck_assert_int_eq(task_join(done, &polls), TASK_COMPLETED);
    ck_assert_int_eq(polls, 1);
}
END_TEST

START_TEST(many_wakes_are_one_poll) {
    expect_join(YIELDS, TASK_COMPLETED, 10);
    expect_join(WOKEN_LATER, TASK_COMPLETED, 2);
}
END_TEST

START_TEST(a_wake_during_the_poll_is_not_lost) {
    expect_join(WOKEN_SOON, TASK_COMPLETED, 3);
}
END_TEST

START_TEST(a_panic_ends_one_task) {
    expect_join(PANICS, TASK_PANICKED, 0);
    expect_join(AT_ONCE, TASK_COMPLETED, 1);
}
END_TEST

START_TEST(a_cancelled_task_is_dropped) {
    struct task *asleep = spawn(NEVER), *spinning = spawn(SPINS);
    pause_ms(20);
    task_cancel(asleep);
    task_cancel(asleep);
    task_cancel(spinning);
    ck_assert_int_eq(task_join(asleep, NULL), TASK_CANCELLED);
    ck_assert_int_eq(task_join(spinning, NULL), TASK_CANCELLED);
    expect_all_dropped();
}
END_TEST

START_TEST(a_task_can_be_cancelled_before_it_begins) {
    struct task *first = spawn(BLOCKS), *second = spawn(PANICS);
    task_cancel(second);
    ck_assert_int_eq(task_join(second, NULL), TASK_CANCELLED);
    ck_assert_int_eq(task_join(first, NULL), TASK_COMPLETED);
    expect_all_dropped();
}
END_TEST

START_TEST(cancelling_can_be_too_late) {
    atomic_store(&blocked, false);
    struct task *done = spawn(AT_ONCE), *running = spawn(BLOCKS);
    for (int ms = 0; ms < 10000 && !atomic_load(&blocked); ms++) {
        pause_ms(1);
    }
    task_cancel(done);
    task_cancel(running); // in the middle of its only poll
    ck_assert_int_eq(task_join(done, NULL), TASK_COMPLETED);
    ck_assert_int_eq(task_join(running, NULL), TASK_COMPLETED);
    expect_all_dropped();
}
END_TEST

// The one that nobody can wake is dropped as soon as its handle is gone.
START_TEST(detached_tasks_run_on) {
    task_detach(spawn(YIELDS));
    task_detach(spawn(WOKEN_LATER));
    task_detach(spawn(NEVER));
    future_drop(task_await(spawn(YIELDS), NULL));
    expect_all_dropped();
}
END_TEST

START_TEST(a_task_awaits_another) {
    for (enum kind kind = AT_ONCE; kind <= PANICS; kind++) {
        if (kind != AWAITS) {
            struct probe *parent = probe(AWAITS);
            parent->child = spawn(kind);
            struct task *task = spawn_task(&parent->base, sizeof(int));
            ck_assert_int_eq(task_join(task, NULL), TASK_COMPLETED);
        }
    }
    expect_all_dropped();
}
END_TEST

START_TEST(an_awaiting_task_is_cancelled) {
    struct probe *parent = probe(AWAITS);
    parent->child = spawn(SPINS);
    task_cancel(parent->child);
    struct task *task = spawn_task(&parent->base, sizeof(int));
    ck_assert_int_eq(task_join(task, NULL), TASK_COMPLETED);
    parent = probe(AWAITS);
    parent->child = spawn(NEVER);
    task = spawn_task(&parent->base, sizeof(int));
    pause_ms(20);
    task_cancel(task);
    ck_assert_int_eq(task_join(task, NULL), TASK_CANCELLED);
    expect_all_dropped();
}
END_TEST

// A waker that counts what is done to it.
struct counts {
    atomic_int references, wakes;
};

static struct waker count_clone(void *data);

static void count_wake(void *data) {
    atomic_fetch_add(&((struct counts *)data)->wakes, 1);
}

static void count_drop(void *data) {
    atomic_fetch_sub(&((struct counts *)data)->references, 1);
}

static const struct waker_ops count_ops = {count_clone, count_wake, count_drop};

static struct waker count_clone(void *data) {
    atomic_fetch_add(&((struct counts *)data)->references, 1);
    return (struct waker){&count_ops, data};
}

// A handle that is polled with one waker and then with another wakes the last.
START_TEST(the_last_awaiter_is_woken) {
    static struct counts first, last;
    struct waker one = {&count_ops, &first}, other = {&count_ops, &last};
    enum task_outcome outcome;
    int polls;
    struct future *end = task_await(spawn(BLOCKS), &polls);
    ck_assert_int_eq(future_poll(end, &one, &outcome), FUTURE_PENDING);
    ck_assert_int_eq(future_poll(end, &other, &outcome), FUTURE_PENDING);
    for (int i = 0; i < 1000 && atomic_load(&last.wakes) == 0; i++) {
        pause_ms(10);
    }
    ck_assert_int_eq(future_poll(end, &other, &outcome), FUTURE_READY);
    ck_assert_int_eq(outcome, TASK_COMPLETED);
    ck_assert_int_eq(polls, 1);
    future_drop(end);
    expect_join(AT_ONCE, TASK_COMPLETED, 1); // the worker has let go too
    ck_assert_int_eq(atomic_load(&first.wakes), 0);
    ck_assert_int_eq(atomic_load(&last.wakes), 1);
    ck_assert_int_eq(atomic_load(&first.references), 0);
    ck_assert_int_eq(atomic_load(&last.references), 0);
}
END_TEST

// Otherwise two tasks that once awaited each other would keep each other.
START_TEST(a_finished_task_keeps_no_awaiter) {
    static struct counts awaiter;
    struct waker waker = {&count_ops, &awaiter};
    enum task_outcome outcome;
    struct future *end = task_await(spawn(BLOCKS), NULL);
    ck_assert_int_eq(future_poll(end, &waker, &outcome), FUTURE_PENDING);
    ck_assert_int_eq(atomic_load(&awaiter.references), 1);
    for (int i = 0; i < 1000 && atomic_load(&awaiter.references) == 1; i++) {
        pause_ms(10);
    }
    ck_assert_int_eq(atomic_load(&awaiter.wakes), 1);
    ck_assert_int_eq(atomic_load(&awaiter.references), 0);
    future_drop(end);
}
END_TEST

// A wake that comes after the end finds nothing to do, and the waker keeps the
// task's memory. Also from another thread, while the task is joined.
START_TEST(a_wake_after_the_end_does_nothing) {
    struct waker kept, copies[3];
    struct probe *keeper = probe(KEPT);
    keeper->kept = &kept;
    struct task *task = spawn_task(&keeper->base, sizeof(int));
    ck_assert_int_eq(task_join(spawn(AT_ONCE), NULL), TASK_COMPLETED);
    // Now it was polled.
    for (int i = 0; i < 3; i++) {
        copies[i] = waker_clone(&kept);
    }
    waker_wake(&kept);
    ck_assert_int_eq(task_join(task, NULL), TASK_COMPLETED);
    waker_wake(&kept);
    pthread_join(start_thread(wake_soon, &copies[0]), NULL);
    waker_drop(&kept);
    for (int i = 0; i < 3; i++) {
        waker_wake(&copies[i]);
        waker_drop(&copies[i]);
    }
    expect_all_dropped();
}
END_TEST

// ---- Each use of a handle at each moment of the task's life ----

enum use { JOIN, DETACH, CANCEL_AND_JOIN, AWAIT, uses };
enum moment { BEFORE, WHILE, AFTER, moments };

static void *open_gate_later(void *ms) {
    pause_ms(*(long *)ms);
    atomic_store(&gate_is_open, true);
    return NULL;
}

static void wait_until_held(void) {
    for (int i = 0; i < 10000 && atomic_load(&held) == 0; i++) {
        pause_ms(1);
    }
    ck_assert_int_eq(atomic_load(&held), 1);
}

static enum task_outcome use_it(struct task *task, enum use use) {
    enum task_outcome outcome = TASK_COMPLETED;
    switch (use) {
    case JOIN:
        return task_join(task, NULL);
    case DETACH:
        task_detach(task);
        return outcome;
    case CANCEL_AND_JOIN:
        task_cancel(task);
        return task_join(task, NULL);
    case AWAIT:
        block_on(task_await(task, NULL), &outcome);
        return outcome;
    case uses:
        break;
    }
    return outcome;
}

START_TEST(each_use_at_each_moment) {
    enum use use = _i / moments;
    enum moment moment = _i % moments;
    bool before_and_cancelled = moment == BEFORE && use == CANCEL_AND_JOIN;
    struct task *first = moment == BEFORE ? spawn(HELD) : NULL;
    if (first != NULL) {
        wait_until_held(); // so the second has not begun
    }
    struct task *task = spawn(HELD);
    if (moment == WHILE) {
        wait_until_held();
    }
    long ms = 20;
    pthread_t opener = start_thread(open_gate_later, &ms);
    if (moment == AFTER) {
        expect_all_dropped();
    }
    ck_assert_int_eq(use_it(task, use),
                     before_and_cancelled ? TASK_CANCELLED : TASK_COMPLETED);
    if (first != NULL) {
        task_detach(first);
    }
    pthread_join(opener, NULL);
    expect_all_dropped();
}
END_TEST

// Tells the news, and that it has done so; the second says nothing about the
// order of the two, so it cannot stand in for the wake.
struct herald {
    struct waker *waker;
    int news;
    atomic_bool done;
};

static void *tell_news(void *arg) {
    struct herald *me = arg;
    me->news = 42;
    waker_wake(me->waker);
    atomic_store_explicit(&me->done, true, memory_order_relaxed);
    return NULL;
}

// The second wake finds the task on the queue already. Still its poll must see
// what was done before that wake. Only ThreadSanitizer notices if not.
START_TEST(a_wake_brings_what_was_done_before_it) {
    static struct herald herald;
    struct waker kept;
    struct probe *keeper = probe(KEPT);
    keeper->kept = &kept;
    keeper->news = &herald.news;
    struct task *task = spawn_task(&keeper->base, sizeof(int));
    ck_assert_int_eq(task_join(spawn(AT_ONCE), NULL), TASK_COMPLETED);
    struct task *first = spawn(HELD);
    wait_until_held();
    waker_wake(&kept);
    herald.waker = &kept;
    pthread_t thread = start_thread(tell_news, &herald);
    while (!atomic_load_explicit(&herald.done, memory_order_relaxed)) {
        pause_ms(1);
    }
    atomic_store(&gate_is_open, true);
    int news = 0;
    ck_assert_int_eq(task_join(task, &news), TASK_COMPLETED);
    ck_assert_int_eq(news, 42);
    pthread_join(thread, NULL);
    waker_drop(&kept);
    task_detach(first);
    expect_all_dropped();
}
END_TEST

// Neither the worker nor who joins asks again and again.
START_TEST(who_waits_needs_no_cpu_time) {
    long ms = 600;
    pthread_t opener = start_thread(open_gate_later, &ms);
    double before = cpu_seconds();
    ck_assert_int_eq(task_join(spawn(HELD), NULL), TASK_COMPLETED);
    pause_ms(200); // the worker has nothing to do
    ck_assert_double_lt(cpu_seconds() - before, 0.2);
    pthread_join(opener, NULL);
}
END_TEST

// ---- Any number of any kind at once ----

static enum kind any_kind(unsigned random) {
    static const enum kind kinds[] = {AT_ONCE, YIELDS, WOKEN_LATER, WOKEN_SOON,
                                      PANICS,  NEVER,  SPINS};
    // The two that make threads are slow, so they are rare.
    enum kind kind = kinds[random % 7];
    bool slow = kind == WOKEN_LATER || kind == WOKEN_SOON;
    return slow && random / 7 % 8 != 0 ? YIELDS : kind;
}

static bool ends_by_itself(enum kind kind) {
    return kind != NEVER && kind != SPINS;
}

static void use_handle(struct task *task, enum kind kind, unsigned random) {
    enum task_outcome outcome;
    switch (random % 4) {
    case 0:
        if (ends_by_itself(kind)) {
            outcome = task_join(task, NULL);
            ck_assert_int_eq(outcome,
                             kind == PANICS ? TASK_PANICKED : TASK_COMPLETED);
            break;
        }
        task_cancel(task);
        ck_assert_int_eq(task_join(task, NULL), TASK_CANCELLED);
        break;
    case 1:
        task_cancel(task);
        task_join(task, NULL);
        break;
    case 2:
        task_cancel(task);
        task_detach(task);
        break;
    default:
        if (kind == SPINS) { // or it would spin for ever
            task_cancel(task);
        }
        task_detach(task);
    }
}

static struct task *(*spawn_anywhere)(struct future *, size_t) = spawn_task;

// Some are awaited by a task of their own, which is then used instead.
static struct task *spawn_any(enum kind kind, bool awaited) {
    struct probe *me = probe(kind);
    struct task *task = spawn_anywhere(&me->base, sizeof(int));
    if (awaited) {
        struct probe *parent = probe(AWAITS);
        parent->child = task;
        task = spawn_anywhere(&parent->base, sizeof(int));
    }
    return task;
}

static void *spawn_many(void *seed) {
    unsigned random = *(unsigned *)seed;
    for (int i = 0; i < 1500; i++) {
        random = random * 1103515245 + 12345;
        enum kind kind = any_kind(random >> 16);
        bool awaited = ends_by_itself(kind) && (random >> 12) % 8 == 0;
        struct task *task = spawn_any(kind, awaited);
        use_handle(task, awaited ? AWAITS : kind, random >> 22);
    }
    return NULL;
}

// The panics of thousands of tasks are not worth reading.
static void silence_errors(void) {
    ck_assert_ptr_nonnull(freopen("/dev/null", "w", stderr));
}

static void use_many(void) {
    pthread_t threads[4];
    unsigned seeds[4] = {1, 2, 3, 4};
    silence_errors();
    for (int i = 0; i < 4; i++) {
        threads[i] = start_thread(spawn_many, &seeds[i]);
    }
    for (int i = 0; i < 4; i++) {
        pthread_join(threads[i], NULL);
    }
    expect_all_dropped();
}

START_TEST(thousands_of_tasks_at_once) {
    use_many();
}
END_TEST

// ---- Several workers ----

static const enum sharing all_sharings[] = {SHARED_QUEUE, QUEUE_EACH, STEALING};

START_TEST(thousands_of_tasks_on_several_workers) {
    spawn_anywhere = stealing_spawn;
    ck_assert_int_eq(stealing_start(3, all_sharings[_i]), 0);
    use_many();
    stealing_stop();
}
END_TEST

START_TEST(idle_workers_sleep_and_wake_up) {
    ck_assert_int_eq(stealing_start(4, all_sharings[_i]), 0);
    pause_ms(20);
    double before = cpu_seconds();
    pause_ms(500);
    ck_assert_double_lt(cpu_seconds() - before, 0.1);
    for (int i = 0; i < 200; i++) {
        struct task *task = stealing_spawn(&probe(AT_ONCE)->base, sizeof(int));
        ck_assert_int_eq(task_join(task, NULL), TASK_COMPLETED);
    }
    stealing_stop();
    ck_assert_int_eq(atomic_load(&alive), 0);
}
END_TEST

// Four tasks hold two workers for 50 ms each; eight more wait behind them.
START_TEST(stopping_cancels_what_is_queued) {
    struct task *tasks[12];
    int completed = 0;
    ck_assert_int_eq(stealing_start(2, all_sharings[_i]), 0);
    for (int i = 0; i < 12; i++) {
        tasks[i] = stealing_spawn(&probe(BLOCKS)->base, sizeof(int));
    }
    struct task *spinning = stealing_spawn(&probe(SPINS)->base, sizeof(int));
    pause_ms(20);
    stealing_stop();
    ck_assert_int_eq(atomic_load(&alive), 0);
    for (int i = 0; i < 12; i++) {
        completed += task_join(tasks[i], NULL) == TASK_COMPLETED;
    }
    ck_assert_int_lt(completed, 12);
    ck_assert_int_eq(task_join(spinning, NULL), TASK_CANCELLED);
}
END_TEST

START_TEST(a_worker_that_cannot_start_ends_the_others) {
    atomic_store(&fail_thread_at, 3);
    ck_assert_int_eq(stealing_start(4, STEALING), EAGAIN);
    ck_assert_int_eq(stealing_start(4, STEALING), 0);
    stealing_stop();
}
END_TEST

// ---- The end of the program ----

static void report_leaks(void) {
    if (atomic_load(&alive) != 0) {
        _exit(3);
    }
}

// Every kind of task, each detached, at each moment of its life; but none whose
// waker is with a thread that the executor does not know, and none that awaits
// a task that broke its promise: those two would hold each other for ever.
static void leave_everything_behind(void) {
    for (int round = 0; round < 3; round++) {
        for (enum kind kind = AT_ONCE; kind <= BLOCKS; kind++) {
            if (kind != AWAITS && kind != WOKEN_LATER) {
                task_detach(spawn_any(kind, false));
                task_detach(spawn_any(kind == NEVER ? SPINS : kind, true));
            }
        }
        pause_ms(round * 10);
    }
}

START_TEST(at_exit_every_task_is_dropped) {
    pid_t child = fork();
    if (child == 0) {
        silence_errors();
        __real_atexit(report_leaks); // runs after the executor has stopped
        leave_everything_behind();
        exit(0);
    }
    int status;
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert(WIFEXITED(status));
    ck_assert_int_eq(WEXITSTATUS(status), 0);
}
END_TEST

static enum poll exit_poll(struct future *self, const struct waker *waker,
                           void *out) {
    (void)self;
    (void)waker;
    (void)out;
    exit(7);
}

static void exit_drop(struct future *self) {
    (void)self;
}

// What is on the queue is dropped, although the worker cannot be joined.
START_TEST(a_task_can_end_the_program) {
    static const struct future_ops ops = {exit_poll, exit_drop};
    static struct future ending = {&ops};
    pid_t child = fork();
    if (child == 0) {
        __real_atexit(report_leaks);
        task_detach(spawn(BLOCKS)); // meanwhile the others are spawned
        task_detach(spawn(SPINS));
        struct task *end = spawn_task(&ending, 0);
        task_detach(spawn(SPINS));
        task_detach(spawn(AT_ONCE));
        task_join(end, NULL);
    }
    int status;
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert(WIFEXITED(status));
    ck_assert_int_eq(WEXITSTATUS(status), 7);
}
END_TEST

static bool in_fork;

// Runs after the others' handlers, and before the leak checker's, which a fork
// of several threads would confuse.
static void leave_fork(void) {
    if (in_fork) {
        _exit(0);
    }
}

// The fork has no worker that its exit could wait for.
START_TEST(a_fork_can_exit) {
    __real_atexit(leave_fork);
    expect_join(AT_ONCE, TASK_COMPLETED, 1);
    pid_t child = fork();
    if (child == 0) {
        in_fork = true;
        alarm(10);
        exit(1);
    }
    int status;
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert(WIFEXITED(status));
    ck_assert_int_eq(WEXITSTATUS(status), 0);
    expect_join(AT_ONCE, TASK_COMPLETED, 1);
}
END_TEST

// ---- Out of memory, out of threads ----

// Fails the first allocation, then the second, until none is left to fail:
// there is one for the task and one for who waits for it.
START_TEST(each_allocation_may_fail) {
    for (int at = 1; at <= 3; at++) {
        struct probe *me = probe(WOKEN_LATER); // so that waiting is needed
        int polls = 2;
        enum task_outcome outcome = TASK_COMPLETED;
        fail_malloc_at = at;
        struct task *task = spawn_task(&me->base, sizeof(int));
        if (task != NULL) {
            polls = 0;
            outcome = task_join(task, &polls);
        }
        int left = fail_malloc_at;
        fail_malloc_at = 0; // Check itself allocates
        ck_assert_int_eq(task == NULL, at == 1);
        ck_assert_int_eq(left, at == 3 ? 1 : 0);
        ck_assert_int_eq(outcome, TASK_COMPLETED);
        ck_assert_int_eq(polls, 2);
        expect_all_dropped();
    }
}
END_TEST

static void expect_refusal(int error) {
    for (int i = 0; i < 2; i++) {
        errno = 0;
        ck_assert_ptr_null(spawn(AT_ONCE));
        ck_assert_int_eq(errno, error);
        ck_assert_int_eq(atomic_load(&alive), 0);
    }
    ck_assert(!executor_is_running());
}

START_TEST(a_worker_that_cannot_start_is_told) {
    atomic_store(&fail_thread_at, 1);
    expect_refusal(EAGAIN);
}
END_TEST

START_TEST(an_exit_handler_that_cannot_be_set_is_told) {
    atomic_store(&fail_atexit_at, 1);
    expect_refusal(ENOMEM);
}
END_TEST

START_TEST(an_enormous_output_is_refused) {
    ck_assert_ptr_null(spawn_task(&probe(AT_ONCE)->base, SIZE_MAX));
    ck_assert_int_eq(errno, ENOMEM);
    ck_assert_int_eq(atomic_load(&alive), 0);
}
END_TEST

// ---- The channel ----

struct message {
    struct channel_node node;
    int sender, number;
};

enum { senders = 4, messages = 2000 };

struct sender {
    struct channel *channel;
    struct message messages[messages];
};

static void *send_all(void *arg) {
    struct sender *me = arg;
    for (int i = 0; i < messages; i++) {
        me->messages[i].number = i;
        ck_assert(channel_send(me->channel, &me->messages[i].node));
    }
    return NULL;
}

// Nothing is lost, and what one sender sends arrives in its order.
START_TEST(a_channel_keeps_each_senders_order) {
    static struct sender all[senders];
    static struct channel ch;
    pthread_t threads[senders];
    int next[senders] = {0};
    channel_init(&ch);
    for (int s = 0; s < senders; s++) {
        all[s].channel = &ch;
        for (int i = 0; i < messages; i++) {
            all[s].messages[i].sender = s;
        }
        threads[s] = start_thread(send_all, &all[s]);
    }
    for (int i = 0; i < senders * messages; i++) {
        struct message *m = (struct message *)channel_receive(&ch);
        ck_assert_int_eq(m->number, next[m->sender]++);
    }
    for (int s = 0; s < senders; s++) {
        pthread_join(threads[s], NULL);
    }
    channel_destroy(&ch);
}
END_TEST

// What is put back comes after what has newly arrived, and keeps nobody out.
START_TEST(a_channel_serves_in_rounds) {
    struct channel ch;
    struct channel_node a, b, c;
    channel_init(&ch);
    ck_assert(channel_send(&ch, &a));
    ck_assert_ptr_eq(channel_receive(&ch), &a);
    channel_put_back(&ch, &a);
    ck_assert(channel_send(&ch, &b));
    ck_assert(channel_send(&ch, &c));
    ck_assert_ptr_eq(channel_receive(&ch), &b);
    channel_put_back(&ch, &b);
    ck_assert_ptr_eq(channel_receive(&ch), &c);
    ck_assert_ptr_eq(channel_receive(&ch), &a);
    channel_put_back(&ch, &a);
    ck_assert_ptr_eq(channel_receive(&ch), &b);
    ck_assert_ptr_eq(channel_receive(&ch), &a);
    channel_close(&ch);
    ck_assert_ptr_null(channel_receive(&ch));
    channel_destroy(&ch);
}
END_TEST

static void *close_later(void *ch) {
    pause_ms(30);
    channel_close(ch);
    return NULL;
}

START_TEST(a_closed_channel_gives_what_it_has) {
    struct channel ch;
    struct channel_node sent, late;
    channel_init(&ch);
    ck_assert(channel_send(&ch, &sent));
    channel_close(&ch);
    ck_assert(!channel_send(&ch, &late));
    ck_assert_ptr_eq(channel_receive(&ch), &sent);
    ck_assert_ptr_null(channel_receive(&ch));
    ck_assert_ptr_null(channel_receive(&ch));
    channel_destroy(&ch);
    channel_init(&ch);
    pthread_t thread = start_thread(close_later, &ch);
    ck_assert_ptr_null(channel_receive(&ch)); // it wakes who waits
    pthread_join(thread, NULL);
    channel_destroy(&ch);
}
END_TEST

static void add_tests(TCase *tests) {
    tcase_add_test(tests, a_task_delivers);
    tcase_add_test(tests, many_wakes_are_one_poll);
    tcase_add_test(tests, a_wake_during_the_poll_is_not_lost);
    tcase_add_test(tests, a_panic_ends_one_task);
    tcase_add_test(tests, a_cancelled_task_is_dropped);
    tcase_add_test(tests, a_task_can_be_cancelled_before_it_begins);
    tcase_add_test(tests, cancelling_can_be_too_late);
    tcase_add_test(tests, detached_tasks_run_on);
    tcase_add_test(tests, a_task_awaits_another);
    tcase_add_test(tests, an_awaiting_task_is_cancelled);
    tcase_add_test(tests, the_last_awaiter_is_woken);
    tcase_add_test(tests, a_finished_task_keeps_no_awaiter);
    tcase_add_test(tests, a_wake_after_the_end_does_nothing);
    tcase_add_loop_test(tests, each_use_at_each_moment, 0, uses * moments);
    tcase_add_test(tests, a_wake_brings_what_was_done_before_it);
    tcase_add_test(tests, who_waits_needs_no_cpu_time);
    tcase_add_test(tests, thousands_of_tasks_at_once);
    tcase_add_loop_test(tests, thousands_of_tasks_on_several_workers, 0, 3);
    tcase_add_loop_test(tests, idle_workers_sleep_and_wake_up, 0, 3);
    tcase_add_loop_test(tests, stopping_cancels_what_is_queued, 0, 3);
    tcase_add_test(tests, a_worker_that_cannot_start_ends_the_others);
    tcase_add_test(tests, at_exit_every_task_is_dropped);
    tcase_add_test(tests, a_task_can_end_the_program);
    tcase_add_test(tests, a_fork_can_exit);
    tcase_add_test(tests, each_allocation_may_fail);
    tcase_add_test(tests, a_worker_that_cannot_start_is_told);
    tcase_add_test(tests, an_exit_handler_that_cannot_be_set_is_told);
    tcase_add_test(tests, an_enormous_output_is_refused);
    tcase_add_test(tests, a_channel_keeps_each_senders_order);
    tcase_add_test(tests, a_channel_serves_in_rounds);
    tcase_add_test(tests, a_closed_channel_gives_what_it_has);
}

int main(void) {
    return run_suite("03-tasks", add_tests);
}
