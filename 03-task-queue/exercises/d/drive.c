#define _POSIX_C_SOURCE 200809L
// The scenes of 03d. First four tasks on the one worker, each of which keeps the lock
// over several turns. Then some by hand, with wakers that count, and two threads.
#include "executor.h"
#include "exercise.h"
#include "task.h"

#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

static struct task_mutex lock;

// ---- Four tasks ----

static int inside, most_inside, lock_polls;
static pthread_mutex_t gate =
    PTHREAD_MUTEX_INITIALIZER; // main's, while it spawns

struct user {
    struct future base;
    enum { START, LOCKING, HOLDING } at;
    int number, turns;
    struct waiter wait;
};

static enum poll_result user_poll(struct future *self,
                                  const struct waker *waker, void *out) {
    struct user *me = (struct user *)self;
    if (me->at == START) {
        // Nobody begins before all are there, or it could be done before they come.
        pthread_mutex_lock(&gate);
        pthread_mutex_unlock(&gate);
        me->wait = task_mutex_lock(&lock);
        me->at = LOCKING;
    }
    if (me->at == LOCKING) {
        lock_polls++;
        if (future_poll(&me->wait.base, waker, out) == FUTURE_PENDING) {
            return FUTURE_PENDING;
        }
        future_drop(&me->wait.base);
        inside++;
        most_inside = inside > most_inside ? inside : most_inside;
        printf("task %d has the lock\n", me->number);
        me->at = HOLDING;
    }
    if (me->turns-- > 0) {
        waker_wake(waker);
        return FUTURE_PENDING;
    }
    inside--;
    task_mutex_unlock(&lock);
    return FUTURE_READY;
}

static void user_drop(struct future *self) {
    struct user *me = (struct user *)self;
    if (me->at == LOCKING) {
        future_drop(&me->wait.base);
    }
}

static void four_tasks(void) {
    static const struct future_ops ops = {sizeof(struct user), 0, user_poll,
                                          user_drop};
    struct task *tasks[4];
    task_mutex_init(&lock);
    pthread_mutex_lock(&gate);
    for (int i = 0; i < 4; i++) {
        struct user f = {
            .base = {&ops}, .number = i + 1, .turns = (i * 3 + 3) % 4};
        tasks[i] = spawn_task(&f.base);
        if (tasks[i] == NULL) {
            abort();
        }
    }
    pthread_mutex_unlock(&gate);
    for (int i = 0; i < 4; i++) {
        (void)task_join(tasks[i], NULL);
    }
    printf("at most %d inside, asked for the lock %d times\n", most_inside,
           lock_polls);
}

// ---- By hand ----

enum { most_waiters = 4 };
static int wakes[most_waiters], clones, drops;
static struct waiter *waiters[most_waiters];

static void count_clone(void *data) {
    (void)data;
    clones++;
}

static void count_drop(void *data) {
    (void)data;
    drops++;
}

// It locks: whoever wakes with that lock in his hand hangs.
static void count_wake(void *data) {
    pthread_mutex_lock(&lock.mutex);
    pthread_mutex_unlock(&lock.mutex);
    ++*(int *)data;
}

static const struct waker_ops counting = {count_clone, count_wake, count_drop};

static const char *ask(int i) {
    const struct waker waker = {&counting, &wakes[i]};
    if (waiters[i] == NULL) {
        waiters[i] = malloc(sizeof *waiters[i]);
        if (waiters[i] == NULL) {
            abort();
        }
        *waiters[i] = task_mutex_lock(&lock);
    }
    return future_poll(&waiters[i]->base, &waker, NULL) == FUTURE_READY ? "yes"
                                                                        : "no";
}

// Its memory is gone too: who is still in the line with it, shows.
static void leave(int i) {
    future_drop(&waiters[i]->base);
    free(waiters[i]);
    waiters[i] = NULL;
}

static void begin(int count) {
    task_mutex_init(&lock);
    for (int i = 0; i < most_waiters; i++) {
        wakes[i] = 0;
    }
    for (int i = 0; i < count; i++) {
        (void)ask(i);
    }
}

static void one_leaves_the_line(void) {
    begin(4);
    leave(2);
    leave(0); // it has the lock, and goes on with it
    struct waiter never_polled = task_mutex_lock(&lock);
    future_drop(&never_polled.base);
    printf("one left the line, nobody is woken: %d\n",
           wakes[1] + wakes[2] + wakes[3]);
    task_mutex_unlock(&lock);
    printf("the next has it: %s\n", ask(1));
    leave(1);
    task_mutex_unlock(&lock);
    printf("and then the one behind the gap: %s, wakes %d and %d\n", ask(3),
           wakes[1], wakes[3]);
    leave(3);
    task_mutex_unlock(&lock);
    printf("and then it is free: %s\n", ask(0));
    leave(0);
    task_mutex_unlock(&lock);
}

static void a_newcomer(void) {
    begin(2);
    task_mutex_unlock(&lock);
    printf("a newcomer gets it before the one who waited: %s\n", ask(2));
    printf("and the one who waited: %s\n", ask(1));
    for (int i = 0; i < 3; i++) {
        leave(i);
    }
}

static void dropped_when_it_was_given(void) {
    begin(3);
    task_mutex_unlock(&lock);
    leave(1);
    printf("given to one who then left: the next is woken %d times\n",
           wakes[2]);
    printf("and has it: %s\n", ask(2));
    leave(0);
    leave(2);
}

// Each poll may bring another waker; the last one counts.
static void polled_with_two_wakers(void) {
    const struct waker other = {&counting, &wakes[3]};
    begin(2);
    (void)future_poll(&waiters[1]->base, &other, NULL);
    task_mutex_unlock(&lock);
    printf("polled with two wakers: first woken %d, second %d\n", wakes[1],
           wakes[3]);
    leave(0);
    (void)ask(1);
    leave(1);
    task_mutex_unlock(&lock);
    printf("and at the end it is free: %s\n", ask(2));
    leave(2);
}

// ---- The next is quick ----
//
// Whoever was given the lock may be polled at once, by another thread, while its wake
// goes on. The two tell each other nothing that would put them in order.

static atomic_int is_woken, has_asked;

static void silent(void *data) {
    (void)data;
}

static void wait_for(atomic_int *flag) {
    while (atomic_load_explicit(flag, memory_order_relaxed) == 0) {
        (void)sched_yield();
    }
}

static void wake_slowly(void *data) {
    (void)data;
    atomic_store_explicit(&is_woken, 1, memory_order_relaxed);
    wait_for(&has_asked);
}

static void *unlock_it(void *unused) {
    task_mutex_unlock(&lock);
    atomic_store_explicit(&is_woken, 1, memory_order_relaxed);
    return unused;
}

static void the_next_is_quick(void) {
    static const struct waker_ops ops = {silent, wake_slowly, silent};
    const struct waker waker = {&ops, NULL};
    pthread_t thread;
    begin(1);
    struct waiter wait = task_mutex_lock(&lock);
    (void)future_poll(&wait.base, &waker, NULL);
    if (pthread_create(&thread, NULL, unlock_it, NULL) != 0) {
        abort();
    }
    wait_for(&is_woken);
    enum poll_result result = future_poll(&wait.base, &waker, NULL);
    future_drop(&wait.base);
    atomic_store_explicit(&has_asked, 1, memory_order_relaxed);
    pthread_join(thread, NULL);
    printf("polled while it is woken: %s\n",
           result == FUTURE_READY ? "it has the lock" : "not yet");
    leave(0);
    task_mutex_unlock(&lock);
}

// ---- Two threads ----

enum { times_each = 100 };
static atomic_int in_line; // how many have come so far, of both threads
static int turns;          // whoever has the lock may change it

// The lock is main's, so both wait, and leave the line at about the same time. The counter
// is relaxed, so that it orders nothing: the answer alone does.
static void *change_ones_mind(void *unused) {
    static const struct waker_ops ops = {silent, silent, silent};
    static const struct waker waker = {&ops, NULL};
    for (int i = 1; i <= times_each; i++) {
        struct waiter wait = task_mutex_lock(&lock);
        (void)future_poll(&wait.base, &waker, NULL);
        atomic_fetch_add_explicit(&in_line, 1, memory_order_relaxed);
        while (atomic_load_explicit(&in_line, memory_order_relaxed) < 2 * i) {
            (void)sched_yield();
        }
        future_drop(&wait.base);
    }
    return unused;
}

static void *take_turns(void *unused) {
    for (int i = 0; i < times_each; i++) {
        struct waiter wait = task_mutex_lock(&lock);
        block_on(&wait.base, NULL);
        turns++;
        task_mutex_unlock(&lock);
    }
    return unused;
}

static void run_two(void *(*body)(void *)) {
    pthread_t threads[2];
    for (int i = 0; i < 2; i++) {
        if (pthread_create(&threads[i], NULL, body, NULL) != 0) {
            abort();
        }
    }
    for (int i = 0; i < 2; i++) {
        pthread_join(threads[i], NULL);
    }
}

static void two_threads(void) {
    begin(1);
    printf("two threads join the line and leave it, and then take turns\n");
    run_two(change_ones_mind);
    leave(0);
    task_mutex_unlock(&lock);
    run_two(take_turns);
    printf("they had %d of %d turns\n", turns, 2 * times_each);
}

int main(void) {
    four_tasks();
    one_leaves_the_line();
    a_newcomer();
    dropped_when_it_was_given();
    polled_with_two_wakers();
    printf("clones and drops differ by %d\n", clones - drops);
    the_next_is_quick();
    two_threads();
    return 0;
}
