#define _POSIX_C_SOURCE 200809L
// The scenes of 03b. Most have a waker of our own, which counts, and which looks at the
// worst moment. The last is a real one: a task awaits the bell, and main rings after
// 0.1 seconds.
#include "exercise.h"
#include "executor.h"
#include "task.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static void sleep_ms(long ms) {
    const struct timespec t = {.tv_nsec = ms * 1000 * 1000};
    nanosleep(&t, NULL);
}

// ---- A waker that counts ----

static atomic_int clones, drops, wakes;
static struct bell *ring_in_clone; // or NULL
static pthread_t ringer;
static atomic_bool has_rung;
static struct bell *ask_in_wake; // or NULL
static bool was_ready;           // when it asked

static void *ring(void *bell) {
    bell_ring(bell);
    atomic_store(&has_rung, true);
    return NULL;
}

static void count_drop(void *data) {
    (void)data;
    atomic_fetch_add(&drops, 1);
}

// Another thread rings just now. If the bell is locked it has to wait, and we do
// not wait for it. If it is not, we wait until it has rung.
static void count_clone(void *data) {
    (void)data;
    atomic_fetch_add(&clones, 1);
    if (ring_in_clone != NULL) {
        struct bell *bell = ring_in_clone;
        ring_in_clone = NULL;
        bool is_locked = pthread_mutex_trylock(&bell->mutex) != 0;
        if (!is_locked) {
            pthread_mutex_unlock(&bell->mutex);
        }
        pthread_create(&ringer, NULL, ring, bell);
        do {
            sleep_ms(20);
        } while (!is_locked && !atomic_load(&has_rung));
    }
}

static void silent(void *data) {
    (void)data;
}

// A task that is woken may be polled before the wake is over, on another thread.
static bool is_ready(struct bell *b) {
    static const struct waker_ops ops = {silent, silent, silent};
    const struct waker waker = {&ops, NULL};
    return future_poll(&b->base, &waker, NULL) == FUTURE_READY;
}

// It locks the bell: whoever wakes with that lock in his hand hangs.
static void count_wake(void *data) {
    struct bell *bell = data;
    pthread_mutex_lock(&bell->mutex);
    pthread_mutex_unlock(&bell->mutex);
    atomic_fetch_add(&wakes, 1);
    if (ask_in_wake != NULL) {
        was_ready = is_ready(ask_in_wake);
    }
}

static const struct waker_ops counting = {count_clone, count_wake, count_drop};

static struct waker begin(struct bell *b) {
    bell_init(b);
    atomic_store(&clones, 0);
    atomic_store(&drops, 0);
    atomic_store(&wakes, 0);
    return (struct waker){&counting, b};
}

// ---- The scenes ----

// A future moves when it is spawned; the bell stays, and this one awaits it.
struct listener {
    struct future base;
    struct bell *bell;
};

static enum poll_result listener_poll(struct future *self,
                                      const struct waker *waker, void *out) {
    return future_poll(&((struct listener *)self)->bell->base, waker, out);
}

static void listener_drop(struct future *self) {
    future_drop(&((struct listener *)self)->bell->base);
}

static void await_in_a_task(void) {
    static const struct future_ops ops = {sizeof(struct listener), 0,
                                          listener_poll, listener_drop};
    struct bell b;
    bell_init(&b);
    struct listener f = {{&ops}, &b};
    struct task *t = spawn_task(&f.base);
    sleep_ms(100);
    bell_ring(&b);
    printf("a task heard the bell: %s\n",
           t != NULL && task_join(t, NULL) == TASK_COMPLETED ? "yes" : "no");
}

// Rung before anybody asks.
static void ring_first(void) {
    struct bell b;
    struct waker waker = begin(&b);
    bell_ring(&b);
    printf("rung before the first poll: %s\n",
           future_poll(&b.base, &waker, NULL) == FUTURE_READY ? "ready"
                                                              : "pending");
    future_drop(&b.base);
}

// Each poll may bring another waker, and only the last one counts.
static void poll_with_two_wakers(void) {
    struct bell b, other;
    struct waker first = begin(&b), second = first;
    bell_init(&other);
    second.data = &other;
    (void)future_poll(&b.base, &first, NULL);
    (void)future_poll(&b.base, &second, NULL);
    printf("it keeps the waker of the last poll: %s\n",
           b.waker.data == &other ? "yes" : "no");
    bell_ring(&b);
    future_drop(&b.base);
}

static void ring_at_the_worst_moment(void) {
    struct bell b;
    struct waker waker = begin(&b);
    ring_in_clone = &b;
    enum poll_result poll = future_poll(&b.base, &waker, NULL);
    if (ring_in_clone == NULL) {
        pthread_join(ringer, NULL);
    }
    printf("rung while it is polled: %s, wakes %d\n",
           poll == FUTURE_READY ? "ready" : "pending", atomic_load(&wakes));
    future_drop(&b.base);
}

static void ask_while_it_wakes(void) {
    struct bell b;
    struct waker waker = begin(&b);
    (void)future_poll(&b.base, &waker, NULL);
    ask_in_wake = &b;
    bell_ring(&b);
    ask_in_wake = NULL;
    printf("polled inside of its wake: %s\n", was_ready ? "ready" : "pending");
    future_drop(&b.base);
}

static void poll_three_times(void) {
    struct bell b;
    struct waker waker = begin(&b);
    for (int i = 0; i < 3; i++) {
        (void)future_poll(&b.base, &waker, NULL);
    }
    printf("polled three times, and not rung yet: wakes %d\n",
           atomic_load(&wakes));
    bell_ring(&b);
    future_drop(&b.base);
    printf("polled three times: clones %d, drops %d, wakes %d\n",
           atomic_load(&clones), atomic_load(&drops), atomic_load(&wakes));
}

static void drop_half_way(void) {
    struct bell b;
    struct waker waker = begin(&b);
    (void)future_poll(&b.base, &waker, NULL);
    future_drop(&b.base);
    bell_ring(&b); // whoever rings does not know
    printf("dropped half way: clones %d, drops %d, wakes %d\n",
           atomic_load(&clones), atomic_load(&drops), atomic_load(&wakes));
}

int main(void) {
    ring_first();
    ring_at_the_worst_moment();
    ask_while_it_wakes();
    poll_three_times();
    drop_half_way();
    poll_with_two_wakers();
    await_in_a_task();
    return 0;
}
