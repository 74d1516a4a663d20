#define _POSIX_C_SOURCE 200809L
// What the modules of chapters 03 and 04 cost: tasks, the channel, sleeps.
// peers/src/work.rs and channels.rs do the same in Rust.
#include "bench.h"

#include "async_sleep.h"
#include "channel.h"
#include "clock.h"
#include "executor.h"

#include <pthread.h>
#include <stdlib.h>

enum { BATCH = 1000 }; // tasks that are alive together

static struct task *spawn(struct future *f) {
    struct task *t = spawn_task(f);
    need(t != NULL, "spawn_task");
    return t;
}

static void join(struct task *t) {
    need(task_join(t, NULL) == TASK_COMPLETED, "task_join");
}

// ---- Spawn and join; wake oneself ----

// Wakes itself `left` times, then its number is its output.
struct counter {
    struct future base;
    long left, number;
};

static enum poll_result counter_poll(struct future *self,
                                     const struct waker *waker, void *out) {
    struct counter *me = (struct counter *)self;
    if (me->left > 0) {
        me->left--;
        waker_wake(waker);
        return FUTURE_PENDING;
    }
    *(long *)out = me->number;
    return FUTURE_READY;
}

static const struct future_ops counter_ops = {sizeof(struct counter),
                                              sizeof(long), counter_poll, NULL};

static struct task *spawn_counter(long left, long number) {
    struct counter f = {{&counter_ops}, left, number};
    return spawn(&f.base);
}

static void join_counter(struct task *t, long number) {
    long out = -1;
    need(task_join(t, &out) == TASK_COMPLETED && out == number, "task_join");
}

// The first spawn starts the worker; that is not measured.
static void start_worker(void) {
    join_counter(spawn_counter(0, 7), 7);
}

void spawn_and_join(struct run *r) {
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
    struct task *batch[BATCH];
    long size, at; // of the batch; at == size: time for a new one
    struct task_future awaited;
    long output; // of the awaited one
};

static void await_next(struct spawner *me) {
    me->awaited = task_as_future(me->batch[me->at], &me->output);
}

static void spawn_batch(struct spawner *me) {
    me->size = me->left < BATCH ? me->left : BATCH;
    for (long i = 0; i < me->size; i++) {
        me->batch[i] = spawn_counter(0, i);
    }
    me->left -= me->size;
    me->at = 0;
    await_next(me);
}

static enum poll_result spawner_poll(struct future *self,
                                     const struct waker *waker, void *out) {
    struct spawner *me = (struct spawner *)self;
    (void)out;
    while (me->at < me->size || me->left > 0) {
        if (me->at == me->size) {
            spawn_batch(me);
        }
        enum task_outcome outcome;
        if (future_poll(&me->awaited.base, waker, &outcome) == FUTURE_PENDING) {
            return FUTURE_PENDING;
        }
        need(outcome == TASK_COMPLETED && me->output == me->at, "await");
        future_drop(&me->awaited.base);
        if (++me->at < me->size) {
            await_next(me);
        }
    }
    return FUTURE_READY;
}

static const struct future_ops spawner_ops = {sizeof(struct spawner), 0,
                                              spawner_poll, NULL};

void spawn_inside(struct run *r) {
    struct spawner f = {.base = {&spawner_ops}, .left = r->count};
    start_worker();
    run_begin(r);
    join(spawn(&f.base));
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

static enum poll_result player_poll(struct future *self,
                                    const struct waker *waker, void *out) {
    struct player *me = (struct player *)self;
    (void)out;
    struct waker *mine = &table.waiting[me->number];
    if (mine->ops == NULL) {
        *mine = waker_clone(waker);
    }
    if (table.turns > 0 && table.turns % 2 == me->number) {
        table.turns--;
        waker_wake(&table.waiting[1 - me->number]);
    }
    if (table.turns > 0) {
        return FUTURE_PENDING;
    }
    waker_drop(mine);
    return FUTURE_READY;
}

static const struct future_ops player_ops = {sizeof(struct player), 0,
                                             player_poll, NULL};

static struct task *spawn_player(long number) {
    struct player f = {{&player_ops}, number};
    return spawn(&f.base);
}

void hand_over(struct run *r) {
    start_worker();
    table.turns = r->count;
    run_begin(r);
    struct task *a = spawn_player(0), *b = spawn_player(1);
    join(a);
    join(b);
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
    struct channel *channel = channel_new();
    long share = r->count / r->width, sum = 0;
    struct message *messages = array_of(r->count, sizeof *messages);
    run_begin(r);
    for (long i = 0; i < r->width; i++) {
        senders[i] = (struct sender){channel, messages + i * share, share, 0};
        need(pthread_create(&senders[i].thread, NULL, send_all, &senders[i]) ==
                 0,
             "create");
    }
    for (long i = 0; i < r->width * share; i++) {
        sum += ((struct message *)channel_receive(channel))->number;
    }
    for (long i = 0; i < r->width; i++) {
        need(pthread_join(senders[i].thread, NULL) == 0, "join");
    }
    run_end(r);
    need(sum == r->width * (share * (share - 1) / 2), "the sum");
    free(channel);
    free(messages);
}

// ---- Sleepers ----

struct sleeper {
    struct future base;
    struct async_sleep nap;
    int64_t *late; // where to note it; BORROWED
};

static enum poll_result sleeper_poll(struct future *self,
                                     const struct waker *waker, void *out) {
    struct sleeper *me = (struct sleeper *)self;
    if (future_poll(&me->nap.base, waker, out) == FUTURE_PENDING) {
        return FUTURE_PENDING;
    }
    *me->late = monotonic_now() - me->nap.deadline.at;
    return FUTURE_READY;
}

static void sleeper_drop(struct future *self) {
    future_drop(&((struct sleeper *)self)->nap.base);
}

static const struct future_ops sleeper_ops = {sizeof(struct sleeper), 0,
                                              sleeper_poll, sleeper_drop};

// make is one of the two constructors of async_sleep.h. The handles are the
// caller's, so they are not counted as what a sleeper needs.
static void sleep_as_tasks(struct run *r, struct async_sleep (*make)(double)) {
    int64_t *late = array_of(r->count, sizeof *late);
    start_worker();
    double memory = peak_memory();
    run_begin(r);
    struct task **tasks = allocate((size_t)r->count * sizeof(struct task *));
    for (long i = 0; i < r->count; i++) {
        struct sleeper f = {{&sleeper_ops}, make(sleep_for(i)), &late[i]};
        tasks[i] = spawn(&f.base);
    }
    for (long i = 0; i < r->count; i++) {
        join(tasks[i]);
    }
    run_end(r);
    r->bytes = (peak_memory() - memory) / (double)r->count - sizeof *tasks;
    note_sleepers(r, late);
    free(tasks);
    free(late);
}

void sleep_by_timer(struct run *r) {
    sleep_as_tasks(r, timer_sleep);
}

void sleep_by_asking(struct run *r) {
    sleep_as_tasks(r, async_sleep);
}
