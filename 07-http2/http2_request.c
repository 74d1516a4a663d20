#define _POSIX_C_SOURCE 200809L
// A request grows as its frames come in, wakes its task when it is complete, and
// holds the answer until the client has taken it.
#include "http2_request.h"

#include "decimal.h"
#include "http2_limits.h"
#include "http2_output.h"
#include "http2_session.h"
#include "http_date.h"

#include <stdlib.h>
#include <string.h>

// ---- Life ----

// The stream may close before the task is dropped, and the task may be finished
// before the answer is out. So each of them owns the request.
static void disown(struct http2_request *r) {
    struct http2_memory *m = r->headers.memory;
    if (--r->owners == 0) {
        m->calls.free(r, m);
    }
}

struct http2_request *http2_request_new(struct http2_session *s,
                                        int32_t stream) {
    struct http2_memory *m = &http2_shared(s)->memory;
    struct http2_request *r = m->calls.calloc(1, sizeof *r, m);
    if (r == NULL) {
        return NULL;
    }
    r->base.body.at = r->body;
    r->base.executor = http2_shared(s)->executor;
    r->base.is_quiet = tcp_options(s->connection)->quiet;
    r->headers.memory = m;
    r->session = s;
    r->stream = stream;
    r->owners = 1;
    r->next = s->requests;
    if (r->next != NULL) {
        r->next->previous = r;
    }
    s->requests = r;
    return r;
}

void http2_request_end(struct http2_request *r) {
    if (r->next != NULL) {
        r->next->previous = r->previous;
    }
    if (r->previous != NULL) {
        r->previous->next = r->next;
    } else {
        r->session->requests = r->next;
    }
    if (r->session->incoming == r) {
        r->session->incoming = NULL;
    }
    http2_headers_forget(&r->headers, &r->session->guard.header_text);
    r->session = NULL;
    waker_drop(&r->waker);
    if (r->task != NULL) {
        task_cancel(r->task);
        task_detach(r->task);
    }
    disown(r);
}

// ---- The task ----

struct ask {
    struct future base;
    struct http2_request *request;
    struct handle handle;
};

static enum poll_result ask_poll(struct future *self, const struct waker *waker,
                                 void *out) {
    return future_poll(&((struct ask *)self)->handle.base, waker, out);
}

// Without an answer the handler has panicked, or there was no memory for a task:
// that ends this stream, and no other.
static void ask_drop(struct future *self) {
    struct ask *me = (struct ask *)self;
    struct http2_request *r = me->request;
    future_drop(&me->handle.base);
    if (r->session != NULL && !r->answered) {
        (void)http2_reset(r->session, r->stream,
                          r->task != NULL ? NGHTTP2_INTERNAL_ERROR
                                          : NGHTTP2_REFUSED_STREAM);
    }
    disown(r);
}

void http2_request_start(struct http2_request *r) {
    static const struct future_ops ops = {sizeof(struct ask), 0, ask_poll,
                                          ask_drop};
    struct ask ask = {{&ops}, r, handle(&r->base)};
    r->owners++;
    r->task = loop_spawn(r->base.executor, &ask.base);
}

// ---- Coming in ----

void http2_request_body(struct http2_request *r, struct span piece) {
    struct span *kept = &r->base.body;
    size_t room = sizeof r->body - kept->size;
    size_t n = piece.size < room ? piece.size : room;
    http2_guard_progress(&r->session->guard, r->base.body_size,
                         r->base.body_size + piece.size);
    memcpy(r->body + kept->size, piece.at, n);
    kept->size += n;
    r->base.body_size += piece.size;
}

void http2_request_complete(struct http2_request *r) {
    r->complete = true;
    r->session->guard.got_on = true;
    waker_wake(&r->waker);
    waker_drop(&r->waker);
}

// Awaited by the handler.
enum poll_result http_request_poll(struct http_request *r,
                                   const struct waker *waker) {
    struct http2_request *me = (struct http2_request *)r;
    if (me->complete) {
        return FUTURE_READY;
    }
    waker_drop(&me->waker);
    me->waker = waker_clone(waker);
    return FUTURE_PENDING;
}

// ---- Going out ----

// nghttp2 asks for as much as the client's windows allow, so an answer of any
// length goes at the client's pace.
static ssize_t on_read_answer(nghttp2_session *nghttp2, int32_t stream,
                              uint8_t *buffer, size_t room, uint32_t *flags,
                              nghttp2_data_source *source, void *user_data) {
    (void)nghttp2;
    (void)stream;
    (void)user_data;
    struct http2_request *r = source->ptr;
    size_t n = r->answer.size < room ? r->answer.size : room;
    http2_guard_progress(&r->session->guard, r->answer.size - n,
                         r->answer.size);
    memcpy(buffer, span_cut(&r->answer, n).at, n);
    if (r->answer.size == 0) {
        *flags |= NGHTTP2_DATA_FLAG_EOF;
    }
    return (ssize_t)n;
}

void http_respond(struct http_request *base, int status, struct span body) {
    struct http2_request *r = (struct http2_request *)base;
    char code[24], length[24];
    if (r->answered) {
        return; // too late: a 408 is on its way
    }
    const nghttp2_nv headers[] = {
        http2_field(":status", decimal(code, (size_t)status)),
        http2_field("date", http_date()),
        http2_field("content-type", "text/plain"),
        http2_field("content-length", decimal(length, body.size)),
        http2_field("allow", http2_allowed), // the last: only with a 405
    };
    size_t count = sizeof headers / sizeof headers[0] - (status != 405);
    nghttp2_data_provider answer = {{.ptr = r}, on_read_answer};
    r->answer = body;
    r->answered = true;
    int error = nghttp2_submit_response(r->session->nghttp2, r->stream, headers,
                                        count, r->is_head ? NULL : &answer);
    if (error != 0) {
        tcp_abort(r->session->connection, nghttp2_strerror(error));
    }
    http2_send_soon(r->session);
}
