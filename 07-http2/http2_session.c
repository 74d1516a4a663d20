#define _POSIX_C_SOURCE 200809L
// What the TCP server tells us about a connection. Three steps for whatever
// comes in: give all of it to nghttp2, which calls the functions of
// http2_events.c; let the executor poll the tasks that can go on; send all
// output together. Writing is the expensive part, so it comes last and once.
#include "http2_session.h"

#include "http2_end.h"
#include "http2_output.h"
#include "http2_request.h"
#include "http2_start.h"

static bool on_open(struct tcp_connection *c) {
    struct http2_session *s = tcp_state(c);
    s->connection = c;
    http2_guard_begin(s);
    return http2_start_session(s);
}

// The second step and the third.
static void run_round(struct http2_session *s) {
    http2_send_soon(s);
    loop_executor_run(http2_shared(s)->executor);
}

static void on_bytes(struct tcp_connection *c, const char *bytes, size_t size) {
    struct http2_session *s = tcp_state(c);
    if (s->guard.deaf) {
        return;
    }
    ssize_t n =
        nghttp2_session_mem_recv(s->nghttp2, (const uint8_t *)bytes, size);
    if (n == NGHTTP2_ERR_BAD_CLIENT_MAGIC) {
        http2_guard_answer_in_http1(s, (struct span){bytes, size});
        return;
    }
    http2_guard_read(s, n, size);
    if (http2_guard_is_introduced(s)) {
        run_round(s);
    }
}

static void on_drained(struct tcp_connection *c) {
    http2_send_soon(tcp_state(c));
}

static void on_eof(struct tcp_connection *c) {
    struct http2_session *s = tcp_state(c);
    s->input_ended = true;
    run_round(s); // later the loop may see nothing to stay for
}

// nghttp2 frees its streams without a word, so our requests are freed here.
static void on_close(struct tcp_connection *c) {
    struct http2_session *s = tcp_state(c);
    http2_forget_output(s);
    while (s->requests != NULL) {
        http2_request_end(s->requests);
    }
    nghttp2_session_del(s->nghttp2);
}

int http2_run(const struct server_options *options) {
    static const struct tcp_protocol http2 = {
        .state_size = sizeof(struct http2_session),
        .on_loop_start = http2_start_loop,
        .on_loop_stop = http2_stop_loop,
        .on_open = on_open,
        .on_bytes = on_bytes,
        .on_drained = on_drained,
        .on_eof = on_eof,
        .on_idle = http2_end_idle,
        .on_stopping = http2_end_stopping,
        .on_close = on_close,
    };
    return tcp_server_run(&http2, options);
}
