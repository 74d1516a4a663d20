#define _POSIX_C_SOURCE 200809L
// The scenes of 02d: two futures that block, on two workers; then 21 that are polled
// ten times each, and complain if two threads poll them at once. A gate holds one worker
// meanwhile, so that the other must go round, one poll after another. At last a handle
// that is dropped early, and whose future has to run all the same.
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
};

// How many of the 21 have begun before one of them was ready: a fair executor
// goes round.
static atomic_int begun, turns;

static void note_turn(const struct probe *me, bool ready) {
    if (me->ms == 1 && me->polls_left == 9) {
        atomic_fetch_add(&begun, 1);
    }
    if (me->ms == 1 && ready && atomic_load(&turns) == 0) {
        atomic_store(&turns, atomic_load(&begun));
    }
}

// Who was polled last, while one worker was alone with many. If it is polled again, it
// was not at the end of the list in between.
static _Atomic(const struct probe *) polled_last;
static atomic_bool is_alone;
static atomic_int again;

static void note_who(const struct probe *me) {
    if (atomic_exchange(&polled_last, me) == me && atomic_load(&is_alone) &&
        atomic_load(&turns) == 0) {
        atomic_fetch_add(&again, 1);
    }
}

static atomic_bool told;
static atomic_int now_polled, most_polled, blocking;

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
    if (me->ms == 1) {
        note_who(me);
    } else {
        printf("number %d of two begins\n", atomic_fetch_add(&blocking, 1) + 1);
    }
    sleep_ms(me->ms);
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

static struct handle spawn(struct notes *notes, int polls, long ms, int *out) {
    static const struct future_ops ops = {sizeof(struct probe), sizeof(int),
                                          probe_poll, probe_drop};
    struct probe f = {{&ops}, notes, polls, ms};
    return executor_spawn(&f.base, out);
}

// Holds its worker: until the 21 are all spawned, or until one of them is ready. It has
// a limit, since an answer may poll one at a time.
struct gate {
    struct future base;
    bool is_long;
};

static atomic_bool all_spawned;

static enum poll_result gate_poll(struct future *self, void *out) {
    bool is_long = ((struct gate *)self)->is_long;
    (void)out;
    if (atomic_fetch_add(&now_polled, 1) > 0) {
        atomic_store(&most_polled, 2);
    }
    for (int i = 0; i < 500 && !atomic_load(&all_spawned); i++) {
        sleep_ms(1);
    }
    if (is_long) {
        atomic_store(&polled_last, NULL);
        atomic_store(&is_alone, true);
        for (int i = 0; i < 500 && atomic_load(&turns) == 0; i++) {
            sleep_ms(1);
        }
        atomic_store(&is_alone, false);
    }
    atomic_fetch_sub(&now_polled, 1);
    return FUTURE_READY;
}

static struct handle spawn_gate(bool is_long) {
    static const struct future_ops ops = {sizeof(struct gate), 0, gate_poll,
                                          NULL};
    struct gate f = {{&ops}, is_long};
    return executor_spawn(&f.base, NULL);
}

enum { many = 23 };

static struct notes notes[many];

int main(void) {
    struct handle handles[many], gates[2];
    int outs[many] = {0}, sum = 0, twice = 0, drops = 0;
    executor_start(2);
    for (int i = 0; i < many; i++) {
        bool blocks = i < 2;
        handles[i] =
            spawn(&notes[i], blocks ? 1 : 10, blocks ? 200 : 1, &outs[i]);
        if (i == 1) {
            block_on(&handles[0].base, NULL);
            block_on(&handles[1].base, NULL);
            gates[0] = spawn_gate(false);
            gates[1] = spawn_gate(true);
        }
    }
    atomic_store(&all_spawned, true);
    block_on(&gates[0].base, NULL);
    block_on(&gates[1].base, NULL);
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
    printf("turns %d of 21, %d second polls in one turn\n", atomic_load(&turns),
           atomic_load(&again));
    printf("polls at once: %s\n",
           atomic_load(&most_polled) > 0 ? "two" : "never two");
    return 0;
}
