#define _POSIX_C_SOURCE 200809L
// See watch.h.
#include "watch.h"

#include "trace.h"

#include <pthread.h>
#include <stddef.h>

enum { most_kinds = 16 }; // of futures among those that share a lane

static struct watch watches[most_watched];
static struct watch crowd[most_kinds];       // one for each kind of future
static atomic_flag mutex = ATOMIC_FLAG_INIT; // guards the crowd

const struct watch *watch_of(const struct future *f) {
    return (const struct watch *)f->ops; // its first member
}

// Whoever looks at the table when the future is gone, for the size of its
// output, finds its own.
static void drop(struct future *f) {
    const struct watch *w = watch_of(f);
    struct watched *task = w->task;
    f->ops = w->own;
    if (f->ops->drop != NULL) {
        f->ops->drop(f);
    }
    task_ends(task);
}

static void fill_in(struct watch *w, const struct future_ops *own,
                    struct watched *task) {
    w->ops = *own;
    w->ops.poll = watching.poll;
    w->ops.drop = drop;
    w->own = own;
    w->task = task;
}

// RETURNS NULL if there are too many kinds: those are not seen.
static struct watch *watch_in_crowd(const struct future_ops *own,
                                    struct watched *task) {
    trace_lock(&mutex);
    int i = 0;
    while (i < most_kinds && crowd[i].own != NULL && crowd[i].own != own) {
        i++;
    }
    if (i < most_kinds && crowd[i].own == NULL) {
        fill_in(&crowd[i], own, task);
    }
    trace_unlock(&mutex);
    return i < most_kinds ? &crowd[i] : NULL;
}

struct watched *watch(struct future *f, enum task_kind kind) {
    struct watched *task = task_begins(kind);
    if (task == NULL) {
        return NULL;
    }
    int number = task_number(task);
    struct watch *w =
        number >= 0 ? &watches[number] : watch_in_crowd(f->ops, task);
    if (number >= 0) {
        fill_in(w, f->ops, task);
    }
    if (w != NULL) {
        f->ops = &w->ops;
    }
    return task;
}
