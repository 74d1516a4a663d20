// 04b, for the answer and its scene. A timer has a list of naps and one thread, which
// calls the wakers of those who are due. All times are in nanoseconds, by time_now().
#include "clock.h"
#include "future.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

struct nap;

struct timer {
    pthread_mutex_t
        mutex; // guards what follows, and the timer's part of each nap
    pthread_cond_t
        changed; // signalled when a nap has joined the list, and at the end
    struct nap *first; // the list, in no order
    bool running;
};

// A future that is ready when it is due.
struct nap {
    struct future base;
    struct timer *of;
    int64_t due;
    bool is_listed;
    struct waker waker; // owned, while it is listed
    struct nap *next;   // the list's
};

static inline struct nap *nap_of(struct future *f) {
    return (struct nap *)f; // of which it is the first member
}

static inline int64_t time_now(void) {
    return monotonic_now();
}

// ---- The list. Both with t->mutex held. ----

// RETURNS the nap that is due first; NULL: there is none.
static inline struct nap *earliest(const struct timer *t) {
    struct nap *best = t->first;
    for (struct nap *n = t->first; n != NULL; n = n->next) {
        if (n->due < best->due) {
            best = n;
        }
    }
    return best;
}

static inline void leave_list(struct timer *t, struct nap *nap) {
    struct nap **at = &t->first;
    while (*at != nap) {
        at = &(*at)->next;
    }
    *at = nap->next;
    nap->is_listed = false;
}

// Sleeps until t->changed is signalled, or the time has come; INT64_MAX: until it is
// signalled. With t->mutex held, which it gives back meanwhile.
void wait_until(struct timer *t, int64_t time);

// Yours. It runs on a thread of its own until t->running is false.
void *keep_time(void *timer);

struct nap nap_for(struct timer *t, double seconds);
