#define _POSIX_C_SOURCE 200809L
// From bytes to requests and back. The parser finds the requests; this file
// keeps what must be kept between two reads, and gathers the answers.
//
// What one client can make us keep, at most: one read (64 KiB) and the head
// before it (16 KiB) while output is pending, the output itself (16 KiB), and
// the head (16 KiB) of a request whose body is on its way. In between requests
// it is nothing but the struct below.
#include "http1_connection.h"

#include "http1_answers.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    // So much of a body is shown to the handler.
    body_kept = 200,
    // A body of 64 MiB may take its time, but each piece of this size must come
    // within the request time: 2 KiB a second, if that is 30 seconds.
    body_pace = 64 * 1024,
    // When the server stops, a request may be on the wire already. So long it
    // may take to come in, in milliseconds.
    on_the_wire_ms = 200,
};

// A request whose head is here and whose body is not. The head is copied: the
// bytes that it came in are gone when the body is complete. Freed when the
// request is answered, or with the connection.
struct upload {
    struct http1_request request; // of what is kept below
    char body[body_kept];
    char head[];
};

struct http1_connection {
    struct http1_parser parser;
    struct upload *upload; // or NULL
    char *rest;            // input that the parser has not taken yet, or NULL
    size_t rest_size;
    bool timed;    // a request is under way and must come to its end in time
    bool stopping; // the server is: say so in the next answer
};

static http1_handler *handler; // set once, before the loops run

// ---- Answers ----

// What has been gathered leaves with one write. Whether the client takes it is
// for tcp_is_writable to say, before the next answer is made.
static void flush(struct tcp_connection *c, struct http1_answers *out) {
    size_t size = out->size;
    out->size = 0;
    if (size > 0) {
        tcp_write(c, out->bytes, size);
    }
}

// RETURNS false while the client does not take what it has asked for: then
// nothing more is made for it.
static bool make_room(struct tcp_connection *c, struct http1_answers *out) {
    if (!http1_has_room(out)) {
        flush(c, out);
    }
    return tcp_is_writable(c);
}

static void add_body(struct tcp_connection *c, struct http1_answers *out,
                     const char *body, size_t size) {
    if (size <= http1_longest_text) {
        http1_add_text(out, body, size);
    } else {
        flush(c, out);
        tcp_write(c, body, size);
    }
}

// The answer to HEAD has the head that GET would get, and no body.
static void add_answer(struct tcp_connection *c, struct http1_answers *out,
                       struct http1_answer answer, const char *body) {
    const struct http1_connection *h = tcp_state(c);
    answer.length = strlen(body);
    http1_add_head(out, &answer);
    if (!h->parser.is_head) {
        add_body(c, out, body, answer.length);
    }
}

// The last word on this connection: what follows in the input cannot be
// understood any more.
static void refuse(struct tcp_connection *c, struct http1_answers *out,
                   int status, const char *why) {
    const char *text = http1_status_text(status);
    char body[http1_longest_text];
    snprintf(body, sizeof body, "%s: %s", text, why);
    tcp_report(c, body);
    snprintf(body, sizeof body, "%s: %s\n", text, why);
    add_answer(c, out,
               (struct http1_answer){.status = status, .connection = "close"},
               body);
    flush(c, out);
    tcp_end(c);
}

// RETURNS whether another request may follow.
static bool answer(struct tcp_connection *c, struct http1_answers *out,
                   const struct http1_request *request) {
    const struct http1_connection *h = tcp_state(c);
    bool keep_alive = h->parser.keep_alive && !h->stopping;
    struct http1_answer ok = {.status = 200};
    if (!keep_alive) {
        ok.connection = "close";
    } else if (h->parser.minor == 0) { // in HTTP/1.1 to stay needs no word
        ok.connection = "keep-alive";
    }
    add_answer(c, out, ok, handler(request));
    return keep_alive;
}

// ---- Events of the parser ----

// The same span, in a copy of the bytes that it lies in.
static struct http1_span moved(struct http1_span s, const char *from,
                               const char *to) {
    return (struct http1_span){to + (s.at - from), s.size};
}

static struct upload *upload_new(const struct http1_head *head) {
    const char *from = head->method.at; // what a head begins with
    size_t size = (size_t)(head->fields.at - from) + head->fields.size;
    struct upload *u = malloc(sizeof *u + size);
    if (u == NULL) {
        return NULL;
    }
    memcpy(u->head, from, size);
    u->request = (struct http1_request){
        .head = {.method = moved(head->method, from, u->head),
                 .target = moved(head->target, from, u->head),
                 .fields = moved(head->fields, from, u->head)},
        .body = {u->body, 0},
    };
    return u;
}

static void forget_upload(struct http1_connection *h) {
    free(h->upload);
    h->upload = NULL;
}

// left: the input after the head. Who has sent some of the body already does
// not wait.
static bool on_head(struct tcp_connection *c, struct http1_answers *out,
                    const struct http1_head *head, size_t left) {
    struct http1_connection *h = tcp_state(c);
    if (h->parser.has_body) {
        h->upload = upload_new(head);
        if (h->upload == NULL) {
            tcp_abort(c, "out of memory");
            return false;
        }
    }
    if (h->parser.expects_continue && left == 0) {
        http1_add_continue(out);
    }
    return true;
}

// RETURNS whether it goes on at the pace that we ask for.
static bool on_body(struct upload *u, struct http1_span piece) {
    struct http1_request *r = &u->request;
    uint64_t before = r->body_size / body_pace;
    size_t room = sizeof u->body - r->body.size;
    size_t n = piece.size < room ? piece.size : room;
    memcpy(u->body + r->body.size, piece.at, n);
    r->body.size += n;
    r->body_size += piece.size;
    return r->body_size / body_pace > before;
}

// RETURNS whether the connection goes on. head: where it lies in the input, if
// there is no body.
static bool on_request(struct tcp_connection *c, struct http1_answers *out,
                       const struct http1_head *head) {
    struct http1_connection *h = tcp_state(c);
    const struct http1_request bare = {.head = *head};
    bool goes_on =
        answer(c, out, h->upload != NULL ? &h->upload->request : &bare);
    forget_upload(h);
    if (!goes_on) {
        flush(c, out);
        tcp_end(c);
    }
    return goes_on;
}

// ---- From bytes to events ----

// A byte now and then is no progress: what is under way must be complete in
// time, or go on for a good piece. While the client owes us a read instead, it
// is the TCP server that watches.
static void set_deadline(struct tcp_connection *c, bool progress) {
    struct http1_connection *h = tcp_state(c);
    bool timed = http1_is_busy(&h->parser) && tcp_is_writable(c);
    if (timed != h->timed || (timed && progress)) {
        h->timed = timed;
        tcp_set_deadline(c, timed ? tcp_options(c)->request_ms : 0);
    }
}

// Serves what is complete in the input. RETURNS what must be kept of it: the
// beginning of a head, or all the rest if the client does not take its answers.
static struct http1_span serve(struct tcp_connection *c,
                               struct http1_span input) {
    struct http1_connection *h = tcp_state(c);
    struct http1_answers out;
    struct http1_part part = {0};
    bool goes_on = true, progress = false;
    out.size = 0;
    while (goes_on) {
        if (!http1_is_busy(&h->parser) && !make_room(c, &out)) {
            set_deadline(c, progress);
            return input;
        }
        switch (http1_next(&h->parser, &input, &part)) {
        case HTTP1_MORE:
            flush(c, &out);
            set_deadline(c, progress);
            return input;
        case HTTP1_HEAD:
            goes_on = on_head(c, &out, &part.head, input.size);
            progress = true;
            break;
        case HTTP1_BODY:
            progress |= on_body(h->upload, part.body);
            break;
        case HTTP1_END:
            goes_on = on_request(c, &out, &part.head);
            progress = true;
            break;
        case HTTP1_REFUSED:
            refuse(c, &out, h->parser.status, h->parser.why);
            goes_on = false;
            break;
        }
    }
    return (struct http1_span){NULL, 0};
}

// ---- The protocol: what the TCP server calls ----

static void keep_rest(struct tcp_connection *c, struct http1_span rest) {
    struct http1_connection *h = tcp_state(c);
    if (rest.size == 0 || tcp_is_closing(c)) {
        return;
    }
    h->rest = malloc(rest.size);
    if (h->rest == NULL) {
        tcp_abort(c, "out of memory");
        return;
    }
    memcpy(h->rest, rest.at, rest.size);
    h->rest_size = rest.size;
}

// What was kept comes first, the new bytes behind it.
static void serve_rest(struct tcp_connection *c, const char *bytes,
                       size_t size) {
    struct http1_connection *h = tcp_state(c);
    size_t all = h->rest_size + size;
    char *rest = realloc(h->rest, all);
    if (rest == NULL) {
        tcp_abort(c, "out of memory");
        return;
    }
    if (size > 0) {
        memcpy(rest + h->rest_size, bytes, size);
    }
    h->rest = NULL;
    h->rest_size = 0;
    keep_rest(c, serve(c, (struct http1_span){rest, all}));
    free(rest);
}

// As a rule whole requests arrive, and are parsed where they lie.
static void on_bytes(struct tcp_connection *c, const char *bytes, size_t size) {
    const struct http1_connection *h = tcp_state(c);
    if (h->rest == NULL) {
        keep_rest(c, serve(c, (struct http1_span){bytes, size}));
    } else {
        serve_rest(c, bytes, size);
    }
}

static void on_drained(struct tcp_connection *c) {
    const struct http1_connection *h = tcp_state(c);
    if (h->rest != NULL) {
        serve_rest(c, NULL, 0);
    } else {
        set_deadline(c, true);
    }
}

static void refuse_now(struct tcp_connection *c, int status, const char *why) {
    struct http1_answers out;
    out.size = 0;
    refuse(c, &out, status, why);
}

// The client sends no more. What it has asked is answered before this.
static void on_end(struct tcp_connection *c) {
    const struct http1_connection *h = tcp_state(c);
    if (!tcp_is_writable(c)) {
        return; // called again when it is
    }
    if (http1_is_busy(&h->parser)) {
        refuse_now(c, 400, "the end in the middle of a request");
    } else {
        tcp_end(c);
    }
}

// Also when the time for a request is over. Silence between requests needs no
// word.
static void on_idle(struct tcp_connection *c) {
    const struct http1_connection *h = tcp_state(c);
    if (http1_is_busy(&h->parser)) {
        refuse_now(c, 408, "too long for one request");
    } else {
        tcp_end(c);
    }
}

// A request on its way still gets its answer, which says that it is the last.
static void on_stopping(struct tcp_connection *c) {
    struct http1_connection *h = tcp_state(c);
    h->stopping = true;
    if (!http1_is_busy(&h->parser)) {
        tcp_set_deadline(c, on_the_wire_ms);
    }
}

static void on_close(struct tcp_connection *c) {
    struct http1_connection *h = tcp_state(c);
    forget_upload(h);
    free(h->rest);
}

int http1_run(http1_handler *handle, const struct server_options *options) {
    static const struct tcp_protocol http1 = {
        .state_size = sizeof(struct http1_connection),
        .on_bytes = on_bytes,
        .on_drained = on_drained,
        .on_end = on_end,
        .on_idle = on_idle,
        .on_stopping = on_stopping,
        .on_close = on_close,
    };
    handler = handle;
    return tcp_server_run(&http1, options);
}
