#define _POSIX_C_SOURCE 200809L
// Chapter 05's deadlines on a clock that the tests move: libuv's clock
// and timer are caught by the linker (--wrap).
#include "deadlines.h"
#include "harness.h"

#include <stdlib.h>

uint64_t __wrap_uv_now(const uv_loop_t *loop);
int __wrap_uv_timer_init(uv_loop_t *loop, uv_timer_t *timer);
int __wrap_uv_timer_start(uv_timer_t *timer, uv_timer_cb on_timer,
                          uint64_t timeout, uint64_t repeat);

// ---- The clock and the one timer ----

static struct {
    uint64_t now, due; // milliseconds
    bool is_set;
    uv_timer_cb on_timer;
    long fired;
} world;

uint64_t __wrap_uv_now(const uv_loop_t *loop) {
    (void)loop;
    return world.now;
}

int __wrap_uv_timer_init(uv_loop_t *loop, uv_timer_t *timer) {
    timer->loop = loop;
    return 0;
}

int __wrap_uv_timer_start(uv_timer_t *timer, uv_timer_cb on_timer,
                          uint64_t timeout, uint64_t repeat) {
    (void)timer;
    ck_assert_uint_eq(repeat, 0);
    world.due = world.now + timeout;
    world.on_timer = on_timer;
    world.is_set = true;
    return 0;
}

static struct deadlines all;

static void fire(void) {
    world.is_set = false;
    world.fired++;
    world.on_timer(&all.timer);
}

// Lets time pass on a loop that has nothing else to do.
static void pass(uint64_t ms) {
    uint64_t until = world.now + ms;
    while (world.is_set && world.due <= until) {
        world.now = world.due;
        fire();
    }
    world.now = until;
}

// The loop is held up for so long after the timer was due.
static void hold_up(uint64_t ms) {
    ck_assert(world.is_set);
    world.now = world.due + ms;
    fire();
}

// ---- What the tests put into it ----

struct item {
    bool is_there;
    int64_t due;
    int64_t wanted; // when it should be due
    int due_count;
};

enum { item_count = 10000 };
static struct item items[item_count];
static long due_count;
static enum { REMOVED, LEFT, NOT_CHECKED } who_is_due;

static void on_due(struct item *item) {
    int64_t now = deadlines_now(&all);
    if (who_is_due != NOT_CHECKED) {
        ck_assert_int_ge(now, item->wanted);
        ck_assert_int_le(now, item->wanted + tick_ms);
    }
    item->due_count++;
    due_count++;
    item->is_there = who_is_due == LEFT;
    item->wanted += tick_ms; // it will be called again
}

static void look_at_all(struct deadlines *d) {
    for (int i = 0; i < item_count; i++) {
        if (items[i].is_there && deadlines_passed(d, items[i].due)) {
            on_due(&items[i]);
        }
    }
}

static void begin(void) {
    static uv_loop_t loop;
    world.now = 12345;
    world.fired = 0;
    who_is_due = REMOVED;
    due_count = 0;
    deadlines_start(&all, &loop, look_at_all);
}

static void set(struct item *item, int64_t ms) {
    item->is_there = true;
    item->due = item->wanted = deadlines_now(&all) + ms;
    deadlines_set(&all, item->due);
}

START_TEST(nobody_there_sets_no_timer) {
    begin();
    pass(1000);
    ck_assert(!world.is_set);
    set(&items[0], 1000);
    items[0].is_there = false;
    pass(100000);
    ck_assert(!world.is_set);
    ck_assert_int_le(world.fired, 1);
    ck_assert_int_eq(due_count, 0);
}
END_TEST

// on_due checks that none is early, and none later than a tick.
START_TEST(each_is_due_in_time) {
    begin();
    srand(5);
    for (int i = 0; i < item_count; i++) {
        set(&items[i], rand() % 120000);
        if (i % 100 == 0) {
            pass((uint64_t)(rand() % 300));
        }
    }
    pass(121000);
    ck_assert_int_eq(due_count, item_count);
}
END_TEST

START_TEST(moves_to_and_fro) {
    begin();
    srand(6);
    for (int i = 0; i < 1000; i++) {
        set(&items[i], rand() % 60000);
    }
    for (int i = 0; i < 100000; i++) {
        struct item *item = &items[rand() % 1000];
        if (item->due_count == 0) {
            set(item, rand() % 60000);
        }
        pass((uint64_t)(rand() % 3));
    }
    pass(61000);
    ck_assert_int_eq(due_count, 1000);
}
END_TEST

// What a busy server does: each byte moves a deadline, none ever comes.
START_TEST(moving_to_later_costs_nothing) {
    begin();
    for (int i = 0; i < item_count; i++) {
        set(&items[i], 60000);
    }
    for (int second = 0; second < 300; second++) {
        pass(1000);
        for (int i = 0; i < item_count; i++) {
            set(&items[i], 60000);
        }
    }
    ck_assert_int_eq(due_count, 0);
    ck_assert_int_le(world.fired, 300 / 25 + 1);
    pass(60000 + tick_ms);
    ck_assert_int_eq(due_count, item_count);
}
END_TEST

START_TEST(far_ones_and_never) {
    begin();
    set(&items[0], 24 * 3600 * 1000);
    items[1] = (struct item){.is_there = true, .due = DEADLINE_NEVER};
    deadlines_set(&all, DEADLINE_NEVER);
    pass(24 * 3600 * 1000 - 1);
    ck_assert_int_eq(due_count, 0);
    pass(1 + tick_ms);
    ck_assert_int_eq(due_count, 1);
    ck_assert_int_eq(items[1].due_count, 0);
    set(&items[1], 50);
    pass(50 + tick_ms);
    ck_assert_int_eq(items[1].due_count, 1);
}
END_TEST

START_TEST(is_called_until_it_is_moved) {
    begin();
    who_is_due = LEFT;
    set(&items[0], 1000);
    pass(1999);
    ck_assert_int_eq(due_count, 10);
    set(&items[0], 5000);
    pass(4999);
    ck_assert_int_eq(due_count, 10);
}
END_TEST

// Of two clients, one spoke while the loop was held up. It must not be blamed.
START_TEST(held_up_it_listens_before_it_judges) {
    begin();
    set(&items[0], 1000);
    set(&items[1], 1000);
    hold_up(5000);
    ck_assert_int_eq(due_count, 0);
    set(&items[0], 1000); // now we hear it
    pass(tick_ms);
    ck_assert_int_eq(items[1].due_count, 1);
    ck_assert_int_eq(due_count, 1);
    pass(1000);
    ck_assert_int_eq(items[0].due_count, 1);
}
END_TEST

// A loop that is held up all the time still gets rid of those who are silent.
START_TEST(always_late_it_judges_all_the_same) {
    begin();
    who_is_due = NOT_CHECKED; // by its clock they are late
    for (int i = 0; i < 100; i++) {
        set(&items[i], (int64_t)i * 300);
    }
    uint64_t start = world.now;
    while (world.is_set) {
        hold_up(1000);
    }
    ck_assert_uint_ge(world.now - start, 99 * 300);
    ck_assert_uint_le(world.now - start, 3 * 99 * 300);
}
END_TEST

static void add_tests(TCase *tests) {
    tcase_add_test(tests, nobody_there_sets_no_timer);
    tcase_add_test(tests, each_is_due_in_time);
    tcase_add_test(tests, moves_to_and_fro);
    tcase_add_test(tests, moving_to_later_costs_nothing);
    tcase_add_test(tests, far_ones_and_never);
    tcase_add_test(tests, is_called_until_it_is_moved);
    tcase_add_test(tests, held_up_it_listens_before_it_judges);
    tcase_add_test(tests, always_late_it_judges_all_the_same);
}

int main(void) {
    return run_suite("05 deadlines", add_tests);
}
