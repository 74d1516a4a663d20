#define _POSIX_C_SOURCE 200809L
// The scenes of 04d poll by hand. A call is ready at its second or third poll; so is a
// nap, which is made here, in the place of timer.c. Each of them wakes its waker when it is
// pending, and the scene sees whether somebody did.
#include "exercise.h"

#include <stdio.h>
#include <stdlib.h>

static int wakes, alive, polled_when_ready, calls_made, nap_count;
static double naps[40]; // of one retry, in seconds

// ---- Calls: server n fails so often, and then answers 10 n ----

static int failures[4]; // that are still to come

static enum poll_result call_poll(struct future *self,
                                  const struct waker *waker, void *out) {
    struct call *me = (struct call *)self;
    int ready_at = 2 + me->server % 2;
    polled_when_ready += me->polls >= ready_at;
    if (++me->polls < ready_at) {
        waker_wake(waker);
        return FUTURE_PENDING;
    }
    *(int *)out = failures[me->server] > 0 ? -7 : 10 * me->server;
    failures[me->server]--;
    return FUTURE_READY;
}

static void part_drop(struct future *self) {
    self->ops = NULL; // whoever drops it again crashes
    alive--;
}

struct call call(int server) {
    static const struct future_ops ops = {sizeof(struct call), sizeof(int),
                                          call_poll, part_drop};
    alive++;
    calls_made++;
    return (struct call){.base = {&ops}, .server = server};
}

// ---- Naps ----

static enum poll_result nap_poll(struct future *self, const struct waker *waker,
                                 void *out) {
    struct async_sleep *me = (struct async_sleep *)self;
    (void)out;
    polled_when_ready += me->deadline.place == 2;
    if (++me->deadline.place < 2) {
        waker_wake(waker);
        return FUTURE_PENDING;
    }
    return FUTURE_READY;
}

struct async_sleep timer_sleep(double seconds) {
    static const struct future_ops ops = {sizeof(struct async_sleep), 0,
                                          nap_poll, part_drop};
    alive++;
    if (nap_count < 40) {
        naps[nap_count++] = seconds;
    }
    return (struct async_sleep){.base = {&ops}};
}

// ---- The scenes ----

static void count_nothing(void *data) {
    (void)data;
}

static void count_wake(void *data) {
    (void)data;
    wakes++;
}

static const struct waker_ops counting = {count_nothing, count_wake,
                                          count_nothing};
static const struct waker waker = {&counting, NULL};
static int lost, too_many; // pending without a wake, and with more than one

static enum poll_result poll_once(struct retry *r, int *value) {
    wakes = 0;
    enum poll_result result = future_poll(&r->base, &waker, value);
    lost += result == FUTURE_PENDING && wakes == 0;
    too_many += wakes > 1;
    return result;
}

static void alone(int server, int fails) {
    struct retry r = retry(server);
    int value = -99;
    failures[server] = fails;
    calls_made = nap_count = 0;
    enum poll_result result = FUTURE_PENDING;
    for (int i = 0; i < 30 && result == FUTURE_PENDING; i++) {
        result = poll_once(&r, &value);
    }
    printf("server %d fails %d times: ", server, fails);
    if (result == FUTURE_PENDING) {
        printf("pending after 30 polls, %d calls\n", calls_made);
    } else {
        printf("%d after %d calls, naps", value, calls_made);
        for (int i = 0; i < nap_count; i++) {
            printf(" %.1f", naps[i]);
        }
        printf("\n");
    }
    future_drop(&r.base);
}

// Round and round, each polled once.
static void three_together(void) {
    struct retry r[3];
    int values[3] = {-99, -99, -99};
    enum poll_result results[3] = {FUTURE_PENDING, FUTURE_PENDING,
                                   FUTURE_PENDING};
    for (int i = 0; i < 3; i++) {
        r[i] = retry(i + 1);
        failures[i + 1] = 2 - i;
    }
    for (int round = 0; round < 30; round++) {
        for (int i = 0; i < 3; i++) {
            if (results[i] == FUTURE_PENDING) {
                results[i] = poll_once(&r[i], &values[i]);
            }
        }
    }
    printf("three together: %d %d %d\n", values[0], values[1], values[2]);
    for (int i = 0; i < 3; i++) {
        future_drop(&r[i].base);
    }
}

static void dropped_after_each_poll(void) {
    int most = 0;
    for (int polls = 0; polls < 10; polls++) {
        struct retry r = retry(2);
        int value;
        enum poll_result result = FUTURE_PENDING;
        failures[2] = 9;
        for (int i = 0; i < polls && result == FUTURE_PENDING; i++) {
            result = poll_once(&r, &value);
        }
        future_drop(&r.base);
        most = abs(alive) > most ? abs(alive) : most;
        alive = 0;
    }
    printf("dropped after each number of polls: %d are left\n", most);
}

int main(void) {
    alone(0, 0);
    alone(2, 0);
    alone(1, 1);
    alone(2, 2);
    alone(3, 3);
    printf("pending, and nobody was woken: %d times\n", lost);
    printf("woken too often: %d times\n", too_many);
    three_together();
    printf("left after that: %d\n", alive);
    alive = 0;
    dropped_after_each_poll();
    printf("polled when ready: %d times\n", polled_when_ready);
    return 0;
}
