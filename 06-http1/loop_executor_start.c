#define _POSIX_C_SOURCE 200809L
// How the loop's executor comes and goes: what libuv must know of it, and how to
// be rid of that.
#include "loop_executor.h"

#include "must.h"

#include <stdlib.h>

struct loop_executor *loop_executor_start(uv_loop_t *loop,
                                          void (*after_round)(void *data),
                                          void *data) {
    struct loop_executor *e = calloc(1, sizeof *e);
    // The bell has no function: when it rings the loop is awake, and a round comes
    // before it sleeps again.
    if (e == NULL || uv_async_init(loop, &e->bell, NULL) != 0) {
        free(e);
        return NULL;
    }
    e->loop = loop;
    e->after_round = after_round;
    e->data = data;
    e->last = &e->first;
    must(pthread_mutex_init(&e->mutex, NULL), "loop_executor: mutex");
    uv_prepare_init(loop, &e->before_sleep);
    uv_prepare_start(&e->before_sleep, loop_executor_before_sleep);
    uv_timer_init(loop, &e->timer.uv);
    e->bell.data = e->before_sleep.data = e->timer.uv.data = e;
    e->open_handles = 3;
    return e;
}

static void on_closed(uv_handle_t *handle) {
    struct loop_executor *e = handle->data;
    if (--e->open_handles == 0) {
        must(pthread_mutex_destroy(&e->mutex), "loop_executor: mutex");
        free(e);
    }
}

// A thread of the pool may be about to ring the bell; so it is waited for.
void loop_executor_stop(struct loop_executor *e) {
    while (e->jobs > 0) {
        uv_run(e->loop, UV_RUN_ONCE);
    }
    must(pthread_mutex_lock(&e->mutex), "loop_executor: lock");
    e->closed = true;
    must(pthread_mutex_unlock(&e->mutex), "loop_executor: unlock");
    loop_executor_run(e);      // the last round
    heap_free(&e->timer.heap); // nobody sleeps any more
    uv_close((uv_handle_t *)&e->before_sleep, on_closed);
    uv_close((uv_handle_t *)&e->bell, on_closed);
    uv_close((uv_handle_t *)&e->timer.uv, on_closed);
}
