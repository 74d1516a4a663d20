#define _POSIX_C_SOURCE 200809L
// The scene of 07d: a loop with its executor, and works that end when the scene says so. So a
// future is dropped surely while the pool works for it.
#include "exercise.h"

#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

static uv_loop_t loop;
static struct loop_executor *executor;

// ---- Works ----

static sem_t begun, may_end;
static atomic_int worked;

static void work(const void *arg) {
    sem_post(&begun);
    while (sem_wait(&may_end) != 0) {
    }
    atomic_fetch_add(&worked, *(const int *)arg);
}

static void wait_until_begun(void) {
    while (sem_wait(&begun) != 0) {
    }
}

// ---- A waker that counts ----

static atomic_int wakes, clones, drops;

static void count_clone(void *data) {
    (void)data;
    atomic_fetch_add(&clones, 1);
}

static void count_wake(void *data) {
    struct pool_job *job = *(struct pool_job **)data;
    if (job != NULL) { // whoever wakes with the job's lock in his hand hangs
        pthread_mutex_lock(&job->mutex);
        pthread_mutex_unlock(&job->mutex);
    }
    atomic_fetch_add(&wakes, 1);
}

static void count_drop(void *data) {
    (void)data;
    atomic_fetch_add(&drops, 1);
}

static const struct waker_ops counting = {count_clone, count_wake, count_drop};

// ---- The loop ----

// Until the pool has nothing of ours any more, and libuv has told so.
static void run_until_over(void) {
    while (executor->jobs > 0) {
        uv_run(&loop, UV_RUN_ONCE);
    }
}

static struct pool_job *locked_by_waker; // or NULL

static struct pool_work begin(const int *arg) {
    struct pool_work f = pool_work(executor, work, arg);
    atomic_store(&wakes, 0);
    locked_by_waker = NULL;
    return f;
}

static enum poll_result ask(struct pool_work *f) {
    const struct waker waker = {&counting, &locked_by_waker};
    return future_poll(&f->base, &waker, NULL);
}

static void forget(struct pool_work *f) {
    future_drop(&f->base);
    memset(f, 0xdb, sizeof *f); // its memory is gone
}

// ---- The scenes ----

static const int three = 3, forty = 40, five_hundred = 500;

static void awaited_to_its_end(void) {
    struct pool_work f = begin(&three);
    enum poll_result first = ask(&f);
    wait_until_begun();
    locked_by_waker = f.job;
    sem_post(&may_end);
    run_until_over();
    int woken = atomic_load(&wakes);
    enum poll_result second = ask(&f);
    locked_by_waker = NULL;
    forget(&f);
    printf("awaited to its end: %s, woken %d times, %s\n",
           first == FUTURE_PENDING ? "pending" : "ready", woken,
           second == FUTURE_READY ? "ready" : "pending");
}

static void dropped_in_the_middle(void) {
    printf("dropped in the middle of the work\n");
    struct pool_work f = begin(&forty);
    (void)ask(&f);
    wait_until_begun();
    forget(&f); // must come back while the work goes on
    printf("the drop came back\n");
    sem_post(&may_end);
    run_until_over();
    printf("the work went on to its end: %d, woken %d times\n",
           atomic_load(&worked), atomic_load(&wakes));
}

static void dropped_when_it_was_done(void) {
    struct pool_work f = begin(&five_hundred);
    (void)ask(&f);
    wait_until_begun();
    sem_post(&may_end);
    while (atomic_load(&worked) < 543) {
        uv_sleep(1);
    }
    uv_sleep(20);
    forget(&f); // worked, but the loop has not heard of it yet
    run_until_over();
    printf("dropped when it was done, and the loop did not know: %d\n",
           atomic_load(&worked));
}

static void never_polled(void) {
    struct pool_work f = begin(&three);
    forget(&f);
    printf("dropped before its first poll\n");
}

// While the work ends, too.
static void dropped_at_any_moment(void) {
    static const int nothing = 0;
    int rounds = 0;
    while (rounds < 50) {
        struct pool_work f = begin(&nothing);
        (void)ask(&f);
        wait_until_begun();
        sem_post(&may_end);
        if (rounds % 2 == 1) {
            uv_sleep(0);
        }
        forget(&f);
        run_until_over();
        rounds++;
    }
    printf("dropped at any moment: %d times\n", rounds);
}

// The pool has four threads, and all of them are at work when a fifth job comes. Who takes
// it back hears of its end all the same.
static void dropped_in_line(void) {
    static const int nothing = 0;
    enum { threads = 4 };
    struct pool_work f[threads], fifth;
    for (int i = 0; i < threads; i++) {
        f[i] = begin(&nothing);
        (void)ask(&f[i]);
        wait_until_begun();
    }
    fifth = begin(&nothing);
    (void)ask(&fifth);
    forget(&fifth);
    for (int i = 0; i < threads + 1; i++) {
        sem_post(&may_end);
    }
    run_until_over();
    for (int i = 0; i < threads; i++) {
        forget(&f[i]);
    }
    while (sem_trywait(&may_end) == 0 || sem_trywait(&begun) == 0) {
    }
    printf("dropped while it stood in line\n");
}

// ---- Tasks, which are cancelled ----

static void tasks(void) {
    struct task *t[3];
    for (int i = 0; i < 3; i++) {
        struct pool_work f = begin(&three);
        t[i] = loop_spawn(executor, &f.base);
        if (t[i] == NULL) {
            abort();
        }
    }
    uv_run(&loop, UV_RUN_NOWAIT); // their first polls
    wait_until_begun();
    task_cancel(t[1]);
    uv_run(&loop, UV_RUN_NOWAIT); // it is dropped
    for (int i = 0; i < 3; i++) {
        sem_post(&may_end);
    }
    run_until_over();
    uv_run(&loop, UV_RUN_NOWAIT);
    printf("three tasks, one cancelled:");
    for (int i = 0; i < 3; i++) {
        printf(task_join(t[i], NULL) == TASK_COMPLETED ? " done"
                                                       : " cancelled");
    }
    printf("\n");
}

int main(void) {
    if (uv_loop_init(&loop) != 0 || sem_init(&begun, 0, 0) != 0 ||
        sem_init(&may_end, 0, 0) != 0) {
        abort();
    }
    executor = loop_executor_start(&loop, NULL, NULL);
    if (executor == NULL) {
        abort();
    }
    awaited_to_its_end();
    dropped_in_the_middle();
    dropped_when_it_was_done();
    never_polled();
    dropped_at_any_moment();
    dropped_in_line();
    printf("clones and drops differ by %d\n",
           atomic_load(&clones) - atomic_load(&drops));
    tasks();
    loop_executor_stop(executor);
    uv_run(&loop, UV_RUN_DEFAULT);
    printf("the loop is empty: %s\n", uv_loop_close(&loop) == 0 ? "yes" : "no");
    return 0;
}
