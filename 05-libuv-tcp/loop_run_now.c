#define _POSIX_C_SOURCE 200809L
// A short cut through the loop's executor, for who is on the loop's thread and
// needs the result at once. Chapter 06 polls a handler so, for most answers are
// ready at the first poll, and a trip through the queue would cost more.
#include "loop_executor.h"

// As if it had been woken and were the only one on the queue.
void loop_run_now(struct task *t) {
    enum task_state asleep = TASK_IDLE;
    if (atomic_compare_exchange_strong(&t->state, &asleep, TASK_WOKEN)) {
        task_ref(t); // the queue's
        task_run(t);
    } else {
        task_wake(t);
    }
}
