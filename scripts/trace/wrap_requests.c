#define _POSIX_C_SOURCE 200809L
// Chapter 07: each request is a future on the executor of its loop. Its lane is
// among the connections, for it is a stream of one of them. The loop's lane and
// the rest are in wrap_loop.c, its polls in wrap_polls.c.
#include "uv_executor.h"

#include "polls.h"

#include <stddef.h>

// Where in its task the future lies now, which begins with its table. The head
// of a task has no such pointer.
static const void *place_in(const struct uv_task *t,
                            const struct future_ops *ops) {
    const max_align_t *at = (const max_align_t *)t;
    while (((const struct future *)at)->ops != ops) {
        at++;
    }
    return at;
}

// Nobody polls it meanwhile: that is for this thread to do, and later.
struct uv_task *__real_uv_execute(struct uv_executor *e, struct future *f);
struct uv_task *__wrap_uv_execute(struct uv_executor *e, struct future *f) {
    const struct future_ops *ops = f->ops;
    struct uv_task *t = __real_uv_execute(e, f);
    if (t != NULL) {
        task_begins(place_in(t, ops), A_REQUEST);
    }
    return t;
}
