#define _POSIX_C_SOURCE 200809L
// From bytes to requests and back. The parser finds the requests; this file
// keeps what must be kept between two events, and gathers the answers.
//
// One request is under way at a time. While its handler awaits something, the
// connection is paused, and its client is not read; so answers stay in order.
//
// What one client can make us keep between two events, at most: one read (64 KiB)
// and the head before it (16 KiB), the head of the request under way (16 KiB), and
// a piece of output (16 KiB). In between requests it is only the struct.
#include "http1_connection.h"

#include "http1_guard.h"
#include "http1_output.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// ---- Output ----

// The last word on this connection: what follows in the input cannot be
// understood any more.
static void refuse(struct tcp_connection *c, struct http1_output *out,
                   int status, const char *why) {
    const struct http1_connection *h = tcp_state(c);
    char text[longest_text];
    int n =
        snprintf(text, sizeof text, "%s: %s", http1_status_text(status), why);
    tcp_report(c, text);
    text[n++] = '\n';
    output_add_head(out, status, (size_t)n, "close");
    if (!h->parser.is_head) {
        output_add(out, (struct span){text, (size_t)n});
    }
    output_flush(out, c);
    tcp_end(c);
}

// ---- A request ----

// RETURNS false, as who calls it does.
static bool out_of_memory(struct tcp_connection *c) {
    tcp_abort(c, "out of memory");
    return false;
}

static bool begin_request(struct tcp_connection *c,
                          const struct http1_head *head) {
    struct http1_connection *h = tcp_state(c);
    h->request = http1_request_new(c, head);
    return h->request != NULL;
}

// A body follows: the head must outlive these bytes. Who has sent some of the
// body already (left: the input after the head) does not wait for a 100.
static bool on_head(struct tcp_connection *c, struct http1_output *out,
                    const struct http1_head *head, size_t left) {
    const struct http1_connection *h = tcp_state(c);
    if (h->parser.has_body &&
        !(begin_request(c, head) && http1_request_keep_head(h->request))) {
        return out_of_memory(c);
    }
    if (h->parser.expects_continue && left == 0) {
        output_add_text(out, "HTTP/1.1 100 Continue\r\n\r\n");
    }
    return true;
}

// All of it is here. If the answer is not, http1_go_on comes when it is.
static bool on_complete(struct tcp_connection *c,
                        const struct http1_head *head) {
    const struct http1_connection *h = tcp_state(c);
    bool good =
        (h->request != NULL || begin_request(c, head)) &&
        (http1_request_ask(h->request) || http1_request_keep_head(h->request));
    return good || out_of_memory(c);
}

static void add_head(struct http1_connection *h, struct http1_output *out,
                     struct http1_request *r, bool is_stopping) {
    h->last = !h->parser.keep_alive || is_stopping;
    // In HTTP/1.1 to stay needs no word.
    output_add_head(out, r->status, r->answer.size,
                    h->last                ? "close"
                    : h->parser.minor == 0 ? "keep-alive"
                                           : NULL);
    r->status = 0;           // the head is out
    if (h->parser.is_head) { // it gets the head that GET would get, and no body
        r->answer.size = 0;
    }
}

// RETURNS false if the client does not take it yet, or must not ask again.
static bool on_answer(struct tcp_connection *c, struct http1_output *out) {
    struct http1_connection *h = tcp_state(c);
    if (!output_make_room(out, c)) {
        return false;
    }
    if (h->request->status != 0) {
        add_head(h, out, h->request, tcp_is_stopping(c));
    }
    if (!output_body(out, c, &h->request->answer)) {
        return false;
    }
    http1_request_end(h->request);
    h->request = NULL;
    if (h->last) {
        output_flush(out, c);
        tcp_end(c);
    }
    return !h->last;
}

// ---- From bytes to events ----

static bool is_at_work(const struct http1_connection *h) {
    return h->request != NULL && h->request->asked && !h->request->answered;
}

// What may happen next. RETURNS false if nothing can, for now.
static bool step(struct tcp_connection *c, struct http1_output *out,
                 struct span *input, struct http1_part *part, bool *progress) {
    struct http1_connection *h = tcp_state(c);
    if (h->request != NULL && h->request->answered) {
        return on_answer(c, out);
    }
    if (is_at_work(h) ||
        (!http1_is_busy(&h->parser) && !output_make_room(out, c))) {
        return false;
    }
    switch (http1_next(&h->parser, input, part)) {
    case HTTP1_MORE:
    case HTTP1_CARRY_ON: // never comes
        break;
    case HTTP1_HEAD:
        *progress = true;
        return on_head(c, out, &part->head, input->size);
    case HTTP1_BODY:
        *progress |= http1_guard_body(h->request, part->body.size);
        http1_request_body(h->request, part->body);
        return true;
    case HTTP1_COMPLETE:
        *progress = true;
        return on_complete(c, &part->head);
    case HTTP1_REFUSED:
        refuse(c, out, h->parser.status, h->parser.why);
        break;
    }
    return false;
}

// What was kept comes first, these bytes behind it.
static bool add_to_rest(struct tcp_connection *c, struct span bytes) {
    struct http1_connection *h = tcp_state(c);
    char *rest = realloc(h->rest, h->rest_size + bytes.size);
    if (rest == NULL) {
        return out_of_memory(c);
    }
    memcpy(rest + h->rest_size, bytes.at, bytes.size);
    h->rest = rest;
    h->rest_size += bytes.size;
    return true;
}

// Serves what is complete in the input, and keeps the rest: the beginning of a
// head, or all that follows a request whose answer is not out.
static void serve(struct tcp_connection *c, struct span input) {
    struct http1_connection *h = tcp_state(c);
    struct http1_output out;
    struct http1_part part = {0};
    bool progress = false;
    out.size = 0;
    while (step(c, &out, &input, &part, &progress)) {
    }
    output_flush(&out, c);
    if (input.size > 0 && !tcp_is_ending(c)) {
        (void)add_to_rest(c, input); // h->rest is empty here
    }
    if (is_at_work(h)) {
        tcp_pause(c);
    } else {
        tcp_resume(c);
    }
    http1_guard_heard(c, progress);
}

static void serve_rest(struct tcp_connection *c) {
    struct http1_connection *h = tcp_state(c);
    struct span rest = {h->rest, h->rest_size};
    char *owned = h->rest;
    h->rest = NULL;
    h->rest_size = 0;
    serve(c, rest);
    free(owned);
}

// ---- The protocol: what the TCP server calls ----

// As a rule whole requests arrive, and are parsed where they lie.
static void on_bytes(struct tcp_connection *c, const char *bytes, size_t size) {
    const struct http1_connection *h = tcp_state(c);
    const struct span new = {bytes, size};
    if (h->rest == NULL) {
        serve(c, new);
    } else if (add_to_rest(c, new)) {
        serve_rest(c);
    }
}

// The answer is ready. If the client does not take the one before, on_drained
// will see it.
void http1_go_on(struct tcp_connection *c) {
    if (tcp_is_writable(c)) {
        serve_rest(c);
    }
}

// Silence between requests needs no word.
void http1_end(struct tcp_connection *c, int status, const char *why) {
    const struct http1_connection *h = tcp_state(c);
    struct http1_output out;
    out.size = 0;
    if (http1_is_busy(&h->parser)) {
        refuse(c, &out, status, why);
    } else {
        tcp_end(c);
    }
}

// The client sends no more. What it has asked is answered before this.
static void on_eof(struct tcp_connection *c) {
    http1_end(c, 400, "the end in the middle of a request");
}

static void on_close(struct tcp_connection *c) {
    struct http1_connection *h = tcp_state(c);
    if (h->request != NULL) {
        http1_request_end(h->request);
    }
    free(h->rest);
}

int http1_run(const struct server_options *options) {
    static const struct tcp_protocol http1 = {
        .state_size = sizeof(struct http1_connection),
        .on_loop_start = http1_loop_start,
        .on_loop_stop = http1_loop_stop,
        .on_bytes = on_bytes,
        .on_drained = serve_rest,
        .on_eof = on_eof,
        .on_idle = http1_guard_idle,
        .on_stopping = http1_guard_stopping,
        .on_close = on_close,
    };
    return tcp_server_run(&http1, options);
}
