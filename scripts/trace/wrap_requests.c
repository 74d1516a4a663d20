#define _POSIX_C_SOURCE 200809L
// Chapter 07: each request is a future on the executor of its loop. Its lane is
// among the connections, for it is a stream of one of them. The loop's lane and
// the rest are in wrap_loop.c, its polls in wrap_polls.c.
#include "uv_executor.h"

#include "watch.h"

struct uv_task *__real_uv_execute(struct uv_executor *e, struct future *f);
struct uv_task *__wrap_uv_execute(struct uv_executor *e, struct future *f) {
    const struct future_ops *own = f->ops;
    (void)watch(f, A_REQUEST);
    struct uv_task *t = __real_uv_execute(e, f);
    f->ops = own;
    return t;
}
