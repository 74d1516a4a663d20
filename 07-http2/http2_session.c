#define _POSIX_C_SOURCE 200809L
// What the TCP server tells us about a connection. Three steps for whatever
// comes in: give all of it to nghttp2, which calls the functions of
// http2_events.c; let the executor poll the tasks that can go on; send all
// output together. Writing is the expensive part, so it comes last and once.
#include "http2_session.h"

#include "http2_events.h"
#include "http2_limits.h"
#include "http2_output.h"
#include "http2_request.h"

#include <stdio.h>
#include <stdlib.h>

static nghttp2_session_callbacks *callbacks;
static nghttp2_option *nghttp2_options;

// ---- The life of a connection ----

static bool on_open(struct tcp_connection *c) {
    static const nghttp2_settings_entry settings[] = {
        {NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, max_requests},
        {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, max_headers},
        {NGHTTP2_SETTINGS_NO_RFC7540_PRIORITIES, 1},
    };
    struct http2_session *s = tcp_state(c);
    s->connection = c;
    http2_guard_begin(s);
    return nghttp2_session_server_new3(&s->nghttp2, callbacks, s,
                                       nghttp2_options,
                                       &http2_shared(s)->memory.calls) == 0 &&
           nghttp2_submit_settings(s->nghttp2, NGHTTP2_FLAG_NONE, settings,
                                   sizeof settings / sizeof settings[0]) == 0;
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
        http2_guard_answer_in_http1(s);
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
    if (!http2_guard_is_introduced(s)) {
        tcp_end(c);
    } else {
        run_round(s); // later the loop may see nothing to stay for
    }
}

// A client that waits for us is not idle.
static void on_idle(struct tcp_connection *c) {
    struct http2_session *s = tcp_state(c);
    s->guard.is_timed = false;
    if (!http2_guard_is_introduced(s)) {
        tcp_end(c);
    } else if (!http2_is_working(s)) {
        nghttp2_session_terminate_session(s->nghttp2, NGHTTP2_NO_ERROR);
        http2_send_soon(s);
    }
}

// GOAWAY names the last request that we have seen. The client may send later
// ones elsewhere; those before it get their answers. It leaves at once: a
// request that is read before would be later than the last, and yet answered.
static void on_stopping(struct tcp_connection *c) {
    struct http2_session *s = tcp_state(c);
    if (!http2_guard_is_introduced(s)) {
        tcp_end(c);
        return;
    }
    nghttp2_submit_goaway(s->nghttp2, NGHTTP2_FLAG_NONE,
                          nghttp2_session_get_last_proc_stream_id(s->nghttp2),
                          NGHTTP2_NO_ERROR, NULL, 0);
    http2_send_now(s);
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

// ---- Start and stop ----

// The executor calls this when it has polled whatever could go on.
static void after_round(void *shared) {
    http2_send_all(shared);
}

static bool on_loop_start(uv_loop_t *loop) {
    struct http2_shared *shared = calloc(1, sizeof *shared);
    if (shared == NULL) {
        return false;
    }
    shared->executor = loop_executor_start(loop, after_round, shared);
    if (shared->executor == NULL) {
        free(shared);
        return false;
    }
    http2_memory_begin(&shared->memory);
    loop->data = shared;
    return true;
}

static void on_loop_stop(uv_loop_t *loop) {
    struct http2_shared *shared = loop->data;
    loop_executor_stop(shared->executor);
    http2_memory_end(&shared->memory);
    free(shared);
}

static bool make_callbacks(void) {
    if (nghttp2_session_callbacks_new(&callbacks) != 0 ||
        nghttp2_option_new(&nghttp2_options) != 0) {
        return false;
    }
    http2_events_register(callbacks);
    http2_guard_register(callbacks);
    // Only trees of priorities need streams that are closed.
    nghttp2_option_set_no_closed_streams(nghttp2_options, 1);
    // How many resets are too many is for our guard to say, not for each
    // version of nghttp2.
    nghttp2_option_set_stream_reset_rate_limit(nghttp2_options, UINT64_MAX,
                                               UINT64_MAX);
    return true;
}

int http2_run(const struct server_options *options) {
    static const struct tcp_protocol http2 = {
        .state_size = sizeof(struct http2_session),
        .on_loop_start = on_loop_start,
        .on_loop_stop = on_loop_stop,
        .on_open = on_open,
        .on_bytes = on_bytes,
        .on_drained = on_drained,
        .on_eof = on_eof,
        .on_idle = on_idle,
        .on_stopping = on_stopping,
        .on_close = on_close,
    };
    int status = EXIT_FAILURE;
    if (make_callbacks()) {
        status = tcp_server_run(&http2, options);
    } else {
        fprintf(stderr, "%s: out of memory\n", options->program);
    }
    nghttp2_option_del(nghttp2_options);
    nghttp2_session_callbacks_del(callbacks);
    return status;
}
