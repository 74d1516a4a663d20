#define _POSIX_C_SOURCE 200809L
// The scenes of 02d: two futures that block, on two workers; then twenty-one that are
// polled ten times each, and complain if two threads poll them at once. At last a
// handle that is dropped early, and whose future has to run all the same.
#include "executor.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <time.h>

static void sleep_ms(long ms) {
    const struct timespec t = {.tv_nsec = ms * 1000 * 1000};
    nanosleep(&t, NULL);
}

// What a future does is noted outside of it, where it stays to be read.
struct notes {
    atomic_bool being_polled, is_over;
    atomic_int twice, drops;
};

struct probe {
    struct future base;
    struct notes *notes;
    int polls_left;
    long ms;
    int number; // of its last poll, among all
};

// How many of the twenty have begun before one of them was ready: a fair executor
// goes round.
static atomic_int begun, turns, polls, again;
enum { others = 21 }; // that are polled ten times each

static void note_turn(const struct probe *me, bool ready) {
    if (me->ms == 1 && me->polls_left == 9) {
        atomic_fetch_add(&begun, 1);
    }
    if (me->ms == 1 && ready && atomic_load(&turns) == 0) {
        atomic_store(&turns, atomic_load(&begun));
    }
}

// Where all have begun and none is ready, the rest of them stand on the list before one
// that was put back.
static void note_whether_again(struct probe *me) {
    int number = atomic_fetch_add(&polls, 1);
    if (atomic_load(&begun) == others && atomic_load(&turns) == 0 &&
        number - me->number < others / 2) {
        atomic_fetch_add(&again, 1);
    }
    me->number = number;
}

static atomic_bool told;
static atomic_int now_polled, most_polled;

static enum poll_result probe_poll(struct future *self, void *out) {
    struct probe *me = (struct probe *)self;
    if (atomic_fetch_add(&now_polled, 1) > 0) {
        atomic_store(&most_polled, 2);
    }
    if (atomic_exchange(&me->notes->being_polled, true) ||
        atomic_load(&me->notes->is_over)) {
        atomic_fetch_add(&me->notes->twice, 1);
        if (!atomic_exchange(&told, true)) {
            printf("somebody polled one twice at once, or when it was over\n");
        }
    }
    note_whether_again(me);
    if (me->ms > 0) {
        sleep_ms(me->ms);
    }
    bool ready = --me->polls_left <= 0;
    note_turn(me, ready);
    *(int *)out = 2;
    atomic_store(&me->notes->is_over, ready);
    atomic_fetch_sub(&now_polled, 1);
    atomic_store(&me->notes->being_polled, false);
    return ready ? FUTURE_READY : FUTURE_PENDING;
}

static void probe_drop(struct future *self) {
    struct notes *notes = ((struct probe *)self)->notes;
    atomic_fetch_add(&notes->drops, 1);
}

static struct handle spawn(struct notes *notes, int polls_left, long ms,
                           int *out) {
    static const struct future_ops ops = {sizeof(struct probe), sizeof(int),
                                          probe_poll, probe_drop};
    struct probe f = {{&ops}, notes, polls_left, ms, -others};
    return executor_spawn(&f.base, out);
}

enum { many = others + 2 };

static struct notes notes[many];

int main(void) {
    struct handle handles[many];
    int outs[many] = {0}, sum = 0, twice = 0, drops = 0;
    executor_start(2);
    for (int i = 0; i < many; i++) {
        bool blocks = i < 2;
        handles[i] =
            spawn(&notes[i], blocks ? 1 : 10, blocks ? 200 : 1, &outs[i]);
        if (i == 1) {
            block_on(&handles[0].base, NULL);
            block_on(&handles[1].base, NULL);
        }
    }
    future_drop(&handles[many - 1].base);
    for (int i = 2; i < many - 1; i++) {
        block_on(&handles[i].base, NULL);
    }
    sleep_ms(100); // for what nobody waits for
    for (int i = 0; i < many; i++) {
        sum += outs[i];
        twice += atomic_load(&notes[i].twice);
        drops += atomic_load(&notes[i].drops);
    }
    printf(
        "outputs %d, polled twice at once or too late %d, dropped %d of %d\n",
        sum, twice, drops, many);
    printf("turns %d of %d, polled again at once %d\n", atomic_load(&turns),
           others, atomic_load(&again));
    printf("polls at once: %s\n",
           atomic_load(&most_polled) > 0 ? "two" : "never two");
    return 0;
}
