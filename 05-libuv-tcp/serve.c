#define _POSIX_C_SOURCE 200809L
// async fn serve(connection): a task for each connection. It goes round for as
// long as the connection lives: it awaits a message, then a second, and answers.
#include "loop_executor.h"
#include "pool_work.h"
#include "worker.h"

#include <stdlib.h>
#include <string.h>

// What the connection and its task share.
struct conversation {
    struct task *task;
    struct waker waker; // of the task, while it awaits a message
    char *message;      // a copy, or NULL: none has come
    size_t size;
    bool sleeps; // for a second; or the pool works for one
};

struct serve {
    struct future base;
    enum { AWAIT_MESSAGE, AWAIT_SECOND } at;
    struct tcp_connection *connection;
    struct future *second; // what AWAIT_SECOND awaits: one of the next two
    struct loop_sleep sleep;
    struct pool_work work;
};

// ---- The task ----

// True, or the waker is kept, and on_bytes will call it.
static bool has_message(struct conversation *v, const struct waker *waker) {
    waker_drop(&v->waker);
    if (v->message == NULL) {
        v->waker = waker_clone(waker);
    }
    return v->message != NULL;
}

static struct future *begin_second(struct serve *me, bool sleeps) {
    struct tcp_connection *c = me->connection;
    struct loop_executor *e = tcp_loop(c)->data;
    if (sleeps) {
        me->sleep = loop_sleep(e, 1.0);
        return &me->sleep.base;
    }
    me->work = pool_work(e, one_second_of_work, tcp_options(c));
    return &me->work.base;
}

static void answer(struct tcp_connection *c, struct conversation *v) {
    (void)tcp_write(c, v->message, v->size);
    free(v->message);
    v->message = NULL;
    tcp_resume(c);
}

static enum poll_result serve_poll(struct future *self,
                                   const struct waker *waker, void *out) {
    struct serve *me = (struct serve *)self;
    struct conversation *v = tcp_state(me->connection);
    (void)out;
    for (;;) {
        switch (me->at) {
        case AWAIT_MESSAGE: // .await
            if (!has_message(v, waker)) {
                return FUTURE_PENDING;
            }
            me->second = begin_second(me, v->sleeps);
            me->at = AWAIT_SECOND;
            break;
        case AWAIT_SECOND: // .await
            if (future_poll(me->second, waker, NULL) == FUTURE_PENDING) {
                return FUTURE_PENDING;
            }
            future_drop(me->second);
            answer(me->connection, v);
            me->at = AWAIT_MESSAGE;
            break;
        }
    }
}

// The connection has left us, perhaps in the middle of a second.
static void serve_drop(struct future *self) {
    struct serve *me = (struct serve *)self;
    if (me->at == AWAIT_SECOND) {
        future_drop(me->second);
    }
}

// ---- The connection ----

static bool spawn(struct tcp_connection *c, bool sleeps) {
    static const struct future_ops ops = {sizeof(struct serve), 0, serve_poll,
                                          serve_drop};
    struct conversation *v = tcp_state(c);
    struct serve f = {.base = {&ops}, .connection = c};
    v->sleeps = sleeps;
    v->task = loop_spawn(tcp_loop(c)->data, &f.base);
    return v->task != NULL;
}

static bool open_sleeping(struct tcp_connection *c) {
    return spawn(c, true);
}

static bool open_pooled(struct tcp_connection *c) {
    return spawn(c, false);
}

// Until it has its answer, the connection is not read. So answers come in the
// order of the messages, and a client that sends faster than we work fills its
// own buffers, not our memory.
static void on_bytes(struct tcp_connection *c, const char *bytes, size_t size) {
    struct conversation *v = tcp_state(c);
    v->message = malloc(size);
    if (v->message == NULL) {
        tcp_abort(c, "out of memory");
        return;
    }
    memcpy(v->message, bytes, size);
    v->size = size;
    tcp_pause(c);
    waker_wake(&v->waker);
}

// The task is dropped when the loop comes by next. Work under way in the pool is
// abandoned: it goes on, and nobody hears of it.
static void on_close(struct tcp_connection *c) {
    struct conversation *v = tcp_state(c);
    if (v->task != NULL) {
        task_cancel(v->task);
        task_detach(v->task);
    }
    waker_drop(&v->waker);
    free(v->message);
}

static bool on_loop_start(uv_loop_t *loop) {
    loop->data = loop_executor_start(loop, NULL, NULL);
    return loop->data != NULL;
}

static bool start_with_pool(uv_loop_t *loop) {
    pool_prepare();
    return on_loop_start(loop);
}

static void on_loop_stop(uv_loop_t *loop) {
    loop_executor_stop(loop->data);
}

#define A_TASK_EACH(start, open)                                               \
    {                                                                          \
        .state_size = sizeof(struct conversation), .on_loop_start = (start),   \
        .on_loop_stop = on_loop_stop, .on_open = (open), .on_bytes = on_bytes, \
        .on_close = on_close,                                                  \
    }

const struct tcp_protocol sleeping_worker =
    A_TASK_EACH(on_loop_start, open_sleeping);
const struct tcp_protocol pooled_worker =
    A_TASK_EACH(start_with_pool, open_pooled);
