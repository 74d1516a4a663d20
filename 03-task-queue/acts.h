// The command line of chapters 01 to 04: a program is a list of acts, and an
// act is one scene of it. Nothing in here is about async; skip it.
#ifndef ACTS_H
#define ACTS_H

#include <stddef.h>

struct act {
    const char *name;
    const char *what;      // one line for --list and the heading
    double seconds;        // how long it takes
    int (*play)(void);     // RETURNS 0 if the act did its job
    int (*play_n)(long n); // instead of play, for an act that takes a number
    long n;                // its default
};

// Plays every act in order, each in its own process and under a heading; or,
// as the command line says, only one act. Makes stdout line-buffered.
// RETURNS the program's exit status: 0, 1 if an act failed, 2 for a command
// line that makes no sense.
int acts_main(int argc, char **argv, const char *program,
              const struct act *acts, size_t count);

#endif
