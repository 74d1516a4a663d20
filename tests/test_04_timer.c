#define _POSIX_C_SOURCE 200809L
// Chapter 04 from the inside: the heap; whom the timer wakes and when, who leaves
// it, what happens without memory or a thread, and the end of the program.
#include "failing.h"
#include "harness.h"

#include "async_sleep.h"
#include "at_end.h"
#include "clock.h"
#include "executor.h"
#include "heap.h"

#include <errno.h>
#include <math.h>
#include <pthread.h>
#include <stdatomic.h>
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

// ---- Failing calls ----
// Besides those of failing.h.

static atomic_int fail_realloc_at, fail_cond_at;
static atomic_bool memory_is_out;
static atomic_int waits; // of the timer's thread, that are over

void *__real_realloc(void *old, size_t size);
void *__wrap_realloc(void *old, size_t size);
void *__wrap_realloc(void *old, size_t size) {
    if (atomic_fetch_sub(&fail_realloc_at, 1) == 1 ||
        atomic_load(&memory_is_out)) {
        errno = ENOMEM;
        return NULL;
    }
    return __real_realloc(old, size);
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

int __real_pthread_cond_timedwait(pthread_cond_t *cond, pthread_mutex_t *mutex,
                                  const struct timespec *until);
int __wrap_pthread_cond_timedwait(pthread_cond_t *cond, pthread_mutex_t *mutex,
                                  const struct timespec *until);
int __wrap_pthread_cond_timedwait(pthread_cond_t *cond, pthread_mutex_t *mutex,
                                  const struct timespec *until) {
    int error = __real_pthread_cond_timedwait(cond, mutex, until);
    atomic_fetch_add(&waits, 1);
    return error;
}

static unsigned next_random(unsigned *random) {
    *random = *random * 1103515245 + 12345;
    return *random >> 16;
}

// ---- The heap by itself ----

enum { most_members = 6000 };
static struct deadline members[most_members];

static int by_time(const void *a, const void *b) {
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

// RETURNS a time in one of several patterns, many of which have equal times.
static int64_t any_time(int pattern, int i, unsigned *random) {
    switch (pattern) {
    case 0:
        return i;
    case 1:
        return -i;
    case 2:
        return 7;
    case 3:
        return i % 2 == 0 ? INT64_MAX - i : INT64_MIN + i;
    case 4:
        return next_random(random) % 5;
    default:
        return (int64_t)next_random(random) << 32 | next_random(random);
    }
}

enum { patterns = 6 };

static void enter(struct heap *h, struct deadline *d, int64_t at) {
    *d = (struct deadline){at, 0};
    ck_assert(heap_enter(h, d));
    ck_assert_uint_ne(d->place, 0);
}

// Takes out who is earliest until nobody is left. They must be these times, in
// order.
static void expect_drained(struct heap *h, int64_t times[], size_t count) {
    qsort(times, count, sizeof times[0], by_time);
    for (size_t i = 0; i < count; i++) {
        struct deadline *d = heap_earliest(h);
        if (d == NULL || d->at != times[i]) {
            ck_abort_msg("the %zu. of %zu is not in order", i + 1, count);
        }
        heap_leave(h, d);
        if (d->place != 0) {
            ck_abort_msg("who has left has a place");
        }
    }
    ck_assert_ptr_null(heap_earliest(h));
}

static void fill(struct heap *h, int64_t times[], int count, int pattern,
                 unsigned *random) {
    for (int i = 0; i < count; i++) {
        times[i] = any_time(pattern, i, random);
        enter(h, &members[i], times[i]);
    }
}

// All small sizes, so each at which a level of a heap of four begins or ends: 1,
// 5, 21, 85. And some that make it grow.
START_TEST(a_heap_sorts) {
    static int64_t times[most_members];
    static const int large[] = {126, 127, 128, 341, 342, 1365, 1366, 6000};
    struct heap h = {0};
    unsigned random = 1;
    for (int size = 0; size <= 90; size++) {
        fill(&h, times, size, _i, &random);
        expect_drained(&h, times, (size_t)size);
    }
    for (size_t i = 0; i < sizeof large / sizeof large[0]; i++) {
        fill(&h, times, large[i], _i, &random);
        expect_drained(&h, times, (size_t)large[i]);
    }
    heap_free(&h);
}
END_TEST

// Each of all members leaves once, out of a heap of each small size.
START_TEST(anybody_may_leave_a_heap) {
    int64_t times[40];
    struct heap h = {0};
    unsigned random = 2;
    for (int size = 1; size <= 40; size++) {
        for (int leaving = 0; leaving < size; leaving++) {
            fill(&h, times, size, _i, &random);
            heap_leave(&h, &members[leaving]);
            ck_assert_uint_eq(members[leaving].place, 0);
            times[leaving] = times[size - 1];
            expect_drained(&h, times, (size_t)size - 1);
        }
    }
    heap_free(&h);
}
END_TEST

// RETURNS the earliest of those who are in, by looking at each; NULL: nobody.
static struct deadline *earliest_of(int count) {
    struct deadline *earliest = NULL;
    for (int i = 0; i < count; i++) {
        struct deadline *d = &members[i];
        if (d->place != 0 && (earliest == NULL || d->at < earliest->at)) {
            earliest = d;
        }
    }
    return earliest;
}

// Nobody stands where another one stands.
static bool places_are_apart(int count, size_t inside) {
    static bool taken[most_members + 1];
    bool apart = true;
    memset(taken, 0, sizeof taken);
    for (int i = 0; i < count; i++) {
        size_t place = members[i].place;
        apart = apart && place <= inside && (place == 0 || !taken[place]);
        taken[place] = true;
    }
    return apart;
}

// Whoever is in may leave and whoever is out may enter, thousands of times.
START_TEST(many_come_and_go_at_random) {
    static int64_t times[most_members];
    const int count = 300;
    struct heap h = {0};
    size_t inside = 0, rest = 0;
    unsigned random = 3;
    for (int i = 0; i < 20000; i++) {
        struct deadline *d = &members[next_random(&random) % (unsigned)count];
        bool leaves = d->place != 0;
        if (leaves) {
            heap_leave(&h, d);
        } else {
            d->at = any_time(_i, i, &random);
            (void)heap_enter(&h, d);
        }
        inside += leaves ? (size_t)-1 : 1;
        struct deadline *earliest = heap_earliest(&h),
                        *true_one = earliest_of(count);
        if ((d->place != 0) == leaves ||
            (earliest == NULL) != (true_one == NULL) ||
            (earliest != NULL && earliest->at != true_one->at) ||
            !places_are_apart(count, inside)) {
            ck_abort_msg("wrong after %d of them", i + 1);
        }
    }
    for (int i = 0; i < count; i++) {
        if (members[i].place != 0) {
            times[rest++] = members[i].at;
        }
    }
    ck_assert_uint_eq(rest, inside);
    expect_drained(&h, times, rest);
    heap_free(&h);
}
END_TEST

// Nothing has changed then, and with memory it goes on.
START_TEST(a_heap_without_memory_says_so) {
    static int64_t times[most_members];
    struct heap h = {0};
    int refused = 0;
    for (int i = 0; i < 1000; i++) {
        struct deadline *d = &members[i];
        times[i] = 1000 - i;
        *d = (struct deadline){times[i], 0};
        atomic_store(&memory_is_out, true);
        bool entered = heap_enter(&h, d);
        atomic_store(&memory_is_out, false);
        if (!entered) {
            refused++;
            ck_assert_uint_eq(d->place, 0);
            enter(&h, d, times[i]);
        }
    }
    ck_assert_int_eq(refused, 5); // 64, 128, 256, 512, 1024
    expect_drained(&h, times, 1000);
    heap_free(&h);
}
END_TEST

// ---- Sleeps without tasks: each has a waker that notes what happens ----

struct noted {
    struct async_sleep sleep;
    atomic_int references, wakes;
    int place; // the how many-th wake of all it was, from 0
    int64_t woken_at;
    int waits; // of the timer's thread before it
};

static atomic_int wakes; // of all

static void note_clone(void *data) {
    atomic_fetch_add(&((struct noted *)data)->references, 1);
}

static void note_wake(void *data) {
    struct noted *me = data;
    me->woken_at = monotonic_now();
    me->waits = atomic_load(&waits);
    me->place = atomic_load(&wakes); // nobody else is waking now
    atomic_fetch_add(&me->wakes, 1);
    atomic_fetch_add(&wakes, 1); // the last: who has seen it may read the rest
}

static void note_drop(void *data) {
    atomic_fetch_sub(&((struct noted *)data)->references, 1);
}

static const struct waker_ops note_ops = {note_clone, note_wake, note_drop};

static enum poll_result poll_with(struct noted *me, struct noted *waker) {
    struct waker w = {&note_ops, waker};
    return future_poll(&me->sleep.base, &w, NULL);
}

// On a machine so busy that a short sleep is over before its first poll, the
// next one is luckier.
static void begin(struct noted *me, double seconds) {
    enum poll_result first = FUTURE_READY;
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
    ck_assert_int_ge(me->woken_at, me->sleep.deadline.at);
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

static void expect_sorted(const int by_place[], int size) {
    for (int i = 1; i < size; i++) {
        ck_assert_int_le(sleepers[by_place[i - 1]].sleep.deadline.at,
                         sleepers[by_place[i]].sleep.deadline.at);
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

// Its place in memory may be used for something else then, and nobody writes to
// it any more.
START_TEST(nobody_knows_who_was_dropped) {
    static struct noted was, alone;
    begin(&was, 0.5);
    begin(&sleepers[0], 0.6);
    ck_assert_uint_ne(was.sleep.deadline.place, 0);
    future_drop(&was.sleep.base);
    expect_forgotten(&was);
    memset(&was, 0xee, sizeof was);
    memset(&alone, 0xee, sizeof alone);
    expect_wakes(1); // now the time of the other has come, too
    ck_assert_mem_eq(&was, &alone, sizeof was);
    expect_woken(&sleepers[0]);
}
END_TEST

// Between the last wake of one service and the first of the next lies at least a
// millisecond. The timer waits once between them, or it was late by itself.
// RETURNS how many services it took.
static int serve_a_crowd(void) {
    int by_place[crowd], services = 1, before = atomic_load(&wakes);
    for (int i = 0; i < crowd; i++) {
        begin(&sleepers[i], 0.5 + i / 10000.0);
    }
    expect_wakes(before + crowd);
    for (int i = 0; i < crowd; i++) {
        expect_woken(&sleepers[i]);
        by_place[sleepers[i].place - before] = i;
    }
    for (int i = 1; i < crowd; i++) {
        struct noted *one = &sleepers[by_place[i - 1]];
        struct noted *next = &sleepers[by_place[i]];
        if (next->waits != one->waits) {
            services++;
            ck_assert_int_ge(next->woken_at - one->woken_at, 1000 * 1000);
        }
    }
    return services;
}

// Some 50, unless something holds the timer up, and then we try again.
START_TEST(a_crowd_is_served_once_a_millisecond) {
    int services = 0;
    for (int i = 0; i < 20 && services < 5; i++) {
        services = serve_a_crowd();
    }
    ck_assert_int_ge(services, 5);
    ck_assert_int_lt(services, crowd / 2);
}
END_TEST

START_TEST(while_nobody_is_due_the_timer_sleeps) {
    begin(&sleepers[0], 0.5);
    expect_wakes(1);
    expect_woken(&sleepers[0]);
    ck_assert_int_lt(atomic_load(&waits), 20);
}
END_TEST

// A tenth of a millisecond after a full one: a timer that knew only full ones
// would be late by the rest of it each time. Ours may be held up some times, and
// so may we, who then do not sleep at all.
START_TEST(a_lone_sleeper_is_punctual) {
    const int64_t ms = 1000 * 1000;
    int64_t least = INT64_MAX;
    struct noted *me = &sleepers[0];
    for (int slept = 0; slept < 30;) {
        *me = (struct noted){.sleep = timer_sleep(0)};
        me->sleep.deadline.at = (monotonic_now() / ms + 5) * ms + ms / 10;
        if (poll_with(me, me) == FUTURE_PENDING) {
            expect_wakes(++slept);
            int64_t late = me->woken_at - me->sleep.deadline.at;
            least = late < least ? late : least;
            expect_woken(me);
        }
    }
    ck_assert_int_ge(least, 0);
    ck_assert_int_lt(least, 8 * ms / 10);
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
    struct async_sleep timed = timer_sleep(0.05);
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
    *me = (struct noted){.sleep = timer_sleep(0.3)};
    enum poll_result result;
    int polls = 0;
    do {
        result = poll_with(me, me);
        polls++;
    } while (result == FUTURE_PENDING && atomic_load(&me->wakes) == polls);
    ck_assert_int_eq(result, FUTURE_READY);
    ck_assert_int_gt(polls, 1);
    ck_assert_int_ge(monotonic_now(), me->sleep.deadline.at);
    ck_assert_int_eq(atomic_load(&me->references), 0);
    future_drop(&me->sleep.base);
}

START_TEST(without_any_memory_they_ask_again) {
    atomic_store(&memory_is_out, true);
    expect_asking(&sleepers[0]);
    expect_asking(&sleepers[1]);
    atomic_store(&memory_is_out, false);
    atomic_store(&wakes, 0);
    begin(&sleepers[2], 0.3);
    expect_wakes(1);
    expect_woken(&sleepers[2]);
}
END_TEST

static void sleep_without_a_thread(void) {
    atomic_store(&fail_thread_at, 1);
    begin(&sleepers[0], 1);
}

static void sleep_without_a_handler(void) {
    atomic_store(&fail_atexit_at, 1);
    begin(&sleepers[0], 1);
}

static void sleep_without_a_condition(void) {
    atomic_store(&fail_cond_at, 1);
    begin(&sleepers[0], 1);
}

START_TEST(a_timer_that_cannot_start_ends_the_program) {
    expect_end(sleep_without_a_thread, 1,
               "timer: start: Resource temporarily unavailable");
    expect_end(sleep_without_a_handler, 1,
               "at_end: atexit: Cannot allocate memory");
    expect_end(sleep_without_a_condition, 1,
               "timer: condition: Cannot allocate memory");
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
    struct async_sleep nap;
    int naps;
    unsigned ms, random;
};

static enum poll_result napper_poll(struct future *self,
                                    const struct waker *waker, void *out) {
    struct napper *me = (struct napper *)self;
    while (future_poll(&me->nap.base, waker, out) == FUTURE_READY) {
        if (monotonic_now() < me->nap.deadline.at) {
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
}

static const struct future_ops napper_ops = {sizeof(struct napper), 0,
                                             napper_poll, napper_drop};

static struct task *spawn_napper(double seconds, int naps, unsigned random) {
    struct napper me = {.base = {&napper_ops},
                        .nap = timer_sleep(seconds),
                        .naps = naps,
                        .ms = 30,
                        .random = random};
    atomic_fetch_add(&alive, 1);
    struct task *task = spawn_task(&me.base);
    memset(&me, 0xee, sizeof me); // it has moved
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

static enum poll_result exit_poll(struct future *self,
                                  const struct waker *waker, void *out) {
    (void)self;
    (void)waker;
    (void)out;
    exit(0);
}

static void exit_inside_a_task(void) {
    static const struct future_ops ops = {sizeof(struct future), 0, exit_poll,
                                          NULL};
    struct future ending = {&ops};
    task_join(spawn_task(&ending), NULL);
}

// Whether the timer or the executor was there first decides which of them ends
// first. Both orders, and an exit inside a task.
START_TEST(at_exit_every_sleeper_is_dropped) {
    pid_t child = fork();
    if (child == 0) {
        __real_atexit(report_leaks); // runs after the others' handlers
        if (_i % 2 == 1) {
            struct async_sleep first = timer_sleep(0.001);
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

// Between the two: the timer has stopped, and the executor has not.
static void sleep_without_a_timer(void) {
    struct task *task = spawn_napper(0.05, 2, 1);
    if (task_join(task, NULL) != TASK_COMPLETED) {
        _exit(4);
    }
}

static void end_in_the_middle(void) {
    __real_atexit(report_leaks);
    task_detach(spawn_napper(100, 1, 1)); // now there is an executor
    at_end(sleep_without_a_timer);
    struct async_sleep first = timer_sleep(0.001);
    block_on(&first.base, NULL); // and now a timer
    exit(0);
}

START_TEST(without_a_timer_they_ask_again) {
    expect_end(end_in_the_middle, 0, NULL);
}
END_TEST

static bool in_fork;

// Runs after the others' handlers, and before the leak checker's, which a fork
// of several threads would confuse.
static void leave_fork(void) {
    if (in_fork) {
        _exit(atomic_load(&sleepers[0].wakes));
    }
}

// The same with the timer's thread, whose lock the fork may have caught. Who
// sleeps in the other process is not woken here.
START_TEST(a_fork_can_exit) {
    __real_atexit(leave_fork);
    begin(&sleepers[0], 100);
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
    future_drop(&sleepers[0].sleep.base);
    expect_forgotten(&sleepers[0]);
}
END_TEST

// Sums with the clock must not overflow, and what is no time is none.
START_TEST(any_duration_will_do) {
    static const double longer[] = {1e10, 1e300, INFINITY};
    static const double none[] = {0, -1, -1e300, -INFINITY, NAN};
    struct waker waker = {&note_ops, &sleepers[0]};
    for (int i = 0; i < 3; i++) {
        struct async_sleep timed = timer_sleep(longer[i]);
        struct async_sleep asking = async_sleep(longer[i]);
        ck_assert_int_eq(future_poll(&timed.base, &waker, NULL),
                         FUTURE_PENDING);
        ck_assert_int_eq(future_poll(&asking.base, &waker, NULL),
                         FUTURE_PENDING);
        future_drop(&timed.base);
    }
    for (int i = 0; i < 5; i++) {
        struct async_sleep timed = timer_sleep(none[i]);
        struct async_sleep asking = async_sleep(none[i]);
        ck_assert_int_eq(future_poll(&timed.base, &waker, NULL), FUTURE_READY);
        ck_assert_int_eq(future_poll(&asking.base, &waker, NULL), FUTURE_READY);
    }
}
END_TEST

static void add_tests(TCase *tests) {
    tcase_add_loop_test(tests, a_heap_sorts, 0, patterns);
    tcase_add_loop_test(tests, anybody_may_leave_a_heap, 0, patterns);
    tcase_add_loop_test(tests, many_come_and_go_at_random, 0, patterns);
    tcase_add_test(tests, a_heap_without_memory_says_so);
    tcase_add_test(tests, they_are_woken_in_the_order_of_their_deadlines);
    tcase_add_loop_test(tests, small_crowds_keep_their_order_too, 0, 2);
    tcase_add_test(tests, only_who_is_due_is_woken);
    tcase_add_test(tests, who_is_dropped_leaves);
    tcase_add_test(tests, an_earlier_deadline_is_not_kept_waiting);
    tcase_add_test(tests, nobody_knows_who_was_dropped);
    tcase_add_test(tests, a_crowd_is_served_once_a_millisecond);
    tcase_add_test(tests, while_nobody_is_due_the_timer_sleeps);
    tcase_add_test(tests, a_lone_sleeper_is_punctual);
    tcase_add_test(tests, the_last_waker_counts);
    tcase_add_test(tests, what_is_due_is_ready_at_once);
    tcase_add_test(tests, a_sleep_needs_no_task);
    tcase_add_test(tests, without_any_memory_they_ask_again);
    tcase_add_test(tests, without_memory_they_ask_again);
    tcase_add_test(tests, a_timer_that_cannot_start_ends_the_program);
    tcase_add_test(tests, a_cancelled_task_does_not_sleep_on);
    tcase_add_test(tests, thousands_sleep_and_are_dropped_at_random);
    tcase_add_loop_test(tests, at_exit_every_sleeper_is_dropped, 0, 4);
    tcase_add_test(tests, without_a_timer_they_ask_again);
    tcase_add_test(tests, a_fork_can_exit);
    tcase_add_test(tests, any_duration_will_do);
}

int main(void) {
    return run_suite("04-timer", add_tests);
}
