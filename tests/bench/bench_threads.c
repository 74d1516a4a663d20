#define _POSIX_C_SOURCE 200809L
// The same work as bench_tasks.c, with a thread where that has a task.
#include "bench.h"

#include "clock.h"

#include <pthread.h>
#include <stdlib.h>

// ---- Create and join ----

static void *do_nothing(void *arg) {
    return arg;
}

void create_and_join(struct run *r) {
    run_begin(r);
    for (long i = 0; i < r->count; i++) {
        pthread_t thread;
        need(pthread_create(&thread, NULL, do_nothing, NULL) == 0, "create");
        need(pthread_join(thread, NULL) == 0, "join");
    }
    run_end(r);
}

// ---- Two threads wake each other ----

struct table {
    pthread_mutex_t mutex; // guards turns
    pthread_cond_t played;
    long turns; // still to play; the even ones are the main thread's
};

static void play(struct table *t, long mine) {
    need(pthread_mutex_lock(&t->mutex) == 0, "lock");
    while (t->turns > 0) {
        if (t->turns % 2 == mine) {
            t->turns--;
            need(pthread_cond_signal(&t->played) == 0, "signal");
        } else {
            need(pthread_cond_wait(&t->played, &t->mutex) == 0, "wait");
        }
    }
    need(pthread_mutex_unlock(&t->mutex) == 0, "unlock");
}

static void *play_odd(void *arg) {
    play(arg, 1);
    return NULL;
}

void ping_pong(struct run *r) {
    struct table t = {.mutex = PTHREAD_MUTEX_INITIALIZER,
                      .played = PTHREAD_COND_INITIALIZER,
                      .turns = r->count};
    pthread_t other;
    run_begin(r);
    need(pthread_create(&other, NULL, play_odd, &t) == 0, "create");
    play(&t, 0);
    need(pthread_join(other, NULL) == 0, "join");
    run_end(r);
}

// ---- Sleepers ----

// Finds its deadline where it leaves its lateness.
static void *sleep_and_note(void *arg) {
    int64_t *late = arg;
    int64_t deadline = *late;
    sleep_seconds((double)(deadline - monotonic_now()) / 1e9);
    *late = monotonic_now() - deadline;
    return NULL;
}

// The machine may not grant all of them.
void sleep_in_threads(struct run *r) {
    int64_t *late = array_of(r->count, sizeof *late);
    pthread_t *threads = array_of(r->count, sizeof *threads);
    double memory = peak_memory();
    run_begin(r);
    long started = 0;
    while (started < r->count) {
        late[started] = monotonic_now() + nanoseconds(sleep_for(started));
        if (pthread_create(&threads[started], NULL, sleep_and_note,
                           &late[started]) != 0) {
            break;
        }
        started++;
    }
    need(started > 0, "create");
    for (long i = 0; i < started; i++) {
        need(pthread_join(threads[i], NULL) == 0, "join");
    }
    run_end(r);
    r->count = started;
    r->bytes = (peak_memory() - memory) / (double)started;
    note_sleepers(r, late);
    free(late);
    free(threads);
}
