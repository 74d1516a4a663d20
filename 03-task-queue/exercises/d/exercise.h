// 03d, for the answer and its scene. A mutex for tasks: who must wait for it gives the
// worker back meanwhile, and stands in a line.
#include "future.h"

#include <pthread.h>
#include <stdbool.h>

struct waiter;

struct task_mutex {
    pthread_mutex_t mutex; // guards what follows, and is held for a moment only
    bool taken;
    struct waiter *first, **last; // the line: who waits, longest first
};

// A future that is ready when the lock is its own. It BORROWS the task_mutex.
struct waiter {
    struct future base;
    struct task_mutex *of;
    enum {
        NEW,   // it was never polled
        WAITS, // in the line
        GIVEN, // out of the line: the lock is its own, but it was not polled yet
        DONE,  // its poll was ready; whoever awaited it will unlock
    } at;
    struct waker waker;  // owned, while it waits
    struct waiter *next; // the line's
};

static inline struct waiter *waiter_of(struct future *f) {
    return (struct waiter *)f; // of which it is the first member
}

// ---- The line. All three with m->mutex held. ----

static inline void line_join(struct task_mutex *m, struct waiter *w) {
    w->next = NULL;
    *m->last = w;
    m->last = &w->next;
}

static inline void line_leave(struct task_mutex *m, const struct waiter *w) {
    for (struct waiter **at = &m->first; *at != NULL; at = &(*at)->next) {
        if (*at == w) {
            *at = w->next;
            if (*at == NULL) {
                m->last = at;
            }
            return;
        }
    }
}

// RETURNS the one that has waited longest, who is out of the line now; or NULL.
static inline struct waiter *line_next(struct task_mutex *m) {
    struct waiter *w = m->first;
    if (w != NULL) {
        line_leave(m, w);
    }
    return w;
}

// ---- For tasks ----

void task_mutex_init(struct task_mutex *m);
struct waiter task_mutex_lock(struct task_mutex *m); // await it, then drop it
void task_mutex_unlock(struct task_mutex *m);
