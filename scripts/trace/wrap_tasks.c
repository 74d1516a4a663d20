#define _POSIX_C_SOURCE 200809L
// Chapters 03 and 04: tasks on a queue, and threads that wait for a future. The
// polls are in wrap_polls.c.
#include "executor.h"
#include "task.h"

#include "threads.h"
#include "watch.h"

// The worker is made by the first spawn.
struct task *__real_spawn_task(struct future *f);
struct task *__wrap_spawn_task(struct future *f) {
    struct thread *me = this_thread();
    const struct future_ops *own = f->ops;
    struct watched *w = watch(f, A_TASK);
    me->makes_workers = 1;
    me->workers_made = 0;
    struct task *t = __real_spawn_task(f);
    f->ops = own;
    me->makes_workers = 0;
    task_has_handle(w, t);
    return t;
}

// Not seen by poll_ends: it jumps over it.
_Noreturn void __real_task_panic(const char *why);
_Noreturn void __wrap_task_panic(const char *why) {
    poll_panics();
    __real_task_panic(why);
}

// To cancel is to wake, by another way than waker_wake.
void __real_task_wake(void *task);
void __wrap_task_wake(void *task) {
    task_is_woken(task);
    __real_task_wake(task);
}

// ---- Threads that wait ----

static _Thread_local bool joins; // whom it waits for, if it has a lane, is told

// A future that is awaited here has a lane too, unless it is the end of a task.
void __real_block_on(struct future *f, void *out);
void __wrap_block_on(struct future *f, void *out) {
    struct thread *me = this_thread();
    if (joins || me->inside != NULL) {
        __real_block_on(f, out);
        return;
    }
    me->waits_for = task_name(watch(f, A_FUTURE));
    __real_block_on(f, out);
    me->waits_for = NULL;
}

enum task_outcome __real_task_join(struct task *t, void *out);
enum task_outcome __wrap_task_join(struct task *t, void *out) {
    struct thread *me = this_thread();
    me->waits_for = task_name_by_handle(t);
    joins = true;
    enum task_outcome outcome = __real_task_join(t, out);
    joins = false;
    me->waits_for = NULL;
    return outcome;
}
