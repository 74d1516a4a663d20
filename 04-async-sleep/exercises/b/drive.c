#define _POSIX_C_SOURCE 200809L
// The scenes of 04b: tasks that nap on the one worker, and then naps by hand, with a
// waker that counts and that wants the timer's lock.
#include "exercise.h"

#include "clock_wait.h"
#include "executor.h"
#include "task.h"

#include <errno.h>
#include <sched.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/select.h>
#include <time.h>

static struct timer timer = {.mutex = PTHREAD_MUTEX_INITIALIZER};
static int waits; // guarded by the timer's mutex

void wait_until(struct timer *t, int64_t time) {
    waits++;
    if (time == INT64_MAX) {
        pthread_cond_wait(&t->changed, &t->mutex);
        return;
    }
    int error = clock_wait_until(&t->changed, &t->mutex, time);
    if (error != 0 && error != ETIMEDOUT) {
        abort();
    }
}

// ---- Tasks ----

struct sleeper {
    struct future base;
    int number, polls;
    double seconds;
    int64_t start;
    enum { START, NAPPING } at;
    struct nap nap;
};

static enum poll_result sleeper_poll(struct future *self,
                                     const struct waker *waker, void *out) {
    struct sleeper *me = (struct sleeper *)self;
    if (me->at == START) {
        me->start = time_now();
        me->nap = nap_for(&timer, me->seconds);
        me->at = NAPPING;
    }
    me->polls++;
    if (future_poll(&me->nap.base, waker, out) == FUTURE_PENDING) {
        return FUTURE_PENDING;
    }
    bool early = time_now() - me->start < (int64_t)(me->seconds * 1e9);
    printf("sleeper %d is done after %d polls%s\n", me->number, me->polls,
           early ? ", too early" : "");
    return FUTURE_READY;
}

static void sleeper_drop(struct future *self) {
    struct sleeper *me = (struct sleeper *)self;
    if (me->at == NAPPING) {
        future_drop(&me->nap.base);
    }
}

static void play_tasks(void) {
    static const struct future_ops ops = {sizeof(struct sleeper), 0,
                                          sleeper_poll, sleeper_drop};
    static const double seconds[] = {0.20, 0.05, 0.30, 0.10};
    struct task *tasks[4];
    for (int i = 0; i < 4; i++) {
        struct sleeper f = {
            .base = {&ops}, .number = i + 1, .seconds = seconds[i]};
        tasks[i] = spawn_task(&f.base);
        if (tasks[i] == NULL) {
            abort();
        }
    }
    for (int i = 0; i < 4; i++) {
        (void)task_join(tasks[i], NULL);
    }
    pthread_mutex_lock(&timer.mutex);
    printf("for four sleepers the timer waited %d times\n", waits);
    pthread_mutex_unlock(&timer.mutex);
}

// ---- By hand ----

static atomic_int wakes, clones, drops;
static sem_t woken; // posted by each wake

static void count_clone(void *data) {
    (void)data;
    atomic_fetch_add(&clones, 1);
}

// These two lock: whoever wakes, or drops a waker, with that lock in his hand hangs. A drop
// can end a task, and a task may have a nap that wants to leave the list.
static void want_the_lock(void) {
    pthread_mutex_lock(&timer.mutex);
    pthread_mutex_unlock(&timer.mutex);
}

static void count_drop(void *data) {
    (void)data;
    want_the_lock();
    atomic_fetch_add(&drops, 1);
}

static void count_wake(void *data) {
    (void)data;
    want_the_lock();
    atomic_fetch_add(&wakes, 1);
    sem_post(&woken);
}

static const struct waker_ops counting = {count_clone, count_wake, count_drop};
static const struct waker waker = {&counting, NULL};

static struct nap *begin(double seconds) {
    struct nap *nap = malloc(sizeof *nap);
    if (nap == NULL) {
        abort();
    }
    *nap = nap_for(&timer, seconds);
    (void)future_poll(&nap->base, &waker, NULL);
    return nap;
}

static void end(struct nap *nap) {
    future_drop(&nap->base);
    free(nap);
}

static void pause_ms(long ms) {
    struct timeval t = {.tv_usec = ms * 1000};
    (void)select(0, NULL, NULL, NULL, &t);
}

static void a_waker_that_locks(void) {
    printf("by hand: a waker that wants the lock\n");
    atomic_store(&wakes, 0);
    struct nap *nap = begin(0.03);
    (void)sem_wait(&woken);
    pause_ms(30);
    pthread_mutex_lock(&timer.mutex);
    bool is_gone = timer.first == NULL;
    pthread_mutex_unlock(&timer.mutex);
    printf("it was woken: %d, and is off the list: %s\n", atomic_load(&wakes),
           is_gone ? "yes" : "no");
    while (sem_trywait(&woken) == 0) { // of wakes too many
    }
    end(nap);
}

// A waker that lets its nap go when it is called, as one can that ends a task. What
// it points to is counted, and gone with its last clone.
struct ender {
    atomic_int holders;
    struct nap *nap;
};

static void ender_clone(void *data) {
    atomic_fetch_add(&((struct ender *)data)->holders, 1);
}

static void ender_drop(void *data) {
    struct ender *me = data;
    if (atomic_fetch_sub(&me->holders, 1) == 1) {
        free(me);
    }
}

static void ender_wake(void *data) {
    struct ender *me = data;
    if (me->nap != NULL) {
        end(me->nap);
    }
    me->nap = NULL; // whoever calls a waker still holds it
    sem_post(&woken);
}

static void a_waker_that_ends_its_nap(void) {
    static const struct waker_ops ops = {ender_clone, ender_wake, ender_drop};
    printf("by hand: a waker that ends its nap\n");
    struct ender *ender = malloc(sizeof *ender);
    struct nap *nap = malloc(sizeof *nap);
    if (ender == NULL || nap == NULL) {
        abort();
    }
    struct waker its = {&ops, ender};
    atomic_init(&ender->holders, 1);
    ender->nap = nap;
    *nap = nap_for(&timer, 0.03);
    (void)future_poll(&nap->base, &its, NULL);
    waker_drop(&its); // the nap has a clone
    (void)sem_wait(&woken);
    printf("it was ended\n");
}

// A nap that is dropped by another thread while its wake goes on. The two tell each other
// nothing that would put them in order.
static atomic_int is_called, is_dropped;

static void silent(void *data) {
    (void)data;
}

static void wake_slowly(void *data) {
    (void)data;
    atomic_store_explicit(&is_called, 1, memory_order_relaxed);
    while (atomic_load_explicit(&is_dropped, memory_order_relaxed) == 0) {
        (void)sched_yield();
    }
    sem_post(&woken);
}

static void dropped_while_it_is_woken(void) {
    static const struct waker_ops ops = {silent, wake_slowly, silent};
    const struct waker slow = {&ops, NULL};
    struct nap nap = nap_for(&timer, 0.03);
    (void)future_poll(&nap.base, &slow, NULL);
    while (atomic_load_explicit(&is_called, memory_order_relaxed) == 0) {
        (void)sched_yield();
    }
    future_drop(&nap.base);
    atomic_store_explicit(&is_dropped, 1, memory_order_relaxed);
    (void)sem_wait(&woken);
    printf("by hand: one was dropped while it was woken\n");
}

// The thread sleeps for a minute when the short one comes. A timer that does not
// look again hangs.
static void a_minute_and_a_moment(void) {
    printf("by hand: a nap of a minute, and then one of a moment\n");
    struct nap *minute = begin(60);
    pause_ms(30);
    struct nap moment = nap_for(&timer, 0.05);
    block_on(&moment.base, NULL);
    printf("the moment is over\n");
    end(minute); // long before it is due
}

static void dropped_half_way(void) {
    struct nap *one = begin(0.05), *two = begin(0.06), *three = begin(0.05);
    atomic_store(&wakes, 0);
    end(one);
    end(three);
    (void)sem_wait(&woken);
    pause_ms(30);
    end(two);
    printf("two of three were dropped: wakes %d\n", atomic_load(&wakes));
}

// ---- The thread ----

static double worked_ms; // read after the join

static void *keep(void *unused) {
    struct timespec used;
    (void)keep_time(&timer);
    pthread_mutex_lock(&timer.mutex);
    if (timer.running) {
        printf("its thread has ended, though the timer was running\n");
    }
    pthread_mutex_unlock(&timer.mutex);
    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used);
    worked_ms = (double)used.tv_sec * 1e3 + (double)used.tv_nsec / 1e6;
    return unused;
}

int main(void) {
    pthread_t thread;
    timer.running = true;
    if (clock_wait_init(&timer.changed) != 0 || sem_init(&woken, 0, 0) != 0 ||
        pthread_create(&thread, NULL, keep, NULL) != 0) {
        return EXIT_FAILURE;
    }
    play_tasks();
    a_waker_that_locks();
    a_waker_that_ends_its_nap();
    dropped_while_it_is_woken();
    a_minute_and_a_moment();
    dropped_half_way();
    struct nap *last = begin(60);
    pthread_mutex_lock(&timer.mutex);
    timer.running = false;
    pthread_cond_signal(&timer.changed);
    pthread_mutex_unlock(&timer.mutex);
    pthread_join(thread, NULL);
    end(last);
    printf("the timer has ended, after %.0f ms of work\n", worked_ms);
    printf("clones and drops differ by %d\n",
           atomic_load(&clones) - atomic_load(&drops));
    timer.first = NULL;
    return 0;
}
