#define _POSIX_C_SOURCE 200809L
// Chapter 03 from the inside: the channel, every way in which a task can be
// woken, finish, panic, be cancelled, detached or awaited, the end of the
// program, the executor that steals, and what happens when memory is out.
#include "failing.h"
#include "harness.h"

#include "at_end.h"
#include "channel.h"
#include "executor.h"
#include "stealing.h"
#include "task.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
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
    HELD,   // holds the worker until the gate is open
    SPAWNS, // spawns another probe in its first poll, and is polled once more
    MEETS   // awaits its partner, but only once
};

static atomic_int alive; // probes that are not dropped yet
static atomic_bool gate_is_open;
static atomic_int held; // at the gate

struct probe {
    struct future base;
    enum kind kind;
    int polls;
    atomic_bool inside; // is being polled
    struct task *child; // owned, until it is awaited
    bool joining;       // then join is one of its own, which it awaits
    struct task_future join;
    int child_value;
    struct task **partner; // where its handle will be
    struct waker *kept;
    int *news;         // guarded by nothing but the wake
    atomic_int *drops; // counts them, if not NULL
    char name;         // if not 0: each poll notes it
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
    if (pthread_create(&thread, NULL, run, arg) != 0) {
        abort();
    }
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

// The value goes into the future itself, and the join is polled there: that is
// right because it does not move any more.
static enum poll_result poll_child(struct probe *me,
                                   const struct waker *waker) {
    enum task_outcome outcome;
    if (!me->joining) {
        me->join = task_as_future(me->child, &me->child_value);
        me->joining = true;
        me->child = NULL;
    }
    if (future_poll(&me->join.base, waker, &outcome) == FUTURE_PENDING) {
        return FUTURE_PENDING;
    }
    future_drop(&me->join.base);
    me->joining = false;
    return FUTURE_READY;
}

static char noted[64]; // the names of those who were polled, on one worker
static int note_count;

static struct task *spawn_named(enum kind kind, char name);

static atomic_bool blocked; // a task that BLOCKS has begun

static enum poll_result act_as_told(struct probe *me,
                                    const struct waker *waker) {
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
    case SPAWNS:
        if (me->polls == 1) {
            me->child = spawn_named(AT_ONCE, (char)(me->name + 1));
            waker_wake(waker);
        }
        return me->polls == 1 ? FUTURE_PENDING : FUTURE_READY;
    case MEETS:
        if (me->polls == 1) {
            me->child = *me->partner;
            (void)poll_child(me, waker);
            waker_wake(waker);
        }
        return me->polls == 1 ? FUTURE_PENDING : FUTURE_READY;
    }
    return FUTURE_READY;
}

static enum poll_result probe_poll(struct future *self,
                                   const struct waker *waker, void *out) {
    struct probe *me = (struct probe *)self;
    me->polls++;
    if (me->name != 0 && note_count < (int)sizeof noted - 1) {
        noted[note_count++] = me->name;
    }
    if (atomic_exchange(&me->inside, true)) {
        abort(); // two polls at once
    }
    enum poll_result result = act_as_told(me, waker);
    atomic_store(&me->inside, false);
    if (result == FUTURE_READY) {
        *(int *)out = me->polls;
    }
    return result;
}

static void probe_drop(struct future *self) {
    struct probe *me = (struct probe *)self;
    if (me->joining) {
        future_drop(&me->join.base);
    }
    if (me->child != NULL) {
        task_detach(me->child);
    }
    if (me->drops != NULL) {
        atomic_fetch_add(me->drops, 1);
    }
    atomic_fetch_sub(&alive, 1);
    errno = 0; // what a drop does to it is not what the caller is told
}

static const struct future_ops probe_ops = {sizeof(struct probe), sizeof(int),
                                            probe_poll, probe_drop};

static struct probe probe(enum kind kind) {
    atomic_fetch_add(&alive, 1);
    return (struct probe){.base = {&probe_ops}, .kind = kind};
}

static struct task *(*spawn_anywhere)(struct future *) = spawn_task;

// What the probe lay in is overwritten: it has moved.
static struct task *spawn_probe(struct probe *me) {
    struct task *task = spawn_anywhere(&me->base);
    int error = errno;
    memset(me, 0xee, sizeof *me);
    errno = error;
    return task;
}

static struct task *spawn(enum kind kind) {
    struct probe me = probe(kind);
    return spawn_probe(&me);
}

static struct task *spawn_named(enum kind kind, char name) {
    struct probe me = probe(kind);
    me.name = name;
    return spawn_probe(&me);
}

static struct task *spawn_parent(struct task *child) {
    struct probe me = probe(AWAITS);
    me.child = child;
    return spawn_probe(&me);
}

static struct task *spawn_keeper(struct waker *kept, int *news) {
    struct probe me = probe(KEPT);
    me.kept = kept;
    me.news = news;
    return spawn_probe(&me);
}

// Waits until value is wanted, which may take a moment on another thread, or
// patience ends.
static void wait_for(atomic_int *value, int wanted) {
    for (int ms = 0; ms < 10000 && atomic_load(value) != wanted; ms++) {
        pause_ms(1);
    }
}

static void expect_all_dropped(void) {
    wait_for(&alive, 0);
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
    struct task_future end = task_as_future(spawn(YIELDS), NULL);
    future_drop(&end.base);
    expect_all_dropped();
}
END_TEST

START_TEST(a_task_awaits_another) {
    for (enum kind kind = AT_ONCE; kind <= PANICS; kind++) {
        if (kind != AWAITS) {
            struct task *task = spawn_parent(spawn(kind));
            ck_assert_int_eq(task_join(task, NULL), TASK_COMPLETED);
        }
    }
    expect_all_dropped();
}
END_TEST

START_TEST(an_awaiting_task_is_cancelled) {
    struct task *child = spawn(SPINS);
    task_cancel(child);
    struct task *task = spawn_parent(child);
    ck_assert_int_eq(task_join(task, NULL), TASK_COMPLETED);
    task = spawn_parent(spawn(NEVER));
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

static void count_clone(void *data) {
    atomic_fetch_add(&((struct counts *)data)->references, 1);
}

static void count_wake(void *data) {
    atomic_fetch_add(&((struct counts *)data)->wakes, 1);
}

static void count_drop(void *data) {
    atomic_fetch_sub(&((struct counts *)data)->references, 1);
}

static const struct waker_ops count_ops = {count_clone, count_wake, count_drop};

// A handle that is polled with one waker and then with another wakes the last.
START_TEST(the_last_awaiter_is_woken) {
    static struct counts first, last;
    struct waker one = {&count_ops, &first}, other = {&count_ops, &last};
    enum task_outcome outcome;
    int polls;
    struct task_future end = task_as_future(spawn(BLOCKS), &polls);
    struct future *f = &end.base;
    ck_assert_int_eq(future_poll(f, &one, &outcome), FUTURE_PENDING);
    ck_assert_int_eq(future_poll(f, &other, &outcome), FUTURE_PENDING);
    wait_for(&last.wakes, 1);
    ck_assert_int_eq(future_poll(f, &other, &outcome), FUTURE_READY);
    ck_assert_int_eq(outcome, TASK_COMPLETED);
    ck_assert_int_eq(polls, 1);
    future_drop(f);
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
    struct task_future end = task_as_future(spawn(BLOCKS), NULL);
    ck_assert_int_eq(future_poll(&end.base, &waker, &outcome), FUTURE_PENDING);
    ck_assert_int_eq(atomic_load(&awaiter.references), 1);
    wait_for(&awaiter.references, 0);
    ck_assert_int_eq(atomic_load(&awaiter.wakes), 1);
    ck_assert_int_eq(atomic_load(&awaiter.references), 0);
    future_drop(&end.base);
}
END_TEST

// Each leaves its waker with the other. Then both end, and hold nothing.
START_TEST(two_that_awaited_each_other_are_freed) {
    struct task *handles[2];
    int before = atomic_load(&blocks), queue = 1;
    struct task *first = spawn(HELD); // so neither begins before both are there
    wait_for(&held, 1);
    for (int i = 0; i < 2; i++) {
        struct probe me = probe(MEETS);
        me.partner = &handles[1 - i];
        handles[i] = spawn_probe(&me);
    }
    atomic_store(&gate_is_open, true);
    task_detach(first);
    wait_for(&blocks, before + queue);
    ck_assert_int_eq(atomic_load(&blocks), before + queue);
    expect_all_dropped();
}
END_TEST

// A wake that comes after the end finds nothing to do, and the waker keeps the
// task's memory. Also from another thread, while the task is joined.
START_TEST(a_wake_after_the_end_does_nothing) {
    struct waker kept, copies[3];
    struct task *task = spawn_keeper(&kept, NULL);
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
    wait_for(&held, 1);
    ck_assert_int_eq(atomic_load(&held), 1);
}

static enum task_outcome use_it(struct task *task, enum use use) {
    enum task_outcome outcome = TASK_COMPLETED;
    struct task_future end;
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
        end = task_as_future(task, NULL);
        block_on(&end.base, &outcome);
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

// ---- In each way to end, the future is dropped once ----

enum way {
    DELIVERS,
    GIVES_UP,
    CANCELLED_BEFORE,
    CANCELLED_ASLEEP,
    CANCELLED_SPINNING,
    DETACHED,
    HANDLE_DROPPED,
    FORGOTTEN, // nobody is left who could wake it
    WOKEN_TOO_LATE,
    BLOCKED_ON, // without a task
    ways
};

static struct task *spawn_counted(enum kind kind, atomic_int *drops) {
    struct probe me = probe(kind);
    me.drops = drops;
    return spawn_probe(&me);
}

static void cancel_and_join(struct task *task) {
    task_cancel(task);
    ck_assert_int_eq(task_join(task, NULL), TASK_CANCELLED);
}

static void end_it(enum way way, atomic_int *drops) {
    struct task *first;
    struct task_future end;
    struct waker kept;
    struct probe me;
    int polls = 0;
    switch (way) {
    case DELIVERS:
        task_join(spawn_counted(YIELDS, drops), NULL);
        break;
    case GIVES_UP:
        task_join(spawn_counted(PANICS, drops), NULL);
        break;
    case CANCELLED_BEFORE:
        first = spawn(BLOCKS);
        cancel_and_join(spawn_counted(AT_ONCE, drops));
        task_join(first, NULL);
        break;
    case CANCELLED_ASLEEP:
        first = spawn_counted(NEVER, drops);
        task_join(spawn(AT_ONCE), NULL); // by now it was polled
        cancel_and_join(first);
        break;
    case CANCELLED_SPINNING:
        first = spawn_counted(SPINS, drops);
        task_join(spawn(AT_ONCE), NULL);
        cancel_and_join(first);
        break;
    case DETACHED:
        task_detach(spawn_counted(YIELDS, drops));
        break;
    case HANDLE_DROPPED:
        end = task_as_future(spawn_counted(YIELDS, drops), NULL);
        future_drop(&end.base);
        break;
    case FORGOTTEN:
        task_detach(spawn_counted(NEVER, drops));
        break;
    case WOKEN_TOO_LATE:
        me = probe(KEPT);
        me.drops = drops;
        me.kept = &kept;
        first = spawn_probe(&me);
        task_join(spawn(AT_ONCE), NULL);
        waker_wake(&kept);
        task_join(first, NULL);
        waker_wake(&kept);
        waker_drop(&kept);
        break;
    case BLOCKED_ON:
        me = probe(WOKEN_LATER);
        me.drops = drops;
        block_on(&me.base, &polls);
        ck_assert_int_ge(polls, 2);
        break;
    case ways:
        break;
    }
}

START_TEST(the_future_is_dropped_once) {
    static atomic_int drops;
    end_it((enum way)_i, &drops);
    wait_for(&drops, 1);
    expect_all_dropped();
    task_join(spawn(YIELDS), NULL); // whatever is still under way is done now
    ck_assert_int_eq(atomic_load(&drops), 1);
    ck_assert_int_eq(atomic_load(&alive), 0);
}
END_TEST

// ---- A future is moved into the task, and its output out of it ----

enum { most_bytes = 40 };

// Its size is that of its head and so many bytes, whose values it knows.
struct moved {
    struct future base;
    int polls;
    struct moved *place; // where it was first polled
    unsigned char bytes[most_bytes];
};

static struct future_ops moved_ops[most_bytes + 1];
static const size_t out_sizes[] = {0, 1, 3, 17, 4096, 1 << 20};
static atomic_int spoiled;

static void expect_here(bool right) {
    if (!right) {
        atomic_fetch_add(&spoiled, 1);
    }
}

static size_t byte_count(const struct moved *me) {
    return me->base.ops->size - offsetof(struct moved, bytes);
}

// Writes all of its output in each poll; that must not be where its bytes are.
static enum poll_result moved_poll(struct future *self,
                                   const struct waker *waker, void *out) {
    struct moved *me = (struct moved *)self;
    me->place = me->polls == 0 ? me : me->place;
    expect_here(me->place == me);
    expect_here((uintptr_t)me % _Alignof(max_align_t) == 0);
    expect_here(me->base.ops->out_size == 0 ||
                (uintptr_t)out % _Alignof(max_align_t) == 0);
    memset(out, 'o', me->base.ops->out_size);
    for (size_t i = 0; i < byte_count(me); i++) {
        expect_here(me->bytes[i] == i);
    }
    waker_wake(waker);
    return ++me->polls == 3 ? FUTURE_READY : FUTURE_PENDING;
}

static struct moved moved(size_t bytes, size_t out_size) {
    struct future_ops *ops = &moved_ops[bytes];
    *ops = (struct future_ops){offsetof(struct moved, bytes) + bytes, out_size,
                               moved_poll, NULL};
    struct moved f = {.base = {ops}};
    for (size_t i = 0; i < bytes; i++) {
        f.bytes[i] = (unsigned char)i;
    }
    return f;
}

// What is on the caller's stack is overwritten as soon as it is spawned. The
// byte behind the place for the output stays.
START_TEST(what_is_spawned_is_moved) {
    size_t out_size = out_sizes[_i];
    char *value = calloc(out_size + 1, 1);
    int errors = 0;
    for (size_t bytes = 0; bytes <= most_bytes; bytes++) {
        struct moved f = moved(bytes, out_size);
        struct task *task = spawn_task(&f.base);
        memset(&f, 0xee, sizeof f);
        memset(value, 0, out_size);
        ck_assert_int_eq(task_join(task, value), TASK_COMPLETED);
        for (size_t i = 0; i < out_size; i++) {
            errors += value[i] != 'o';
        }
        errors += value[out_size] != 0;
    }
    ck_assert_int_eq(errors, 0);
    ck_assert_int_eq(atomic_load(&spoiled), 0);
    free(value);
}
END_TEST

// ---- Whose turn it is ----

// The tasks a, b and x are polled in turn, and x spawns y: then y stands behind
// a, which has put itself back before y came.
START_TEST(a_newcomer_overtakes_nobody) {
    static const char expected[] = "axbayxba";
    struct task *first = spawn(HELD);
    wait_until_held();
    struct task *a = spawn_named(YIELDS, 'a'), *x = spawn_named(SPAWNS, 'x'),
                *b = spawn_named(YIELDS, 'b');
    atomic_store(&gate_is_open, true);
    task_join(first, NULL);
    task_join(x, NULL);
    task_join(a, NULL);
    task_join(b, NULL);
    ck_assert_int_eq(note_count, 10 + 10 + 2 + 1);
    ck_assert_msg(strncmp(noted, expected, strlen(expected)) == 0,
                  "polled in this order: %s", noted);
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
    struct task *task = spawn_keeper(&kept, &herald.news);
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

static atomic_int wrong; // outcomes

static void join_it(struct task *task, enum task_outcome expected) {
    if (task_join(task, NULL) != expected) {
        atomic_fetch_add(&wrong, 1);
    }
}

static void use_handle(struct task *task, enum kind kind, unsigned random) {
    switch (random % 4) {
    case 0:
        if (ends_by_itself(kind)) {
            join_it(task, kind == PANICS ? TASK_PANICKED : TASK_COMPLETED);
            break;
        }
        task_cancel(task);
        join_it(task, TASK_CANCELLED);
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

// Some are awaited by a task of their own, which is then used instead.
static struct task *spawn_any(enum kind kind, bool awaited) {
    struct task *task = spawn(kind);
    return awaited ? spawn_parent(task) : task;
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

// All of them end as they should, and leave neither a future nor a block,
// but for the queues that live on.
static void use_many(int queues) {
    pthread_t threads[4];
    unsigned seeds[4] = {1, 2, 3, 4};
    silence_errors();
    int before = atomic_load(&blocks);
    for (int i = 0; i < 4; i++) {
        threads[i] = start_thread(spawn_many, &seeds[i]);
    }
    for (int i = 0; i < 4; i++) {
        (void)pthread_join(threads[i], NULL);
    }
    wait_for(&blocks, before + queues);
    ck_assert_int_eq(atomic_load(&blocks), before + queues);
    ck_assert_int_eq(atomic_load(&wrong), 0);
    expect_all_dropped();
}

START_TEST(thousands_of_tasks_at_once) {
    use_many(1);
}
END_TEST

// ---- Several workers ----

static const enum sharing all_sharings[] = {SHARED_QUEUE, QUEUE_EACH, STEALING};

START_TEST(thousands_of_tasks_on_several_workers) {
    spawn_anywhere = stealing_spawn;
    ck_assert_int_eq(stealing_start(3, all_sharings[_i]), 0);
    use_many(0);
    stealing_stop();
}
END_TEST

START_TEST(idle_workers_sleep_and_wake_up) {
    spawn_anywhere = stealing_spawn;
    ck_assert_int_eq(stealing_start(4, all_sharings[_i]), 0);
    pause_ms(20);
    double before = cpu_seconds();
    pause_ms(500);
    ck_assert_double_lt(cpu_seconds() - before, 0.1);
    for (int i = 0; i < 200; i++) {
        struct task *task = spawn(AT_ONCE);
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
    spawn_anywhere = stealing_spawn;
    ck_assert_int_eq(stealing_start(2, all_sharings[_i]), 0);
    for (int i = 0; i < 12; i++) {
        tasks[i] = spawn(BLOCKS);
    }
    struct task *spinning = spawn(SPINS);
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

static enum poll_result exit_poll(struct future *self,
                                  const struct waker *waker, void *out) {
    (void)self;
    (void)waker;
    (void)out;
    exit(7);
}

// What is on the queue is dropped, although the worker cannot be joined.
START_TEST(a_task_can_end_the_program) {
    static const struct future_ops ops = {sizeof(struct future), 0, exit_poll,
                                          NULL};
    struct future ending = {&ops};
    pid_t child = fork();
    if (child == 0) {
        __real_atexit(report_leaks);
        task_detach(spawn(BLOCKS)); // meanwhile the others are spawned
        task_detach(spawn(SPINS));
        struct task *end = spawn_task(&ending);
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

// ---- After the end ----

static struct waker kept_to_the_end;
static struct task *asleep_at_the_end;

// The executor has stopped; whatever is asked of it now is done here. Asleep
// are a task whose waker is kept, and one that nobody but its handle knows.
static void ask_after_the_end(void) {
    struct task *late = spawn(AT_ONCE), *parent = spawn_parent(spawn(YIELDS));
    waker_wake(&kept_to_the_end);
    waker_drop(&kept_to_the_end);
    task_cancel(asleep_at_the_end);
    if (task_join(late, NULL) != TASK_CANCELLED ||
        task_join(parent, NULL) != TASK_CANCELLED ||
        task_join(asleep_at_the_end, NULL) != TASK_CANCELLED ||
        executor_is_running()) {
        _exit(4);
    }
}

static void ask_on(void) {
    __real_atexit(report_leaks);
    __real_atexit(ask_after_the_end); // runs after the executor has stopped
    task_detach(spawn_keeper(&kept_to_the_end, NULL));
    asleep_at_the_end = spawn(NEVER);
    task_join(spawn(AT_ONCE), NULL); // by now both were polled
    exit(0);
}

START_TEST(after_the_end_every_task_is_cancelled) {
    expect_end(ask_on, 0, NULL);
}
END_TEST

// ---- In the middle of a poll ----

static struct task *queued_at_the_end;

static void *open_gate_at_the_end(void *unused) {
    while (executor_is_running()) {
        pause_ms(1);
    }
    atomic_store(&gate_is_open, true);
    return unused;
}

static void expect_cancelled(void) {
    _exit(task_join(queued_at_the_end, NULL) == TASK_CANCELLED ? 0 : 6);
}

// The worker is held until the end has begun, and only then comes to the other
// task.
static void end_while_held(void) {
    __real_atexit(expect_cancelled); // runs after the executor has stopped
    task_detach(spawn(HELD));
    wait_for(&held, 1);
    queued_at_the_end = spawn(AT_ONCE);
    pthread_detach(start_thread(open_gate_at_the_end, NULL));
    exit(1);
}

START_TEST(at_the_end_nobody_is_polled_any_more) {
    expect_end(end_while_held, 0, NULL);
}
END_TEST

// ---- Whoever has something to do at the end ----

static char ended[8]; // who has ended, in this order

static void end_one(void) {
    strcat(ended, "1");
}

static void end_three(void) {
    strcat(ended, "3");
}

static void *come_late(void *unused) {
    at_end(end_three);
    return unused;
}

// As the worker may, while it is waited for.
static void end_two(void) {
    strcat(ended, "2");
    pthread_join(start_thread(come_late, NULL), NULL);
}

static void tell_order(void) {
    _exit(strcmp(ended, "231") == 0 ? 0 : 5);
}

static void end_in_turn(void) {
    __real_atexit(tell_order); // runs after the others
    at_end(end_one);
    at_end(end_two);
    exit(1);
}

START_TEST(who_came_last_ends_first) {
    expect_end(end_in_turn, 0, NULL);
}
END_TEST

// ---- Where there is no poll to give up ----

START_TEST(a_panic_outside_a_task_ends_the_program) {
    silence_errors();
    task_panic("nobody could catch this");
}
END_TEST

static void panicking_drop(struct future *self) {
    (void)self;
    task_panic("in the middle of a drop");
}

static enum poll_result ready_poll(struct future *self,
                                   const struct waker *waker, void *out) {
    (void)self;
    (void)waker;
    (void)out;
    return FUTURE_READY;
}

START_TEST(a_panic_in_a_drop_ends_the_program) {
    static const struct future_ops ops = {sizeof(struct future), 0, ready_poll,
                                          panicking_drop};
    struct future f = {&ops};
    silence_errors();
    task_join(spawn_task(&f), NULL);
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

// The task is the only allocation: to wait for its end takes none.
START_TEST(a_spawn_without_memory_is_told) {
    atomic_int drops = 0;
    expect_join(AT_ONCE, TASK_COMPLETED, 1); // now there is a queue
    for (int i = 1; i <= 3; i++) {
        struct probe me = probe(AT_ONCE);
        me.drops = &drops;
        errno = 0;
        fail_malloc_at = 1;
        struct task *task = spawn_probe(&me);
        int error = errno, left = fail_malloc_at;
        fail_malloc_at = 0;
        ck_assert_ptr_null(task);
        ck_assert_int_eq(error, ENOMEM);
        ck_assert_int_eq(left, 0);
        ck_assert_int_eq(atomic_load(&drops), i);
    }
    fail_malloc_at = 2;
    enum task_outcome outcome = task_join(spawn(WOKEN_LATER), NULL);
    int left = fail_malloc_at;
    fail_malloc_at = 0;
    ck_assert_int_eq(outcome, TASK_COMPLETED);
    ck_assert_int_eq(left, 1);
    expect_all_dropped();
}
END_TEST

START_TEST(an_enormous_output_is_refused) {
    static const struct future_ops ops = {sizeof(struct probe), SIZE_MAX / 2,
                                          probe_poll, probe_drop};
    expect_join(AT_ONCE, TASK_COMPLETED, 1); // now there is a queue
    struct probe me = probe(AT_ONCE);
    me.base.ops = &ops;
    ck_assert_ptr_null(spawn_probe(&me));
    ck_assert_int_eq(errno, ENOMEM);
    ck_assert_int_eq(atomic_load(&alive), 0);
}
END_TEST

static void spawn_without_a_queue(void) {
    fail_malloc_at = 1;
    spawn(AT_ONCE);
}

static void spawn_without_a_worker(void) {
    atomic_store(&fail_thread_at, 1);
    spawn(AT_ONCE);
}

static void spawn_without_a_handler(void) {
    atomic_store(&fail_atexit_at, 1);
    spawn(AT_ONCE);
}

START_TEST(an_executor_that_cannot_start_ends_the_program) {
    expect_end(spawn_without_a_queue, 1,
               "channel: new: Cannot allocate memory");
    expect_end(spawn_without_a_worker, 1,
               "executor: start a worker: Resource temporarily unavailable");
    expect_end(spawn_without_a_handler, 1,
               "at_end: atexit: Cannot allocate memory");
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
    int sent;
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
    struct channel *ch = channel_new();
    pthread_t threads[senders];
    int next[senders] = {0};
    for (int s = 0; s < senders; s++) {
        all[s].channel = ch;
        for (int i = 0; i < messages; i++) {
            all[s].messages[i].sender = s;
        }
        threads[s] = start_thread(send_all, &all[s]);
    }
    for (int i = 0; i < senders * messages; i++) {
        struct message *m = (struct message *)channel_receive(ch);
        ck_assert_int_eq(m->number, next[m->sender]++);
    }
    for (int s = 0; s < senders; s++) {
        pthread_join(threads[s], NULL);
    }
    free(ch);
}
END_TEST

// Strictly in the order of sending, also what was received and is sent anew.
START_TEST(a_channel_is_first_in_first_out) {
    struct channel *ch = channel_new();
    struct channel_node a, b, c, d;
    ck_assert(channel_send(ch, &a));
    ck_assert(channel_send(ch, &b));
    ck_assert_ptr_eq(channel_receive(ch), &a);
    ck_assert(channel_send(ch, &a));
    ck_assert(channel_send(ch, &c));
    ck_assert_ptr_eq(channel_receive(ch), &b);
    ck_assert(channel_send(ch, &d));
    ck_assert(channel_send(ch, &b));
    ck_assert_ptr_eq(channel_receive(ch), &a);
    ck_assert(channel_send(ch, &a));
    ck_assert_ptr_eq(channel_receive(ch), &c);
    ck_assert_ptr_eq(channel_receive(ch), &d);
    ck_assert_ptr_eq(channel_receive(ch), &b);
    channel_close(ch);
    ck_assert_ptr_eq(channel_receive(ch), &a);
    ck_assert_ptr_null(channel_receive(ch));
    free(ch);
}
END_TEST

static void *close_now(void *ch) {
    channel_close(ch);
    return NULL;
}

static void *close_later(void *ch) {
    pause_ms(30);
    channel_close(ch);
    return NULL;
}

START_TEST(a_closed_channel_gives_what_it_has) {
    for (int count = 0; count < 4; count++) {
        struct channel *ch = channel_new();
        struct channel_node sent[4], late;
        for (int i = 0; i < count; i++) {
            ck_assert(channel_send(ch, &sent[i]));
        }
        if (count == 3) { // a round has begun
            ck_assert_ptr_eq(channel_receive(ch), &sent[0]);
        }
        channel_close(ch);
        channel_close(ch); // once more is nothing
        ck_assert(!channel_send(ch, &late));
        for (int i = count == 3; i < count; i++) {
            ck_assert_ptr_eq(channel_receive(ch), &sent[i]);
        }
        ck_assert_ptr_null(channel_receive(ch));
        ck_assert_ptr_null(channel_receive(ch));
        ck_assert(!channel_send(ch, &late));
        free(ch);
    }
}
END_TEST

START_TEST(closing_wakes_who_waits) {
    struct channel *ch = channel_new();
    pthread_t thread = start_thread(close_later, ch);
    ck_assert_ptr_null(channel_receive(ch));
    pthread_join(thread, NULL);
    free(ch);
}
END_TEST

static void *send_until_closed(void *arg) {
    struct sender *me = arg;
    me->sent = 0;
    while (me->sent < messages &&
           channel_send(me->channel, &me->messages[me->sent].node)) {
        me->sent++;
    }
    return NULL;
}

// What was sent before the end arrives, and what was refused does not.
START_TEST(closing_among_senders_loses_nothing) {
    static struct sender all[senders];
    pthread_t threads[senders], closer;
    for (int round = 0; round < 200; round++) {
        struct channel *ch = channel_new();
        int received = 0, sent = 0;
        for (int s = 0; s < senders; s++) {
            all[s].channel = ch;
            threads[s] = start_thread(send_until_closed, &all[s]);
        }
        closer = start_thread(close_now, ch);
        while (channel_receive(ch) != NULL) {
            received++;
        }
        pthread_join(closer, NULL);
        for (int s = 0; s < senders; s++) {
            pthread_join(threads[s], NULL);
            sent += all[s].sent;
        }
        ck_assert_int_eq(received, sent);
        free(ch);
    }
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
    tcase_add_test(tests, two_that_awaited_each_other_are_freed);
    tcase_add_test(tests, a_wake_after_the_end_does_nothing);
    tcase_add_loop_test(tests, each_use_at_each_moment, 0, uses * moments);
    tcase_add_loop_test(tests, the_future_is_dropped_once, 0, ways);
    tcase_add_loop_test(tests, what_is_spawned_is_moved, 0,
                        sizeof out_sizes / sizeof out_sizes[0]);
    tcase_add_test(tests, a_newcomer_overtakes_nobody);
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
    tcase_add_test(tests, after_the_end_every_task_is_cancelled);
    tcase_add_test(tests, at_the_end_nobody_is_polled_any_more);
    tcase_add_test(tests, who_came_last_ends_first);
    tcase_add_test_raise_signal(tests, a_panic_outside_a_task_ends_the_program,
                                SIGABRT);
    tcase_add_test_raise_signal(tests, a_panic_in_a_drop_ends_the_program,
                                SIGABRT);
    tcase_add_test(tests, a_spawn_without_memory_is_told);
    tcase_add_test(tests, an_enormous_output_is_refused);
    tcase_add_test(tests, an_executor_that_cannot_start_ends_the_program);
    tcase_add_test(tests, a_channel_keeps_each_senders_order);
    tcase_add_test(tests, a_channel_is_first_in_first_out);
    tcase_add_test(tests, a_closed_channel_gives_what_it_has);
    tcase_add_test(tests, closing_wakes_who_waits);
    tcase_add_test(tests, closing_among_senders_loses_nothing);
}

int main(void) {
    return run_suite("03-tasks", add_tests);
}
