#define _POSIX_C_SOURCE 200809L
// From bytes to requests and back. The parser finds the requests; this file
// keeps what must be kept between two reads, and gathers the answers.
//
// What one client can make us keep, at most: one read (64 KiB) and the head
// before it (16 KiB) while output is pending, the output itself (16 KiB), and
// the fields (16 KiB) of a request whose body is on its way. In between
// requests it is nothing but the struct below.
#include "http1_connection.h"

#include "http1_answers.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    body_kept = 200, // so much of a body is shown to the handler
};

// A request whose head is here and whose body is not. The fields are copied:
// the bytes that they came in are gone when the body is complete. Freed when
// the request is answered, or with the connection.
struct upload {
    uint64_t body_size;
    size_t body_kept;
    char body[body_kept];
    size_t fields_size;
    char fields[];
};

struct http1_connection {
    struct http1_parser parser;
    struct upload *upload; // or NULL
    char *rest;            // input that the parser has not taken yet, or NULL
    size_t rest_size;
    bool stopping; // the server is: say so in the next answer
};

static http1_handler *handler; // set once, before the loops run

// ---- Answers ----

// RETURNS whether the client took it all.
static bool flush(struct tcp_connection *c, struct http1_answers *out) {
    size_t size = out->size;
    out->size = 0;
    return size == 0 || tcp_write(c, out->bytes, size);
}

// The last word on this connection: what follows in the input cannot be
// understood any more.
static void refuse(struct tcp_connection *c, struct http1_answers *out,
                   int status, const char *why) {
    fprintf(stderr, "Error serving connection: %s: %s\n",
            http1_status_text(status), why);
    char body[128];
    snprintf(body, sizeof body, "%s: %s\n", http1_status_text(status), why);
    http1_add_answer(out, &(struct http1_answer){.status = status,
                                                 .body = body,
                                                 .connection = "close"});
    flush(c, out);
    tcp_end(c);
}

// RETURNS whether another request may follow.
static bool answer(struct http1_connection *h, struct http1_answers *out,
                   const struct http1_request *request) {
    const struct http1_parser *p = &h->parser;
    bool keep_alive = p->keep_alive && !h->stopping;
    const char *connection = NULL; // in HTTP/1.1 to stay needs no word
    if (!keep_alive) {
        connection = "close";
    } else if (p->minor == 0) {
        connection = "keep-alive";
    }
    http1_add_answer(out, &(struct http1_answer){.status = 200,
                                                 .body = handler(request),
                                                 .connection = connection,
                                                 .without_body = p->is_head});
    return keep_alive;
}

// ---- Events of the parser ----

static bool keep_fields(struct http1_connection *h, struct http1_span fields) {
    h->upload = malloc(sizeof *h->upload + fields.size);
    if (h->upload == NULL) {
        return false;
    }
    h->upload->body_size = 0;
    h->upload->body_kept = 0;
    h->upload->fields_size = fields.size;
    memcpy(h->upload->fields, fields.at, fields.size);
    return true;
}

static void forget_upload(struct http1_connection *h) {
    free(h->upload);
    h->upload = NULL;
}

static void on_body(struct upload *upload, struct http1_span piece) {
    size_t room = sizeof upload->body - upload->body_kept;
    size_t n = piece.size < room ? piece.size : room;
    memcpy(upload->body + upload->body_kept, piece.at, n);
    upload->body_kept += n;
    upload->body_size += piece.size;
}

// RETURNS whether the connection goes on. part: of this request's head, if it
// has no body.
static bool on_request(struct tcp_connection *c, struct http1_answers *out,
                       const struct http1_part *part) {
    struct http1_connection *h = tcp_state(c);
    struct http1_request request = {.fields = part->fields};
    const struct upload *upload = h->upload;
    if (upload != NULL) {
        request.fields =
            (struct http1_span){upload->fields, upload->fields_size};
        request.body = (struct http1_span){upload->body, upload->body_kept};
        request.body_size = upload->body_size;
    }
    bool goes_on = answer(h, out, &request);
    forget_upload(h);
    if (!goes_on) {
        flush(c, out);
        tcp_end(c);
    }
    return goes_on;
}

// left: the input after the head. Who has sent some of the body already does
// not wait.
static bool on_head(struct tcp_connection *c, struct http1_answers *out,
                    const struct http1_part *part, size_t left) {
    struct http1_connection *h = tcp_state(c);
    if (h->parser.has_body && !keep_fields(h, part->fields)) {
        tcp_abort(c, "out of memory");
        return false;
    }
    if (h->parser.expects_continue && left == 0) {
        http1_add_continue(out);
    }
    return true;
}

// Serves what is complete in the input. RETURNS what must be kept of it: the
// beginning of a head, or all the rest if the client does not take its answers.
static struct http1_span serve(struct tcp_connection *c,
                               struct http1_span input) {
    struct http1_connection *h = tcp_state(c);
    struct http1_answers out;
    struct http1_part part = {0};
    bool goes_on = true;
    out.size = 0;
    while (goes_on) {
        if (!http1_is_busy(&h->parser) && !http1_has_room(&out) &&
            !flush(c, &out)) {
            return input;
        }
        switch (http1_next(&h->parser, &input, &part)) {
        case HTTP1_MORE:
            flush(c, &out);
            return input;
        case HTTP1_HEAD:
            goes_on = on_head(c, &out, &part, input.size);
            break;
        case HTTP1_BODY:
            on_body(h->upload, part.body);
            break;
        case HTTP1_END:
            goes_on = on_request(c, &out, &part);
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

// Silence between requests needs no word.
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
    if (!http1_is_busy(&h->parser) && h->rest == NULL) {
        tcp_end(c);
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
