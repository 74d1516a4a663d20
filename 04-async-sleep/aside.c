#define _POSIX_C_SOURCE 200809L
// An aside: async fn sleeping(label) once more, with three macros that hide
// the state machine of sleepers.c. You will meet this style (protothreads and
// their kin), so here it is, with its traps.
//
//     ./aside    three sleepers, five seconds
#include "async_sleep.h"
#include "executor.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// ---- The macros ----

// The state is the number of a line: each AWAIT is a case of one big switch,
// and BEGIN jumps to the one where the last poll left off.
//
// The traps, of which a compiler is sure to report only the third:
// - A local variable does not survive an AWAIT. The next poll has a new one
//   with any value in it. Only what is in the struct survives.
// - An AWAIT inside a switch of your own becomes a case of that one. The
//   outer switch never finds it, and the future ends too soon.
// - Two AWAITs on one line are the same case. This one is an error.
// - A debugger shows `line = 57` and not FIRST_SLEEP, and a state that was
//   forgotten is nothing that -Wswitch could find.
#define BEGIN(line)                                                            \
    switch (line) {                                                            \
    case 0:

#define AWAIT(line, future, waker)                                             \
    do {                                                                       \
        (line) = __LINE__;                                                     \
        if (0) {                                                               \
        case __LINE__:;                                                        \
        }                                                                      \
        if (future_poll(future, waker, NULL) == FUTURE_PENDING) {              \
            return FUTURE_PENDING;                                             \
        }                                                                      \
    } while (0)

#define END(line)                                                              \
    (line) = -1;                                                               \
    }                                                                          \
    return FUTURE_READY

// ---- async fn sleeping(label) ----

struct sleeping {
    struct future base;
    int line;
    int label;
    struct async_sleep nap; // what is awaited
};

// It reads like the Rust function. That is what the macros are for.
static enum poll_result sleeping_poll(struct future *self,
                                      const struct waker *waker, void *out) {
    struct sleeping *me = (struct sleeping *)self;
    (void)out;
    BEGIN(me->line);
    printf("sleeping %d\n", me->label);
    me->nap = timer_sleep(3);
    AWAIT(me->line, &me->nap.base, waker);
    printf("progressing sleep %d\n", me->label);
    me->nap = timer_sleep(2);
    AWAIT(me->line, &me->nap.base, waker);
    printf("done sleeping %d\n", me->label);
    END(me->line);
}

// Lines above 0 are awaits, and there the nap must be dropped.
static void sleeping_drop(struct future *self) {
    struct sleeping *me = (struct sleeping *)self;
    if (me->line > 0) {
        future_drop(&me->nap.base);
    }
}

static const struct future_ops sleeping_ops = {sizeof(struct sleeping), 0,
                                               sleeping_poll, sleeping_drop};

static struct task *spawn_sleeping(int label) {
    struct sleeping f = {.base = {&sleeping_ops}, .label = label};
    return spawn_task(&f.base);
}

int main(void) {
    struct task *tasks[3];
    setvbuf(stdout, NULL, _IOLBF, 0);
    for (int i = 0; i < 3; i++) {
        tasks[i] = spawn_sleeping(i + 1);
        if (tasks[i] == NULL) {
            fprintf(stderr, "aside: %s\n", strerror(errno));
            return EXIT_FAILURE;
        }
    }
    for (int i = 0; i < 3; i++) {
        if (task_join(tasks[i], NULL) != TASK_COMPLETED) {
            return EXIT_FAILURE;
        }
    }
    if (fflush(stdout) != 0 || ferror(stdout)) {
        fprintf(stderr, "aside: cannot write the output\n");
        return EXIT_FAILURE;
    }
    return EXIT_SUCCESS;
}
