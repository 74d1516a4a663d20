#define _POSIX_C_SOURCE 200809L
// Exercise 05c: one slow client. Each message costs 0.15 s of work, and as it stands the loop
// does it, while all others wait. Let the pool of libuv do the work, and the loop answer. A
// client may leave while the pool still works for it. See exercise.h, and pool_work.c of
// this chapter for the call of uv_queue_work.
//
//     make try-05c     builds it, runs it, and says what happened
//     make hint-05c    a hint, and after that a stronger one
//
// By hand, in the chapter's directory: make my-05c && ./my-05c
//
// exercise.h lies in exercises/c/; beside it are the answers, so look at nothing else.
#include "exercise.h"

#include <stdlib.h>
#include <string.h>

// ---- your part ----

void on_bytes(struct client *c, const char *bytes, size_t size) {
    char *copy = malloc(size);
    if (copy == NULL) {
        abort();
    }
    memcpy(copy, bytes, size);
    work(copy, size);
    send_back(c, copy, size);
    free(copy);
}

void on_left(struct client *c) {
    (void)c;
}

// ---- to here ----
