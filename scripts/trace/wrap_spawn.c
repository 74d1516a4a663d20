#define _POSIX_C_SOURCE 200809L
// Chapter 05: each connection has a task on the executor of its loop, in the acts
// that await. The polls are in wrap_polls.c.
#include "loop_executor.h"

#include "watch.h"

struct task *__real_loop_spawn(struct loop_executor *e, struct future *f);
struct task *__wrap_loop_spawn(struct loop_executor *e, struct future *f) {
    const struct future_ops *own = f->ops;
    (void)watch(f, A_TASK);
    struct task *t = __real_loop_spawn(e, f);
    f->ops = own;
    return t;
}
