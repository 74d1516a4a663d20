// What the chapters' programs do when a call fails that can only fail if the
// system has nothing left or the program is wrong: say so in one line and end.
#ifndef MUST_H
#define MUST_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// error is 0 or an errno; what says who wanted what. It is not an assert,
// because -DNDEBUG would delete the call with it. And it is not exit, whose
// handlers may want the very lock that has failed.
static inline void must(int error, const char *what) {
    if (error != 0) {
        fprintf(stderr, "%s: %s\n", what, strerror(error));
        _Exit(EXIT_FAILURE);
    }
}

#endif
