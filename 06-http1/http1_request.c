#define _POSIX_C_SOURCE 200809L
// A connection has a task only while it waits for an answer: nine of ten are
// idle, and need none. The task polls the handler. The first time this happens
// at once, and most answers are ready then. So a loop has one request in
// reserve, with its task, and it serves one client after another.
#include "http1_request.h"

#include <stdlib.h>
#include <string.h>

// ---- The task ----

struct ask {
    struct future base;
    struct http1_request *request; // freed with us
};

// Also polled when nobody asks: a wake may come late.
static enum poll_result ask_poll(struct future *self, const struct waker *waker,
                                 void *out) {
    struct http1_request *r = ((struct ask *)self)->request;
    (void)out;
    if (r->asked && !r->answered &&
        future_poll(&r->handle.base, waker, NULL) == FUTURE_READY &&
        !r->inside) {
        http1_go_on(r->connection);
    }
    return FUTURE_PENDING;
}

// Without a client this is the end. With one, the handler has panicked: that
// ends this connection, and no other.
static void ask_drop(struct future *self) {
    struct http1_request *r = ((struct ask *)self)->request;
    if (r->connection == NULL) {
        free(r);
        return;
    }
    r->broken = true;
    tcp_abort(r->connection, "the handler panicked");
}

static struct http1_request *make(struct http1_loop *loop) {
    static const struct future_ops ops = {sizeof(struct ask), 0, ask_poll,
                                          ask_drop};
    struct ask ask = {{&ops}, calloc(1, sizeof *ask.request)};
    struct task *task =
        ask.request != NULL ? loop_spawn(loop->executor, &ask.base) : NULL;
    if (task == NULL) {
        return NULL; // if there was a request, ask_drop has freed it
    }
    ask.request->task = task;
    return ask.request;
}

// ---- Life ----

struct http1_request *http1_request_new(struct tcp_connection *c,
                                        const struct http1_head *head) {
    struct http1_loop *loop = tcp_loop(c)->data;
    struct http1_request *r = loop->spare != NULL ? loop->spare : make(loop);
    loop->spare = NULL;
    if (r != NULL) {
        r->connection = c;
        r->fields = head->fields;
        r->base = (struct http_request){
            .method = head->method,
            .target = head->target,
            .body = {r->body, 0},
            .executor = loop->executor,
            .is_quiet = tcp_options(c)->quiet,
        };
    }
    return r;
}

static void throw_away(struct http1_request *r) {
    struct task *t = r->task;
    if (r->broken) {
        free(r);
    }
    task_cancel(t);
    task_detach(t);
}

// Half way, too: what the handler awaits is abandoned.
void http1_request_end(struct http1_request *r) {
    struct http1_loop *loop = tcp_loop(r->connection)->data;
    if (r->asked) {
        future_drop(&r->handle.base);
    }
    free(r->head_copy);
    r->connection = NULL;
    r->head_copy = NULL;
    r->asked = r->answered = false;
    if (loop->spare == NULL && !r->broken) {
        loop->spare = r;
    } else {
        throw_away(r);
    }
}

bool http1_loop_start(uv_loop_t *uv) {
    struct http1_loop *loop = calloc(1, sizeof *loop);
    if (loop == NULL ||
        (loop->executor = loop_executor_start(uv, NULL, NULL)) == NULL) {
        free(loop);
        return false;
    }
    uv->data = loop;
    loop->spare = make(loop); // or the first request makes it
    loop_executor_run(loop->executor);
    return true;
}

void http1_loop_stop(uv_loop_t *uv) {
    struct http1_loop *loop = uv->data;
    if (loop->spare != NULL) {
        throw_away(loop->spare);
    }
    loop_executor_stop(loop->executor);
    free(loop);
}

// ---- What the connection does with it ----

bool http1_request_keep_head(struct http1_request *r) {
    if (r->head_copy != NULL) {
        return true;
    }
    const char *from = r->base.method.at; // what a head begins with
    size_t size = (size_t)(r->fields.at - from) + r->fields.size;
    char *copy = malloc(size);
    if (copy == NULL) {
        return false;
    }
    memcpy(copy, from, size);
    r->base.method.at = copy;
    r->base.target.at = copy + (r->base.target.at - from);
    r->fields.at = copy + (r->fields.at - from);
    r->head_copy = copy;
    return true;
}

void http1_request_body(struct http1_request *r, struct span piece) {
    struct span *kept = &r->base.body;
    size_t room = sizeof r->body - kept->size;
    size_t n = piece.size < room ? piece.size : room;
    memcpy(r->body + kept->size, piece.at, n);
    kept->size += n;
    r->base.body_size += piece.size;
}

bool http1_request_ask(struct http1_request *r) {
    r->handle = handle(&r->base);
    r->asked = r->inside = true;
    loop_run_now(r->task);
    r->inside = false;
    return r->answered;
}

// ---- What the handler does with it: http.h ----

bool http_next_field(const struct http_request *r, size_t *at,
                     struct span *name, struct span *value) {
    struct span fields = ((const struct http1_request *)r)->fields;
    struct span rest = {fields.at + *at, fields.size - *at};
    bool found = http1_next_field(&rest, name, value);
    *at = fields.size - rest.size;
    return found;
}

// The handler is not called before it is.
enum poll_result http_request_poll(struct http_request *r,
                                   const struct waker *waker) {
    (void)r;
    (void)waker;
    return FUTURE_READY;
}

void http_respond(struct http_request *r, int status, struct span body) {
    struct http1_request *me = (struct http1_request *)r;
    me->status = status;
    me->answer = body;
    me->answered = true;
}
