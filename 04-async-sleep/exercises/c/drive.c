#define _POSIX_C_SOURCE 200809L
// The scenes of 04c. The timer here is one that the scene rings, so that nothing depends
// on a clock: first some polls by hand, and then a task whose work never ends.
#include "exercise.h"

#include "clock.h"
#include "executor.h"
#include "task.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/select.h>

// ---- The timer, in the place of timer.c: one nap at a time ----

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER; // guards what follows
static bool is_over;
static struct waker sleeper; // whom to wake then
static int nap_polls, nap_drops, polled_when_ready, moved;
static const struct future *napping; // where it lay in the poll before

static enum poll_result nap_poll(struct future *self, const struct waker *waker,
                                 void *out) {
    struct async_sleep *me = (struct async_sleep *)self;
    (void)out;
    pthread_mutex_lock(&mutex);
    nap_polls++;
    moved += napping != NULL && napping != self;
    napping = self;
    polled_when_ready += me->deadline.place == 1;
    me->deadline.place = is_over; // from then on it was ready
    struct waker old = waker_take(&sleeper);
    if (!is_over) {
        sleeper = waker_clone(waker);
    }
    enum poll_result result = is_over ? FUTURE_READY : FUTURE_PENDING;
    pthread_mutex_unlock(&mutex);
    waker_drop(&old);
    return result;
}

static void nap_drop(struct future *self) {
    pthread_mutex_lock(&mutex);
    moved += napping != NULL && napping != self;
    nap_drops++;
    struct waker old = waker_take(&sleeper);
    pthread_mutex_unlock(&mutex);
    waker_drop(&old);
}

struct async_sleep timer_sleep(double seconds) {
    static const struct future_ops ops = {sizeof(struct async_sleep), 0,
                                          nap_poll, nap_drop};
    int64_t at = monotonic_now() + nanoseconds(seconds);
    return (struct async_sleep){.base = {&ops}, .deadline = {at, 0}};
}

static void ring(void) {
    pthread_mutex_lock(&mutex);
    is_over = true;
    struct waker waker = waker_take(&sleeper);
    pthread_mutex_unlock(&mutex);
    waker_wake(&waker);
    waker_drop(&waker);
}

// ---- A work that is ready at its n-th poll ----

struct result {
    double a, b, c;
};

struct work {
    struct future base;
    int left;
    struct waker waker; // of the last poll; owned
    int drops;
};

static enum poll_result work_poll(struct future *self,
                                  const struct waker *waker, void *out) {
    struct work *me = (struct work *)self;
    polled_when_ready += me->left == 0;
    if (me->left > 0 && --me->left == 0) {
        *(struct result *)out = (struct result){1.5, 2.5, 4.5};
        return FUTURE_READY;
    }
    waker_drop(&me->waker);
    me->waker = waker_clone(waker);
    return FUTURE_PENDING;
}

static void work_drop(struct future *self) {
    struct work *me = (struct work *)self;
    me->drops++;
    waker_drop(&me->waker);
}

static struct work work(int polls) {
    static const struct future_ops ops = {
        sizeof(struct work), sizeof(struct result), work_poll, work_drop};
    return (struct work){.base = {&ops}, .left = polls};
}

// ---- By hand ----

static int wakes;

static void count_nothing(void *data) {
    (void)data;
}

static void count_wake(void *data) {
    (void)data;
    wakes++;
}

static const struct waker_ops counting = {count_nothing, count_wake,
                                          count_nothing};

static void begin(void) {
    is_over = false;
    wakes = nap_polls = nap_drops = polled_when_ready = 0;
    napping = NULL;
}

// The work is ready at its poll number work_at, the nap before poll number nap_at;
// after poll number most the timeout is dropped.
static void play(const char *what, int work_at, int nap_at, int most) {
    static const char *const words[] = {"in time", "too late"};
    const struct waker waker = {&counting, NULL};
    struct result value = {0};
    begin();
    struct work w = work(work_at);
    struct timeout f = timeout(&w.base, &value, 0.0);
    enum timeout_end end = IN_TIME;
    enum poll_result result = FUTURE_PENDING;
    int polls = 0;
    while (polls < most && result == FUTURE_PENDING) {
        polls++;
        if (polls == nap_at) {
            ring();
        }
        result = future_poll(&f.base, &waker, &end);
    }
    printf("%s: poll %d is %s", what, polls,
           result == FUTURE_PENDING ? "pending" : words[end]);
    if (result == FUTURE_READY && end == IN_TIME) {
        printf(", %.1f", value.a + value.b + value.c);
    }
    future_drop(&f.base);
    printf("; drops %d and %d\n", w.drops, nap_drops);
}

static void both_can_wake_it(void) {
    const struct waker waker = {&counting, NULL};
    struct result value;
    enum timeout_end end;
    begin();
    struct work w = work(-1);
    struct timeout f = timeout(&w.base, &value, 60);
    (void)future_poll(&f.base, &waker, &end);
    waker_wake(&w.waker);
    ring();
    printf("the work can wake it, and the nap can: %d wakes\n", wakes);
    future_drop(&f.base);
}

// ---- A task whose work never ends ----

struct patience {
    struct future base;
    bool is_begun;
    struct work work;
    struct result value;
    struct timeout timeout;
};

static enum poll_result patience_poll(struct future *self,
                                      const struct waker *waker, void *out) {
    struct patience *me = (struct patience *)self;
    if (!me->is_begun) {
        me->work = work(-1);
        me->timeout = timeout(&me->work.base, &me->value, 0.05);
        me->is_begun = true;
    }
    return future_poll(&me->timeout.base, waker, out);
}

static void patience_drop(struct future *self) {
    struct patience *me = (struct patience *)self;
    if (me->is_begun) {
        future_drop(&me->timeout.base);
    }
}

static void play_task(void) {
    static const struct future_ops ops = {sizeof(struct patience),
                                          sizeof(enum timeout_end),
                                          patience_poll, patience_drop};
    struct patience f = {.base = {&ops}};
    struct timeval t = {.tv_usec = 100 * 1000};
    enum timeout_end end = IN_TIME;
    begin();
    struct task *task = spawn_task(&f.base);
    if (task == NULL) {
        abort();
    }
    (void)select(0, NULL, NULL, NULL, &t);
    ring();
    (void)task_join(task, &end);
    printf("a task whose work never ends: %s\n",
           end == TOO_LATE ? "too late" : "in time");
}

int main(void) {
    play("the work first", 3, 5, 9);
    printf("polled when ready %d\n", polled_when_ready);
    play("the nap first", -1, 3, 9);
    printf("polled when ready %d\n", polled_when_ready);
    printf("the nap has moved %d times\n", moved);
    play("both in one poll", 2, 2, 9);
    play("at the first poll", 1, 9, 9);
    play("dropped half way", -1, 9, 2);
    play("dropped before it began", 1, 9, 0);
    both_can_wake_it();
    play_task();
    return 0;
}
