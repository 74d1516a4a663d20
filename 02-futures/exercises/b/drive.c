#define _POSIX_C_SOURCE 200809L
// The scene of 02b: two naps of different lengths on one worker. The second begins
// when the first has slept for a while. It has a clock of its own.
#include "exercise.h"

#include <stdio.h>
#include <time.h>

static double clock_now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

int main(void) {
    const struct timespec pause = {.tv_nsec = 100 * 1000 * 1000};
    int outs[2] = {0, 0};
    executor_start(1);
    double first = clock_now();
    struct handle one = spawn_nap(1, 0.2, &outs[0]);
    nanosleep(&pause, NULL);
    double second = clock_now();
    struct handle two = spawn_nap(2, 0.35, &outs[1]);
    block_on(&one.base, NULL);
    printf("number 1 took %.3f s\n", clock_now() - first);
    block_on(&two.base, NULL);
    printf("number 2 took %.3f s\n", clock_now() - second);
    printf("result %d\n", outs[0] + outs[1]);
    return 0;
}
