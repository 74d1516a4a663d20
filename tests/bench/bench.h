// What the runtime costs: a run measures one item once. bench_tasks.c has the
// items of chapters 03 and 04, bench_threads.c the same done with threads,
// peers/ the same done in Rust, and bench_runtime.c makes the table of them.
#ifndef BENCH_H
#define BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct run {
    long count;       // how many to do; then how many were done
    long width;       // tasks, senders or whatever the item has several of
    double wall, cpu; // seconds, cpu for all threads together
    // Of sleepers only.
    double bytes;       // memory for each
    double late, worst; // milliseconds after the deadline: median and worst
};

// Each measures itself between run_begin and run_end and may use the process
// as its own: every run has a fresh one.
typedef void measure(struct run *r);

measure spawn_and_join, spawn_inside, wake_oneself, hand_over;
measure send_messages, sleep_by_timer, sleep_by_asking;
measure create_and_join, ping_pong, sleep_in_threads;

void run_begin(struct run *r);
void run_end(struct run *r);

// Ends the process if something that may fail has failed.
void need(bool ok, const char *what);

// RETURNS memory, ended by free. That of array_of has been written once, so
// that it is in use before the measuring begins.
void *allocate(size_t size);
void *array_of(long count, size_t size);

// How many seconds a sleeper sleeps. One to three, well mixed: 7919 is a prime
// number, so that neighbours get very different times.
double sleep_for(long number);

// The most memory that the process ever had in use, in bytes.
double peak_memory(void);

// Sums up how r's sleepers slept. late, in nanoseconds for each, gets sorted.
void note_sleepers(struct run *r, int64_t *late);

#endif
