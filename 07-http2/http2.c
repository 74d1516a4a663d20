#define _POSIX_C_SOURCE 200809L
// Chapter 07: the greeting of chapter 06 over HTTP/2. Here the two halves of
// the workbook meet: each request is answered by a future, and the futures are
// run by an executor that lives on the libuv loop.
//
//     ./http2                serves on 127.0.0.1:3000 until Ctrl-C
//     ./http2 127.0.0.1:0    on any free port
//     ./http2 --help         more
#include "http2_session.h"
#include "server_options.h"
#include "tcp_server.h"

#include <stdio.h>
#include <stdlib.h>

// ---- async fn handle(request) ----

// The request's head is here when the future is made; its body may take a
// while. Awaiting it holds nobody up: meanwhile the loop serves the others.
struct handle {
    struct future base;
    enum { AWAIT_REQUEST, FINISHED } at;
    struct http2_stream *stream; // BORROWED; lives for longer than we do
};

static void print_request(const struct http2_request *r) {
    printf("Received a request\nHeaders: {%s}\nBody: \"%s\"", r->headers,
           r->body);
    if (r->body_size > r->shown) {
        printf("... (%llu bytes)", (unsigned long long)r->body_size);
    }
    printf("\n");
}

static void answer(struct http2_stream *stream) {
    struct http2_request request = http2_request_of(stream);
    if (!request.quiet) {
        print_request(&request);
    }
    http2_respond(stream, "Hello, World!");
}

static enum poll handle_poll(struct future *self, const struct waker *waker,
                             void *out) {
    struct handle *me = (struct handle *)self;
    (void)out;
    switch (me->at) {
    case AWAIT_REQUEST: // .await
        if (http2_request_poll(me->stream, waker) == FUTURE_PENDING) {
            return FUTURE_PENDING;
        }
        answer(me->stream);
        me->at = FINISHED;
        return FUTURE_READY;
    case FINISHED: // an executor polls no future that was ready
        break;
    }
    return FUTURE_READY;
}

static void handle_drop(struct future *self) {
    free(self);
}

static const struct future_ops handle_ops = {handle_poll, handle_drop};

static struct future *handle(struct http2_stream *stream) {
    struct handle *me = malloc(sizeof *me);
    if (me == NULL) {
        return NULL;
    }
    *me = (struct handle){{&handle_ops}, AWAIT_REQUEST, stream};
    return &me->base;
}

int main(int argc, char **argv) {
    static const struct server_act acts[] = {
        {"hello", "greets every request"},
    };
    struct server_options options;
    int status = server_options_parse(&options, argc, argv, "http2", 3000, acts,
                                      sizeof acts / sizeof acts[0]);
    if (status >= 0) {
        return status;
    }
    const struct tcp_protocol *protocol = http2_protocol(handle);
    if (protocol == NULL) {
        fprintf(stderr, "http2: out of memory\n");
        return EXIT_FAILURE;
    }
    status = tcp_server_run(protocol, &options);
    http2_protocol_free();
    return status;
}
