#define _POSIX_C_SOURCE 200809L
// Chapter 06: an HTTP/1.1 server. It prints each request and greets whoever
// asks, whatever the method and the path. New against chapter 05: the bytes
// mean something, so they go through a parser.
//
//     ./http1                serves on 127.0.0.1:3000 until Ctrl-C
//     ./http1 127.0.0.1:0    on any free port
//     ./http1 --help         more
#include "http1_parser.h"
#include "server_options.h"
#include "tcp_server.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
    body_shown = 200,        // so much of a body is printed
    output_size = 16 * 1024, // answers gathered for one write
    longest_answer = 512,    // every answer here is shorter
};

// ---- Answers, gathered: one write for a batch of requests ----

struct output {
    size_t size;
    char bytes[output_size];
};

// RFC 9110 section 6.6.1 wants a date; making the text anew once a second is
// enough. Each loop has a thread of its own, and so a text of its own.
static const char *date(void) {
    static _Thread_local time_t made;
    static _Thread_local char text[40];
    time_t now = time(NULL);
    struct tm tm;
    if (now != made && gmtime_r(&now, &tm) != NULL) {
        strftime(text, sizeof text, "%a, %d %b %Y %H:%M:%S GMT", &tm);
        made = now;
    }
    return text;
}

static void add(struct output *out, const char *text) {
    size_t n = strlen(text);
    memcpy(out->bytes + out->size, text, n);
    out->size += n;
}

static const char *reason(int status) {
    switch (status) {
    case 200:
        return "200 OK";
    case 408:
        return "408 Request Timeout";
    case 413:
        return "413 Content Too Large";
    case 414:
        return "414 URI Too Long";
    case 417:
        return "417 Expectation Failed";
    case 431:
        return "431 Request Header Fields Too Large";
    case 501:
        return "501 Not Implemented";
    case 505:
        return "505 HTTP Version Not Supported";
    default:
        return "400 Bad Request";
    }
}

static void add_answer(struct output *out, int status, const char *body,
                       bool with_body, const char *connection) {
    char length[32];
    snprintf(length, sizeof length, "%zu", strlen(body));
    add(out, "HTTP/1.1 ");
    add(out, reason(status));
    add(out, "\r\nDate: ");
    add(out, date());
    add(out, "\r\nContent-Type: text/plain\r\nContent-Length: ");
    add(out, length);
    add(out, connection);
    add(out, "\r\n\r\n");
    if (with_body) {
        add(out, body);
    }
}

// ---- A request on its way in ----

struct exchange {
    struct http1_parser parser;
    bool in_body;
    bool continued;     // the client was told to send the body
    size_t head_size;   // bytes of the head that are kept in `head`
    size_t shown;       // bytes of the body that are kept in `body`
    uint64_t body_size; // bytes of the body so far
    char body[body_shown];
    char head[http1_max_head]; // last, so that a copy can leave the rest out
};

struct greeter {
    struct exchange *saved; // a request that is not complete, or NULL
    char *rest;             // input that waits until output is out, or NULL
    size_t rest_size;
    bool last; // the server is stopping: say so in the answer
};

static void exchange_init(struct exchange *x) {
    http1_parser_init(&x->parser);
    memset(&x->in_body, 0,
           offsetof(struct exchange, body) -
               offsetof(struct exchange, in_body));
}

// ---- handle(request): print it, greet ----

// What a client sends may hold anything, also what a terminal obeys. So only
// printable ASCII is printed as it is.
static void print_escaped(const char *bytes, size_t size) {
    for (size_t i = 0; i < size; i++) {
        unsigned char c = (unsigned char)bytes[i];
        if (c == '\\' || c == '"') {
            printf("\\%c", c);
        } else if (c >= ' ' && c < 127) {
            putchar(c);
        } else {
            printf("\\x%02x", c);
        }
    }
}

static void print_span(const char *head, struct http1_span span) {
    print_escaped(head + span.at, span.length);
}

static void print_request(const struct exchange *x, const char *head) {
    const struct http1_request *r = &x->parser.request;
    printf("Received a request\nHeaders: {");
    for (unsigned i = 0; i < r->header_count; i++) {
        printf(i == 0 ? "\"" : ", \"");
        print_span(head, r->headers[i].name);
        printf("\": \"");
        print_span(head, r->headers[i].value);
        printf("\"");
    }
    printf("}\nBody: \"");
    print_escaped(x->body, x->shown);
    printf("\"");
    if (x->body_size > x->shown) {
        printf("... (%llu bytes)", (unsigned long long)x->body_size);
    }
    printf("\n");
}

// RETURNS whether another request may follow.
static bool greet(struct tcp_connection *c, const struct exchange *x,
                  const char *head, struct output *out) {
    const struct http1_request *r = &x->parser.request;
    const struct greeter *me = tcp_state(c);
    if (!tcp_options(c)->quiet) {
        print_request(x, head);
    }
    bool keep_alive = r->keep_alive && !me->last;
    const char *connection = "";
    if (!keep_alive) {
        connection = "\r\nConnection: close";
    } else if (r->minor_version == 0) {
        connection = "\r\nConnection: keep-alive";
    }
    add_answer(out, 200, "Hello, World!", !r->is_head, connection);
    return keep_alive;
}

static void refuse(struct output *out, int status) {
    char body[64];
    snprintf(body, sizeof body, "%s\n", reason(status));
    add_answer(out, status, body, true, "\r\nConnection: close");
}

// ---- Feeding bytes to an exchange ----

enum progress { MORE, COMPLETE, LAST };

// The head. While it is incomplete its bytes are kept in x->head; a head that
// arrives in one piece is parsed where it lies. *head says where that is.
static int feed_head(struct exchange *x, const char *bytes, size_t size,
                     size_t *used, const char **head) {
    size_t before = x->head_size;
    if (before == 0) {
        *head = bytes;
    } else {
        size_t room = sizeof x->head - before;
        size = size < room ? size : room;
        memcpy(x->head + before, bytes, size);
        *head = x->head;
    }
    int result = http1_parse_head(&x->parser, *head, before + size);
    if (result > 0) {
        *used = (size_t)result - before;
        x->head_size = (size_t)result;
        x->in_body = true;
        return x->parser.request.is_connect ? -501 : 0;
    }
    *used = size;
    x->head_size = before + size;
    if (result == 0 && x->head_size == sizeof x->head) {
        return -431;
    }
    if (result == 0 && before == 0) {
        memcpy(x->head, bytes, size);
    }
    return result;
}

// RETURNS 1 at the end of the body, 0, or minus a status.
static int feed_body(struct exchange *x, const char *bytes, size_t size,
                     size_t *used) {
    size_t taken = 0;
    int result = 0;
    do {
        const char *data;
        size_t n, data_size;
        result = http1_parse_body(&x->parser, bytes + taken, size - taken, &n,
                                  &data, &data_size);
        taken += n;
        size_t room = sizeof x->body - x->shown;
        size_t shown = data_size < room ? data_size : room;
        memcpy(x->body + x->shown, data, shown);
        x->shown += shown;
        x->body_size += data_size;
    } while (result == 0 && taken < size);
    *used += taken;
    return result;
}

// A client that asks first gets its word before the body is read.
static void maybe_continue(struct exchange *x, size_t left,
                           struct output *out) {
    if (x->parser.request.expect_continue && !x->continued && left == 0) {
        add(out, "HTTP/1.1 100 Continue\r\n\r\n");
    }
    x->continued = true;
}

static enum progress feed(struct tcp_connection *c, struct exchange *x,
                          const char *bytes, size_t size, size_t *used,
                          struct output *out) {
    const char *head = x->head;
    int result = 0;
    *used = 0;
    bool head_is_ours = x->in_body;
    if (!x->in_body) {
        result = feed_head(x, bytes, size, used, &head);
        head_is_ours = head == x->head;
    }
    if (result == 0 && x->in_body) {
        maybe_continue(x, size - *used, out);
        result = feed_body(x, bytes + *used, size - *used, used);
    }
    if (result < 0) {
        refuse(out, -result);
        return LAST;
    }
    if (result == 0) {
        if (x->in_body && !head_is_ours) {
            memcpy(x->head, head, x->head_size); // the headers, for printing
        }
        return MORE;
    }
    return greet(c, x, head, out) ? COMPLETE : LAST;
}

// ---- The protocol: what the TCP server calls ----

// RETURNS whether the client took it all.
static bool flush(struct tcp_connection *c, struct output *out) {
    size_t size = out->size;
    out->size = 0;
    return size == 0 || tcp_write(c, out->bytes, size);
}

// A copy of the rest: the buffer belongs to the loop and is used again. It is
// smaller than one read, which bounds what a client can make us keep.
static bool keep_rest(struct tcp_connection *c, const char *bytes,
                      size_t size) {
    struct greeter *me = tcp_state(c);
    me->rest = malloc(size);
    if (me->rest == NULL) {
        tcp_abort(c, "out of memory");
        return false;
    }
    memcpy(me->rest, bytes, size);
    me->rest_size = size;
    return true;
}

// Between two reads a request that is not complete lives on the heap; one that
// comes in one piece never does.
static void keep_exchange(struct tcp_connection *c, const struct exchange *x) {
    struct greeter *me = tcp_state(c);
    me->saved = malloc(sizeof *x);
    if (me->saved == NULL) {
        tcp_abort(c, "out of memory");
        return;
    }
    memcpy(me->saved, x, offsetof(struct exchange, head) + x->head_size);
}

static void forget_exchange(struct greeter *me) {
    free(me->saved);
    me->saved = NULL;
}

// The answers of one batch leave in one write: a write costs more than all the
// rest of a request.
static void on_bytes(struct tcp_connection *c, const char *bytes, size_t size) {
    struct greeter *me = tcp_state(c);
    struct exchange fresh, *x = me->saved;
    struct output out = {0};
    enum progress progress = COMPLETE;
    while (size > 0 && progress != LAST) {
        size_t used;
        if (out.size > output_size - 2 * longest_answer && !flush(c, &out)) {
            break;
        }
        if (x == NULL) {
            x = &fresh;
            exchange_init(x);
        }
        progress = feed(c, x, bytes, size, &used, &out);
        bytes += used;
        size -= used;
        if (progress == COMPLETE) {
            forget_exchange(me);
            x = NULL;
        }
    }
    if (x == &fresh && progress == MORE) {
        keep_exchange(c, x);
    }
    flush(c, &out);
    if (progress == LAST) {
        tcp_end(c);
    } else if (size > 0 && !tcp_is_closing(c)) {
        keep_rest(c, bytes, size);
    }
}

static void on_drained(struct tcp_connection *c) {
    struct greeter *me = tcp_state(c);
    char *rest = me->rest;
    me->rest = NULL;
    if (rest != NULL) {
        on_bytes(c, rest, me->rest_size);
        free(rest);
    }
}

// The client sends no more. What it has asked is answered first.
static void on_end(struct tcp_connection *c) {
    const struct greeter *me = tcp_state(c);
    if (me->rest == NULL) {
        tcp_end(c);
    }
}

// Silence in the middle of a request gets a word, silence between two none.
static void on_idle(struct tcp_connection *c) {
    const struct greeter *me = tcp_state(c);
    if (me->saved != NULL) {
        struct output out = {0};
        refuse(&out, 408);
        flush(c, &out);
    }
    tcp_end(c);
}

// Who is in the middle of a request still gets its answer, and it says that it
// is the last.
static void on_stopping(struct tcp_connection *c) {
    struct greeter *me = tcp_state(c);
    me->last = true;
    if (me->saved == NULL && me->rest == NULL) {
        tcp_end(c);
    }
}

static void on_close(struct tcp_connection *c) {
    struct greeter *me = tcp_state(c);
    forget_exchange(me);
    free(me->rest);
}

int main(int argc, char **argv) {
    static const struct server_act acts[] = {
        {"hello", "greets every request"},
    };
    static const struct tcp_protocol http1 = {
        .state_size = sizeof(struct greeter),
        .on_bytes = on_bytes,
        .on_drained = on_drained,
        .on_end = on_end,
        .on_idle = on_idle,
        .on_stopping = on_stopping,
        .on_close = on_close,
    };
    struct server_options options;
    int status = server_options_parse(&options, argc, argv, "http1", 3000, acts,
                                      sizeof acts / sizeof acts[0]);
    return status >= 0 ? status : tcp_server_run(&http1, &options);
}
