#define _POSIX_C_SOURCE 200809L
// Chapter 03: the executor with several workers. Which queue a task waits on is
// not seen from outside, but it follows from who put it there: a worker puts it
// on its own, and from outside they are dealt in turn.
#include "stealing.h"

#include "threads.h"
#include "watch.h"

#include <stdatomic.h>

static atomic_int dealt;
static int worker_count;

int __real_stealing_start(int workers, enum sharing sharing);
int __wrap_stealing_start(int workers, enum sharing sharing) {
    struct thread *me = this_thread();
    tasks_begin_again();
    tasks_can_be_stolen(sharing == STEALING);
    atomic_store(&dealt, 0);
    worker_count = workers;
    me->makes_workers = workers;
    me->workers_made = 0;
    int error = __real_stealing_start(workers, sharing);
    me->makes_workers = 0;
    return error;
}

struct task *__real_stealing_spawn(struct future *f);
struct task *__wrap_stealing_spawn(struct future *f) {
    struct thread *me = this_thread();
    const struct future_ops *own = f->ops;
    struct watched *w = watch(f, A_TASK);
    task_lives_at(w, me->worker >= 0
                         ? me->worker
                         : atomic_fetch_add(&dealt, 1) % worker_count);
    struct task *t = __real_stealing_spawn(f);
    f->ops = own;
    task_has_handle(w, t);
    return t;
}
