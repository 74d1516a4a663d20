#define _POSIX_C_SOURCE 200809L
// A task that gives up, and a worker that goes on.
//
// It is a jump over all the calls between task_panic and the poll, and nothing
// between them is cleaned up: so hold no lock and no loose allocation. Rust
// cleans up on the way (it calls that unwinding, and catch_unwind is where the
// jump lands). And it is for those who call it: a wild pointer or a failed
// assert still ends the process. So does a panic outside a poll, as in a future
// that is dropped between two: there is nothing to jump to.
#include "task.h"

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>

static _Thread_local jmp_buf *landing; // of the poll that is going on, or NULL

_Noreturn void task_panic(const char *why) {
    fprintf(stderr, "task panicked: %s\n", why);
    if (landing == NULL) {
        abort();
    }
    longjmp(*landing, 1);
}

// setjmp notes where we are and returns 0. longjmp comes back to it, and then it
// returns 1. Nothing in here changes in between, so no local is in doubt.
bool poll_catching(struct task *t, const struct waker *waker,
                   enum poll_result *result) {
    jmp_buf frame;
    if (setjmp(frame) != 0) {
        landing = NULL;
        return false;
    }
    landing = &frame;
    *result = future_poll(task_inner(t), waker, task_output(t));
    landing = NULL;
    return true;
}
