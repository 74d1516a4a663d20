#define _POSIX_C_SOURCE 200809L
// Two threads, but no lock: the pool's thread only calls work, and libuv calls
// on_done on the loop's thread when that is over.
#include "pool_work.h"

#include <stdbool.h>
#include <stdlib.h>

struct pool_work {
    struct future base;
    enum { NOT_BEGUN, UNDER_WAY, DONE } at;
    bool abandoned; // nobody awaits it any more
    uv_loop_t *loop;
    uv_work_t request;
    void (*work)(void);
    struct waker waker;
};

static void on_pool_thread(uv_work_t *request) {
    const struct pool_work *me = request->data;
    me->work();
}

static void on_done(uv_work_t *request, int status) {
    struct pool_work *me = request->data;
    (void)status; // cancelled only if it is abandoned, too
    if (me->abandoned) {
        free(me);
        return;
    }
    me->at = DONE;
    waker_wake(&me->waker);
}

static enum poll work_poll(struct future *self, const struct waker *waker,
                           void *out) {
    struct pool_work *me = (struct pool_work *)self;
    (void)out;
    switch (me->at) {
    case NOT_BEGUN:
        // It fails only without a function to call.
        (void)uv_queue_work(me->loop, &me->request, on_pool_thread, on_done);
        me->at = UNDER_WAY;
        break;
    case UNDER_WAY:
        break;
    case DONE:
        return FUTURE_READY;
    }
    waker_drop(&me->waker);
    me->waker = waker_clone(waker);
    return FUTURE_PENDING;
}

// Nobody can stop a thread half way. Work that still waits for one is taken
// back, and work under way goes on for nothing; on_done frees both.
static void work_drop(struct future *self) {
    struct pool_work *me = (struct pool_work *)self;
    waker_drop(&me->waker);
    if (me->at == UNDER_WAY) {
        me->abandoned = true;
        (void)uv_cancel((uv_req_t *)&me->request);
    } else {
        free(me);
    }
}

static const struct future_ops work_ops = {work_poll, work_drop};

struct future *pool_work(uv_loop_t *loop, void (*work)(void)) {
    struct pool_work *me = calloc(1, sizeof *me);
    if (me == NULL) {
        return NULL;
    }
    *me = (struct pool_work){{&work_ops}, .loop = loop, .work = work};
    me->request.data = me;
    return &me->base;
}
