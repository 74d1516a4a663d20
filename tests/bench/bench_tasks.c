#define _POSIX_C_SOURCE 200809L
// What the modules of chapters 03 and 04 cost: tasks, the channel, sleeps.
#include "bench.h"

#include "async_sleep.h"
#include "channel.h"
#include "executor.h"
#include "timer.h"

#include <pthread.h>
#include <stdlib.h>

enum { BATCH = 1000 }; // tasks that are alive together

static struct task *spawn(struct future *f, size_t out_size) {
    struct task *t = spawn_task(f, out_size);
    need(t != NULL, "spawn_task");
    return t;
}

static void finish_task(struct task *t) {
    need(task_join(t, NULL) == TASK_COMPLETED, "task_join");
}

// ---- Spawn and finish; wake oneself ----

// Wakes itself `left` times, then its number is its output.
struct counter {
    struct future base;
    long left, number;
};

static enum poll counter_poll(struct future *self, const struct waker *waker,
                              void *out) {
    struct counter *me = (struct counter *)self;
    if (me->left > 0) {
        me->left--;
        waker_wake(waker);
        return FUTURE_PENDING;
    }
    *(long *)out = me->number;
    return FUTURE_READY;
}

static void free_future(struct future *self) {
    free(self);
}

static void leave_future(struct future *self) {
    (void)self;
}

static const struct future_ops counter_ops = {counter_poll, free_future};
static const struct future_ops array_ops = {counter_poll, leave_future};

static struct task *spawn_counter(long left, long number) {
    struct counter *me = allocate(sizeof *me);
    *me = (struct counter){{&counter_ops}, left, number};
    return spawn(&me->base, sizeof number);
}

static void join_counter(struct task *t, long number) {
    long out = -1;
    need(task_join(t, &out) == TASK_COMPLETED && out == number, "task_join");
}

// The first spawn starts the worker; that is not measured.
static void start_worker(void) {
    join_counter(spawn_counter(0, 7), 7);
}

void spawn_and_finish(struct run *r) {
    struct task *tasks[BATCH];
    start_worker();
    run_begin(r);
    for (long left = r->count; left > 0; left -= BATCH) {
        long size = left < BATCH ? left : BATCH;
        for (long i = 0; i < size; i++) {
            tasks[i] = spawn_counter(0, i);
        }
        for (long i = 0; i < size; i++) {
            join_counter(tasks[i], i);
        }
    }
    run_end(r);
}

// The same with all futures in one array, as in the act stealing of chapter 03.
// Then a task takes one allocation, and the worker frees nothing of main's.
void spawn_from_array(struct run *r) {
    struct task *tasks[BATCH];
    struct counter counters[BATCH];
    start_worker();
    run_begin(r);
    for (long left = r->count; left > 0; left -= BATCH) {
        long size = left < BATCH ? left : BATCH;
        for (long i = 0; i < size; i++) {
            counters[i] = (struct counter){{&array_ops}, 0, i};
            tasks[i] = spawn(&counters[i].base, sizeof(long));
        }
        for (long i = 0; i < size; i++) {
            join_counter(tasks[i], i);
        }
    }
    run_end(r);
}

void wake_oneself(struct run *r) {
    struct task *tasks[BATCH];
    start_worker();
    run_begin(r);
    for (long i = 0; i < r->width; i++) {
        tasks[i] = spawn_counter(r->count / r->width, i);
    }
    for (long i = 0; i < r->width; i++) {
        join_counter(tasks[i], i);
    }
    run_end(r);
}

// ---- Spawn inside a task ----

// Spawns `left` counters, a batch at a time, and awaits them one by one.
struct spawner {
    struct future base;
    long left;
    struct future *batch[BATCH];
    long size, at; // of the batch; at == size: time for a new one
    long output;
};

static void spawn_batch(struct spawner *me) {
    me->size = me->left < BATCH ? me->left : BATCH;
    for (long i = 0; i < me->size; i++) {
        me->batch[i] = task_await(spawn_counter(0, i), &me->output);
    }
    me->left -= me->size;
    me->at = 0;
}

static enum poll spawner_poll(struct future *self, const struct waker *waker,
                              void *out) {
    struct spawner *me = (struct spawner *)self;
    (void)out;
    while (me->at < me->size || me->left > 0) {
        if (me->at == me->size) {
            spawn_batch(me);
        }
        enum task_outcome outcome;
        struct future *awaited = me->batch[me->at];
        if (future_poll(awaited, waker, &outcome) == FUTURE_PENDING) {
            return FUTURE_PENDING;
        }
        need(outcome == TASK_COMPLETED && me->output == me->at, "task_await");
        future_drop(awaited);
        me->at++;
    }
    return FUTURE_READY;
}

static const struct future_ops spawner_ops = {spawner_poll, free_future};

void spawn_inside(struct run *r) {
    struct spawner *me = allocate(sizeof *me);
    me->base.ops = &spawner_ops;
    me->left = r->count;
    me->size = me->at = 0;
    start_worker();
    run_begin(r);
    finish_task(spawn(&me->base, 0));
    run_end(r);
}

// ---- Two tasks wake each other ----

// Both are on the one worker, so they need no lock.
static struct {
    long turns; // still to play; the even ones are player 0's
    struct waker waiting[2];
} table;

struct player {
    struct future base;
    long number; // 0 or 1
};

static enum poll player_poll(struct future *self, const struct waker *waker,
                             void *out) {
    struct player *me = (struct player *)self;
    (void)out;
    struct waker *mine = &table.waiting[me->number];
    struct waker *other = &table.waiting[1 - me->number];
    if (mine->ops == NULL) {
        *mine = waker_clone(waker);
    }
    if (table.turns > 0 && table.turns % 2 == me->number) {
        table.turns--;
        if (other->ops != NULL) {
            waker_wake(other);
        }
    }
    if (table.turns > 0) {
        return FUTURE_PENDING;
    }
    waker_drop(mine);
    return FUTURE_READY;
}

static const struct future_ops player_ops = {player_poll, free_future};

static struct task *spawn_player(long number) {
    struct player *me = allocate(sizeof *me);
    *me = (struct player){{&player_ops}, number};
    return spawn(&me->base, 0);
}

void hand_over(struct run *r) {
    start_worker();
    table.turns = r->count;
    run_begin(r);
    struct task *a = spawn_player(0), *b = spawn_player(1);
    finish_task(a);
    finish_task(b);
    run_end(r);
}

// ---- Messages ----

struct message {
    struct channel_node node; // first, so the message has its address
    long number;
};

struct sender {
    struct channel *channel;
    struct message *messages; // BORROWED
    long count;
    pthread_t thread;
};

static void *send_all(void *arg) {
    const struct sender *me = arg;
    for (long i = 0; i < me->count; i++) {
        me->messages[i].number = i;
        need(channel_send(me->channel, &me->messages[i].node), "channel_send");
    }
    return NULL;
}

// Sending allocates nothing, so the messages are there before it begins.
void send_messages(struct run *r) {
    struct sender senders[4];
    struct channel channel;
    long share = r->count / r->width, sum = 0;
    struct message *messages = array_of(r->count, sizeof *messages);
    channel_init(&channel);
    run_begin(r);
    for (long i = 0; i < r->width; i++) {
        senders[i] = (struct sender){&channel, messages + i * share, share, 0};
        need(pthread_create(&senders[i].thread, NULL, send_all, &senders[i]) ==
                 0,
             "create");
    }
    for (long i = 0; i < r->width * share; i++) {
        sum += ((struct message *)channel_receive(&channel))->number;
    }
    for (long i = 0; i < r->width; i++) {
        need(pthread_join(senders[i].thread, NULL) == 0, "join");
    }
    run_end(r);
    need(sum == r->width * (share * (share - 1) / 2), "the sum");
    channel_destroy(&channel);
    free(messages);
}

// ---- Sleepers ----

struct sleeper {
    struct future base;
    struct timer_sleep sleep;
    int64_t *late; // where to note it; BORROWED
};

static enum poll sleeper_poll(struct future *self, const struct waker *waker,
                              void *out) {
    struct sleeper *me = (struct sleeper *)self;
    if (future_poll(&me->sleep.base, waker, out) == FUTURE_PENDING) {
        return FUTURE_PENDING;
    }
    *me->late = monotonic_now() - me->sleep.deadline;
    return FUTURE_READY;
}

static void sleeper_drop(struct future *self) {
    struct sleeper *me = (struct sleeper *)self;
    future_drop(&me->sleep.base);
    free(me);
}

static const struct future_ops sleeper_ops = {sleeper_poll, sleeper_drop};

static struct task *spawn_sleeper(int64_t duration, int64_t *late) {
    struct sleeper *me = allocate(sizeof *me);
    *me = (struct sleeper){.base = {&sleeper_ops},
                           .sleep = timer_sleep((double)duration / 1e9),
                           .late = late};
    return spawn(&me->base, 0);
}

// The same without a timer: chapter 04's first sleep.
struct asker {
    struct future base;
    struct async_sleep sleep;
    int64_t *late;
};

static enum poll asker_poll(struct future *self, const struct waker *waker,
                            void *out) {
    struct asker *me = (struct asker *)self;
    if (future_poll(&me->sleep.base, waker, out) == FUTURE_PENDING) {
        return FUTURE_PENDING;
    }
    *me->late = monotonic_now() - me->sleep.start_time - me->sleep.duration;
    return FUTURE_READY;
}

static const struct future_ops asker_ops = {asker_poll, free_future};

static struct task *spawn_asker(int64_t duration, int64_t *late) {
    struct asker *me = allocate(sizeof *me);
    *me = (struct asker){.base = {&asker_ops},
                         .sleep = async_sleep((double)duration / 1e9),
                         .late = late};
    return spawn(&me->base, 0);
}

typedef struct task *spawner_of_one(int64_t duration, int64_t *late);

// The handle belongs to what a task needs, so the array of them is made last.
static void sleep_as_tasks(struct run *r, spawner_of_one *spawn_one) {
    int64_t *late = array_of(r->count, sizeof *late);
    double memory = peak_memory();
    run_begin(r);
    struct task **tasks = allocate((size_t)r->count * sizeof(struct task *));
    for (long i = 0; i < r->count; i++) {
        tasks[i] = spawn_one(sleep_for(r, i), &late[i]);
    }
    for (long i = 0; i < r->count; i++) {
        finish_task(tasks[i]);
    }
    run_end(r);
    r->bytes = (peak_memory() - memory) / (double)r->count;
    note_sleepers(r, late);
    free(tasks);
    free(late);
}

void sleep_by_timer(struct run *r) {
    sleep_as_tasks(r, spawn_sleeper);
}

void sleep_by_asking(struct run *r) {
    sleep_as_tasks(r, spawn_asker);
}
