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
    struct http_request *request; // freed with us
};

// Also polled when nobody asks: a wake may come late.
static enum poll_result ask_poll(struct future *self, const struct waker *waker,
                                 void *out) {
    struct http_request *r = ((struct ask *)self)->request;
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
    struct http_request *r = ((struct ask *)self)->request;
    if (r->connection == NULL) {
        free(r);
        return;
    }
    r->broken = true;
    tcp_abort(r->connection, "the handler panicked");
}

static struct http_request *make(struct http1_loop *loop) {
    static const struct future_ops ops = {sizeof(struct ask), 0, ask_poll,
                                          ask_drop};
    struct ask ask = {{&ops}, calloc(1, sizeof *ask.request)};
    if (ask.request == NULL) {
        return NULL;
    }
    struct task *task = loop_spawn(loop->executor, &ask.base);
    if (task == NULL) {
        return NULL; // and ask_drop has freed the request
    }
    ask.request->task = task;
    return ask.request;
}

// ---- Life ----

static struct http1_loop *loop_of(const struct tcp_connection *c) {
    return tcp_loop(c)->data;
}

struct http_request *http1_request_new(struct tcp_connection *c) {
    struct http1_loop *loop = loop_of(c);
    struct http_request *r = loop->spare != NULL ? loop->spare : make(loop);
    loop->spare = NULL;
    if (r != NULL) {
        r->connection = c;
    }
    return r;
}

static void throw_away(struct http_request *r) {
    struct task *t = r->task;
    if (r->broken) {
        free(r);
    }
    task_cancel(t);
    task_detach(t);
}

// Half way, too: what the handler awaits is abandoned.
void http1_request_end(struct http_request *r) {
    struct http1_loop *loop = loop_of(r->connection);
    if (r->asked) {
        future_drop(&r->handle.base);
    }
    free(r->head_copy);
    r->connection = NULL;
    r->head_copy = NULL;
    r->body_size = 0;
    r->asked = r->answered = false;
    if (loop->spare == NULL && !r->broken) {
        loop->spare = r;
    } else {
        throw_away(r);
    }
}

bool http1_loop_start(uv_loop_t *uv) {
    struct http1_loop *loop = calloc(1, sizeof *loop);
    if (loop == NULL) {
        return false;
    }
    loop->executor = loop_executor_start(uv, NULL, NULL);
    if (loop->executor == NULL) {
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

// The same span, in a copy of the bytes that it lies in.
static struct span moved(struct span s, const char *from, const char *to) {
    return (struct span){to + (s.at - from), s.size};
}

bool http1_request_keep_head(struct http_request *r) {
    struct http1_head *head = &r->head;
    const char *from = head->method.at; // what a head begins with
    size_t size = (size_t)(head->fields.at - from) + head->fields.size;
    char *copy = malloc(size);
    if (copy == NULL) {
        return false;
    }
    memcpy(copy, from, size);
    r->head = (struct http1_head){moved(head->method, from, copy),
                                  moved(head->target, from, copy),
                                  moved(head->fields, from, copy)};
    r->head_copy = copy;
    return true;
}

void http1_request_body(struct http_request *r, struct span piece) {
    size_t kept = http_body(r).size, room = sizeof r->body - kept;
    memcpy(r->body + kept, piece.at, piece.size < room ? piece.size : room);
    r->body_size += piece.size;
}

bool http1_request_ask(struct http_request *r) {
    r->handle = handle(r);
    r->asked = r->inside = true;
    loop_run_now(r->task);
    r->inside = false;
    return r->answered;
}

// ---- What the handler does with it: http.h ----

struct span http_method(const struct http_request *r) {
    return r->head.method;
}

struct span http_target(const struct http_request *r) {
    return r->head.target;
}

bool http_next_field(const struct http_request *r, size_t *at,
                     struct span *name, struct span *value) {
    struct span fields = r->head.fields;
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

struct span http_body(const struct http_request *r) {
    return (struct span){
        r->body, r->body_size < sizeof r->body ? r->body_size : sizeof r->body};
}

uint64_t http_body_size(const struct http_request *r) {
    return r->body_size;
}

void http_respond(struct http_request *r, int status, struct span body) {
    r->status = status;
    r->answer = body;
    r->answered = true;
}

struct loop_executor *http_executor(const struct http_request *r) {
    return loop_of(r->connection)->executor;
}

bool http_is_quiet(const struct http_request *r) {
    return tcp_options(r->connection)->quiet;
}
