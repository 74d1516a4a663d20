#define _POSIX_C_SOURCE 200809L
// Chapters 03 and 04: tasks on a queue. Their polls are in wrap_polls.c.
#include "executor.h"
#include "task.h"

#include "polls.h"
#include "threads.h"

// The worker is made by the first spawn.
struct task *__real_spawn_task(struct future *f, size_t out_size);
struct task *__wrap_spawn_task(struct future *f, size_t out_size) {
    struct thread *me = this_thread();
    task_begins(f, A_TASK);
    me->makes_workers = 1;
    me->workers_made = 0;
    struct task *t = __real_spawn_task(f, out_size);
    me->makes_workers = 0;
    task_has_handle(f, t);
    return t;
}

// Not seen by poll_ends: it jumps over it.
_Noreturn void __real_task_panic(const char *why);
_Noreturn void __wrap_task_panic(const char *why) {
    poll_panics();
    __real_task_panic(why);
}

enum task_outcome __real_task_join(struct task *t, void *out);
enum task_outcome __wrap_task_join(struct task *t, void *out) {
    struct thread *me = this_thread();
    me->waits_for = task_name_by_handle(t);
    enum task_outcome outcome = __real_task_join(t, out);
    me->waits_for = NULL;
    return outcome;
}
