// 03b, for the answer and its scene. A doorbell is a future that is ready when
// somebody has rung, from any thread. It stays where it was made.
#include "future.h"

#include <pthread.h>
#include <stdbool.h>

struct bell {
    struct future base;
    pthread_mutex_t mutex; // guards what follows
    bool rung;
    struct waker waker; // who waits, or empty; owned
};

static inline struct bell *bell_of(struct future *f) {
    return (struct bell *)f; // of which it is the first member
}

void bell_init(struct bell *b);
void bell_ring(struct bell *b); // any thread; once
