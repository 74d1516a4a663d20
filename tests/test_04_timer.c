#define _POSIX_C_SOURCE 200809L
// Chapter 04 from the inside: whom the timer wakes and when, who leaves it, what
// happens without memory or a thread, and the end of the program.
#include "harness.h"

#include "async_sleep.h"
#include "executor.h"
#include "timer.h"

#include <errno.h>
#include <math.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static void pause_ms(long ms) {
    struct timespec t = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
    nanosleep(&t, NULL);
}

// ---- Failing calls ----
// The linker sends the modules' calls here (see the Makefile): the call whose
// turn it is fails.

static atomic_int fail_thread_at, fail_realloc_at, fail_atexit_at, fail_cond_at;

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

void *__real_realloc(void *old, size_t size);
void *__wrap_realloc(void *old, size_t size);
void *__wrap_realloc(void *old, size_t size) {
    if (atomic_fetch_sub(&fail_realloc_at, 1) == 1) {
        errno = ENOMEM;
        return NULL;
    }
    return __real_realloc(old, size);
}

int __real_atexit(void (*handler)(void));
int __wrap_atexit(void (*handler)(void));
int __wrap_atexit(void (*handler)(void)) {
    if (atomic_fetch_sub(&fail_atexit_at, 1) == 1) {
        return -1;
    }
    return __real_atexit(handler);
}

int __real_pthread_cond_init(pthread_cond_t *cond,
                             const pthread_condattr_t *attr);
int __wrap_pthread_cond_init(pthread_cond_t *cond,
                             const pthread_condattr_t *attr);
int __wrap_pthread_cond_init(pthread_cond_t *cond,
                             const pthread_condattr_t *attr) {
    if (atomic_fetch_sub(&fail_cond_at, 1) == 1) {
        return ENOMEM;
    }
    return __real_pthread_cond_init(cond, attr);
}

// ---- Sleeps without tasks: each has a waker that notes what happens ----

struct noted {
    struct timer_sleep sleep;
    atomic_int references, wakes;
    int place; // the how many-th wake of all it was, from 0
    int64_t woken_at;
};

static atomic_int wakes; // of all

static struct waker note_clone(void *data);

static void note_wake(void *data) {
    struct noted *me = data;
    me->woken_at = monotonic_now();
    me->place = atomic_load(&wakes); // nobody else is waking now
    atomic_fetch_add(&me->wakes, 1);
    atomic_fetch_add(&wakes, 1); // the last: who has seen it may read the rest
}

static void note_drop(void *data) {
    atomic_fetch_sub(&((struct noted *)data)->references, 1);
}

static const struct waker_ops note_ops = {note_clone, note_wake, note_drop};

static struct waker note_clone(void *data) {
    atomic_fetch_add(&((struct noted *)data)->references, 1);
    return (struct waker){&note_ops, data};
}

static enum poll poll_with(struct noted *me, struct noted *waker) {
    struct waker w = {&note_ops, waker};
    return future_poll(&me->sleep.base, &w, NULL);
}

// On a machine so busy that a short sleep is over before its first poll, the
// next one is luckier.
static void begin(struct noted *me, double seconds) {
    enum poll first = FUTURE_READY;
    for (int i = 0; i < 100 && first == FUTURE_READY; i++) {
        *me = (struct noted){.sleep = timer_sleep(seconds), .place = -1};
        first = poll_with(me, me);
    }
    ck_assert_int_eq(first, FUTURE_PENDING);
}

static void expect_wakes(int count) {
    for (int i = 0; i < 1000 && atomic_load(&wakes) < count; i++) {
        pause_ms(10);
    }
    ck_assert_int_eq(atomic_load(&wakes), count);
}

// It was woken once and not early, is ready, and the timer has let go of it.
static void expect_woken(struct noted *me) {
    for (int i = 0; i < 1000 && atomic_load(&me->references) > 0; i++) {
        pause_ms(1); // the timer drops the waker after the wake
    }
    ck_assert_int_eq(atomic_load(&me->references), 0);
    ck_assert_int_eq(atomic_load(&me->wakes), 1);
    ck_assert_int_ge(me->woken_at, me->sleep.deadline);
    ck_assert_int_eq(poll_with(me, me), FUTURE_READY);
    future_drop(&me->sleep.base);
}

// The timer has let go of it without a wake.
static void expect_forgotten(struct noted *me) {
    ck_assert_int_eq(atomic_load(&me->references), 0);
    ck_assert_int_eq(atomic_load(&me->wakes), 0);
}

enum { crowd = 500 };
static struct noted sleepers[crowd];

static unsigned next_random(unsigned *random) {
    *random = *random * 1103515245 + 12345;
    return *random >> 16;
}

static void expect_sorted(const int by_place[], int size) {
    for (int i = 1; i < size; i++) {
        ck_assert_int_le(sleepers[by_place[i - 1]].sleep.deadline,
                         sleepers[by_place[i]].sleep.deadline);
    }
}

static void expect_order_of_deadlines(int size, double least, unsigned seed) {
    unsigned random = seed;
    int by_place[crowd];
    int before = atomic_load(&wakes);
    for (int i = 0; i < size; i++) {
        begin(&sleepers[i], least + next_random(&random) % 300 / 1000.0);
    }
    expect_wakes(before + size);
    for (int i = 0; i < size; i++) {
        expect_woken(&sleepers[i]);
        by_place[sleepers[i].place - before] = i;
    }
    expect_sorted(by_place, size);
}

START_TEST(they_are_woken_in_the_order_of_their_deadlines) {
    expect_order_of_deadlines(crowd, 1, 1);
}
END_TEST

// In small heaps a mistake at the edge shows.
START_TEST(small_crowds_keep_their_order_too) {
    for (int size = 1; size < 9; size++) {
        expect_order_of_deadlines(size, 0.1, (unsigned)(8 * _i + size));
    }
}
END_TEST

START_TEST(only_who_is_due_is_woken) {
    for (int i = 0; i < crowd; i++) {
        begin(&sleepers[i], i % 10 == 0 ? 0.5 : 100);
    }
    expect_wakes(crowd / 10);
    pause_ms(50);
    expect_wakes(crowd / 10);
    for (int i = 0; i < crowd; i++) {
        if (i % 10 == 0) {
            expect_woken(&sleepers[i]);
        } else {
            future_drop(&sleepers[i].sleep.base);
            expect_forgotten(&sleepers[i]);
        }
    }
}
END_TEST

// Out of the middle of the heap, in any order, and the rest keeps its order.
START_TEST(who_is_dropped_leaves) {
    unsigned random = 2;
    int dropped = 0;
    for (int i = 0; i < crowd; i++) {
        begin(&sleepers[i], 1 + next_random(&random) % 300 / 1000.0);
    }
    for (int i = 0; i < crowd; i++) {
        struct noted *me = &sleepers[i * 123 % crowd];
        if (next_random(&random) % 3 == 0) {
            future_drop(&me->sleep.base);
            expect_forgotten(me);
            me->place = crowd; // as a mark
            dropped++;
        }
    }
    expect_wakes(crowd - dropped);
    int by_place[crowd + 1];
    for (int i = 0; i < crowd; i++) {
        if (sleepers[i].place != crowd) {
            expect_woken(&sleepers[i]);
        }
        by_place[sleepers[i].place] = i;
    }
    expect_sorted(by_place, crowd - dropped);
}
END_TEST

START_TEST(an_earlier_deadline_is_not_kept_waiting) {
    begin(&sleepers[0], 100);
    pause_ms(50); // now the timer's thread sleeps
    begin(&sleepers[1], 0.3);
    expect_wakes(1);
    expect_woken(&sleepers[1]);
    future_drop(&sleepers[0].sleep.base);
    expect_forgotten(&sleepers[0]);
    begin(&sleepers[2], 0.3); // and also when the heap was empty
    expect_wakes(2);
    expect_woken(&sleepers[2]);
}
END_TEST

START_TEST(the_last_waker_counts) {
    begin(&sleepers[0], 0.3);
    ck_assert_int_eq(poll_with(&sleepers[0], &sleepers[1]), FUTURE_PENDING);
    expect_wakes(1);
    ck_assert_int_eq(atomic_load(&sleepers[1].wakes), 1);
    expect_forgotten(&sleepers[0]);
    future_drop(&sleepers[0].sleep.base);
    ck_assert_int_eq(atomic_load(&sleepers[1].references), 0);
}
END_TEST

START_TEST(what_is_due_is_ready_at_once) {
    for (int i = 0; i < 3; i++) {
        struct noted *me = &sleepers[i];
        me->sleep = timer_sleep(i == 0 ? 0 : -i);
        ck_assert_int_eq(poll_with(me, me), FUTURE_READY);
        expect_forgotten(me);
        future_drop(&me->sleep.base);
    }
}
END_TEST

START_TEST(a_sleep_needs_no_task) {
    int64_t start = monotonic_now();
    struct timer_sleep timed = timer_sleep(0.05);
    block_on(&timed.base, NULL);
    ck_assert_int_ge(monotonic_now() - start, 50 * 1000 * 1000);
    struct async_sleep asking = async_sleep(0.05);
    block_on(&asking.base, NULL);
    ck_assert_int_ge(monotonic_now() - start, 100 * 1000 * 1000);
}
END_TEST

// ---- When the timer cannot help ----

// Then it wakes at once, so that it is asked again and again.
static void expect_asking(struct noted *me) {
    *me = (struct noted){.sleep = timer_sleep(0.05)};
    enum poll poll;
    int polls = 0;
    do {
        poll = poll_with(me, me);
        polls++;
    } while (poll == FUTURE_PENDING && atomic_load(&me->wakes) == polls);
    ck_assert_int_eq(poll, FUTURE_READY);
    ck_assert_int_ge(monotonic_now(), me->sleep.deadline);
    ck_assert_int_eq(atomic_load(&me->references), 0);
    future_drop(&me->sleep.base);
}

static void fail_thread(void) {
    atomic_store(&fail_thread_at, 1);
}

static void fail_atexit(void) {
    atomic_store(&fail_atexit_at, 1);
}

static void fail_cond(void) {
    atomic_store(&fail_cond_at, 1);
}

START_TEST(without_a_thread_they_ask_again) {
    static void (*const failures[])(void) = {fail_thread, fail_atexit,
                                             fail_cond};
    failures[_i]();
    expect_asking(&sleepers[0]);
    expect_asking(&sleepers[1]); // it stays so
}
END_TEST

// The heap grows once on the way to a hundred, and fails to.
START_TEST(without_memory_they_ask_again) {
    int asked = 0;
    begin(&sleepers[0], 1);
    atomic_store(&fail_realloc_at, 1);
    for (int i = 1; i < 100; i++) {
        struct noted *me = &sleepers[i];
        begin(me, 1);
        if (atomic_load(&me->wakes) == 1) {
            asked++;
            atomic_fetch_sub(&wakes, 1);
            begin(me, 1); // now there is room
        }
    }
    ck_assert_int_eq(asked, 1);
    expect_wakes(100);
    for (int i = 0; i < 100; i++) {
        expect_woken(&sleepers[i]);
    }
}
END_TEST

// ---- Sleeping tasks ----

static atomic_int alive, too_early;

struct napper {
    struct future base;
    struct timer_sleep nap;
    int naps;
    unsigned ms, random;
};

static enum poll napper_poll(struct future *self, const struct waker *waker,
                             void *out) {
    struct napper *me = (struct napper *)self;
    while (future_poll(&me->nap.base, waker, out) == FUTURE_READY) {
        if (monotonic_now() < me->nap.deadline) {
            atomic_fetch_add(&too_early, 1);
        }
        if (--me->naps == 0) {
            return FUTURE_READY;
        }
        me->nap = timer_sleep(next_random(&me->random) % me->ms / 1000.0);
    }
    return FUTURE_PENDING;
}

static void napper_drop(struct future *self) {
    future_drop(&((struct napper *)self)->nap.base);
    atomic_fetch_sub(&alive, 1);
    free(self);
}

static const struct future_ops napper_ops = {napper_poll, napper_drop};

static struct task *spawn_napper(double seconds, int naps, unsigned random) {
    struct napper *me = malloc(sizeof *me);
    ck_assert_ptr_nonnull(me);
    *me = (struct napper){.base = {&napper_ops},
                          .nap = timer_sleep(seconds),
                          .naps = naps,
                          .ms = 30,
                          .random = random};
    atomic_fetch_add(&alive, 1);
    struct task *task = spawn_task(&me->base, 0);
    ck_assert_ptr_nonnull(task);
    return task;
}

static void expect_all_dropped(void) {
    for (int i = 0; i < 1000 && atomic_load(&alive) > 0; i++) {
        pause_ms(10);
    }
    ck_assert_int_eq(atomic_load(&alive), 0);
    ck_assert_int_eq(atomic_load(&too_early), 0);
}

START_TEST(a_cancelled_task_does_not_sleep_on) {
    struct task *tasks[crowd];
    for (int i = 0; i < crowd; i++) {
        tasks[i] = spawn_napper(100 + i % 7, 1, 0);
    }
    pause_ms(20);
    for (int i = 0; i < crowd; i++) {
        task_cancel(tasks[i * 123 % crowd]);
    }
    for (int i = 0; i < crowd; i++) {
        ck_assert_int_eq(task_join(tasks[i], NULL), TASK_CANCELLED);
    }
    expect_all_dropped();
}
END_TEST

// Each thread keeps some tasks, and parts with the oldest in a random way.
static void *spawn_many(void *seed) {
    enum { kept = 64 };
    struct task *tasks[kept] = {NULL};
    unsigned random = *(unsigned *)seed;
    for (int i = 0; i < 2000 + kept; i++) {
        struct task **oldest = &tasks[i % kept];
        unsigned choice = next_random(&random) % 4;
        if (*oldest != NULL && choice >= 2) {
            task_cancel(*oldest);
        }
        if (*oldest != NULL && choice % 2 == 0) {
            task_join(*oldest, NULL);
        } else if (*oldest != NULL) {
            task_detach(*oldest);
        }
        *oldest = NULL;
        if (i < 2000) {
            *oldest = spawn_napper(next_random(&random) % 30 / 1000.0,
                                   1 + (int)(random >> 8) % 4, random);
        }
    }
    return NULL;
}

START_TEST(thousands_sleep_and_are_dropped_at_random) {
    pthread_t threads[4];
    unsigned seeds[4] = {1, 2, 3, 4};
    for (int i = 0; i < 4; i++) {
        ck_assert_int_eq(
            pthread_create(&threads[i], NULL, spawn_many, &seeds[i]), 0);
    }
    for (int i = 0; i < 4; i++) {
        pthread_join(threads[i], NULL);
    }
    expect_all_dropped();
}
END_TEST

// ---- The end of the program ----

static void report_leaks(void) {
    if (atomic_load(&alive) != 0) {
        _exit(3);
    }
}

static void leave_sleepers(void) {
    for (int i = 0; i < 200; i++) {
        task_detach(spawn_napper(i % 2 == 0 ? 100 : i / 1000.0, 2, 1));
    }
    pause_ms(50);
}

static enum poll exit_poll(struct future *self, const struct waker *waker,
                           void *out) {
    (void)self;
    (void)waker;
    (void)out;
    exit(0);
}

static void exit_drop(struct future *self) {
    (void)self;
}

static void exit_inside_a_task(void) {
    static const struct future_ops ops = {exit_poll, exit_drop};
    static struct future ending = {&ops};
    task_join(spawn_task(&ending, 0), NULL);
}

// Whether the timer or the executor was there first decides which of them ends
// first. Both orders, and an exit inside a task.
START_TEST(at_exit_every_sleeper_is_dropped) {
    pid_t child = fork();
    if (child == 0) {
        __real_atexit(report_leaks); // runs after the others' handlers
        if (_i % 2 == 1) {
            struct timer_sleep first = timer_sleep(0.001);
            block_on(&first.base, NULL);
        }
        leave_sleepers();
        if (_i >= 2) {
            exit_inside_a_task();
        }
        exit(0);
    }
    int status;
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert(WIFEXITED(status));
    ck_assert_int_eq(WEXITSTATUS(status), 0);
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

// The same with the timer's thread, whose lock the fork may have caught.
START_TEST(a_fork_can_exit) {
    __real_atexit(leave_fork);
    struct timer_sleep first = timer_sleep(0.001);
    block_on(&first.base, NULL);
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
}
END_TEST

// Sums with the clock must not overflow, and what is no time is none.
START_TEST(any_duration_will_do) {
    static const double longer[] = {1e10, 1e300, INFINITY};
    static const double none[] = {0, -1, -1e300, -INFINITY, NAN};
    struct waker waker = {&note_ops, &sleepers[0]};
    for (int i = 0; i < 3; i++) {
        struct timer_sleep timed = timer_sleep(longer[i]);
        struct async_sleep asking = async_sleep(longer[i]);
        ck_assert_int_eq(future_poll(&timed.base, &waker, NULL),
                         FUTURE_PENDING);
        ck_assert_int_eq(future_poll(&asking.base, &waker, NULL),
                         FUTURE_PENDING);
        future_drop(&timed.base);
    }
    for (int i = 0; i < 5; i++) {
        struct timer_sleep timed = timer_sleep(none[i]);
        struct async_sleep asking = async_sleep(none[i]);
        ck_assert_int_eq(future_poll(&timed.base, &waker, NULL), FUTURE_READY);
        ck_assert_int_eq(future_poll(&asking.base, &waker, NULL), FUTURE_READY);
    }
}
END_TEST

static void add_tests(TCase *tests) {
    tcase_add_test(tests, they_are_woken_in_the_order_of_their_deadlines);
    tcase_add_loop_test(tests, small_crowds_keep_their_order_too, 0, 2);
    tcase_add_test(tests, only_who_is_due_is_woken);
    tcase_add_test(tests, who_is_dropped_leaves);
    tcase_add_test(tests, an_earlier_deadline_is_not_kept_waiting);
    tcase_add_test(tests, the_last_waker_counts);
    tcase_add_test(tests, what_is_due_is_ready_at_once);
    tcase_add_test(tests, a_sleep_needs_no_task);
    tcase_add_loop_test(tests, without_a_thread_they_ask_again, 0, 3);
    tcase_add_test(tests, without_memory_they_ask_again);
    tcase_add_test(tests, a_cancelled_task_does_not_sleep_on);
    tcase_add_test(tests, thousands_sleep_and_are_dropped_at_random);
    tcase_add_loop_test(tests, at_exit_every_sleeper_is_dropped, 0, 4);
    tcase_add_test(tests, a_fork_can_exit);
    tcase_add_test(tests, any_duration_will_do);
}

int main(void) {
    return run_suite("04-timer", add_tests);
}
