#define _POSIX_C_SOURCE 200809L
// What the TCP server tells us about a connection. Three steps for whatever
// comes in: give all of it to nghttp2, which calls the functions of
// http2_events.c; let the executor poll the futures that can go on; send all
// output together. Writing is the expensive part, so it comes last and once.
#include "http2_session.h"
#include "http2_events.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// The words that a client says first, RFC 9113 section 3.4.
enum { preface_size = 24 };

static http2_handler *handler;
static nghttp2_session_callbacks *callbacks;
static nghttp2_option *nghttp2_options;

struct http2_loop *http2_loop_of(const struct http2_session *s) {
    return tcp_loop(s->connection)->data;
}

bool http2_is_working(const struct http2_session *s) {
    const struct http2_request *r = s->requests;
    while (r != NULL && (!r->complete || r->answered)) {
        r = r->next;
    }
    return r != NULL;
}

// ---- The life of a connection ----

static bool on_open(struct tcp_connection *c) {
    static const nghttp2_settings_entry settings[] = {
        {NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, max_requests},
        {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, max_headers},
        {NGHTTP2_SETTINGS_NO_RFC7540_PRIORITIES, 1},
    };
    struct http2_session *s = tcp_state(c);
    s->connection = c;
    s->is_timed = true; // it must introduce itself
    tcp_set_deadline(c, tcp_options(c)->request_ms);
    http2_patience_begin(&s->patience, uv_now(tcp_loop(c)));
    return nghttp2_session_server_new3(&s->nghttp2, callbacks, s,
                                       nghttp2_options,
                                       &http2_loop_of(s)->memory.calls) == 0 &&
           nghttp2_submit_settings(s->nghttp2, NGHTTP2_FLAG_NONE, settings,
                                   sizeof settings / sizeof settings[0]) == 0;
}

// A client that speaks HTTP/1, such as a browser, gets an answer that it can
// show.
static void answer_in_http1(struct tcp_connection *c) {
    static const char form[] =
        "HTTP/1.1 505 HTTP Version Not Supported\r\n"
        "Content-Type: text/plain\r\n"
        "Connection: close\r\n\r\n"
        "This server speaks HTTP/2 without TLS. Browsers speak HTTP/2 only\n"
        "over TLS. Ask it like this:\n\n"
        "    curl --http2-prior-knowledge http://%s%s%s:%d/\n";
    const char *host = tcp_options(c)->host;
    const char *open = strchr(host, ':') != NULL ? "[" : ""; // IPv6
    const char *close = open[0] == '[' ? "]" : "";
    char answer[sizeof form + 128];
    int n =
        snprintf(answer, sizeof answer, form, open, host, close, tcp_port(c));
    tcp_report(c, "the client does not speak HTTP/2");
    tcp_write(c, answer, (size_t)n);
    tcp_end(c);
}

// nghttp2 cannot go on after an error that it returns, but it can still say
// goodbye and why.
static void hear_no_more(struct http2_session *s, ssize_t error) {
    bool ours =
        error == NGHTTP2_ERR_NOMEM || error == NGHTTP2_ERR_CALLBACK_FAILURE;
    s->deaf = true;
    // Does nothing if a reason was given before.
    nghttp2_session_terminate_session(
        s->nghttp2, ours ? NGHTTP2_INTERNAL_ERROR : NGHTTP2_ENHANCE_YOUR_CALM);
}

// The second step and the third.
static void run_round(struct http2_session *s) {
    http2_send_soon(s);
    uv_executor_run(http2_loop_of(s)->executor);
}

static void on_bytes(struct tcp_connection *c, const char *bytes, size_t size) {
    struct http2_session *s = tcp_state(c);
    if (s->deaf) {
        return;
    }
    s->noticed = false;
    ssize_t n =
        nghttp2_session_mem_recv(s->nghttp2, (const uint8_t *)bytes, size);
    if (n == NGHTTP2_ERR_BAD_CLIENT_MAGIC) {
        answer_in_http1(c);
        return;
    }
    if (n < 0) {
        hear_no_more(s, n);
    } else if (!s->noticed &&
               !http2_patience_lose(&s->patience, uv_now(tcp_loop(c)), 1)) {
        hear_no_more(s, NGHTTP2_ERR_FLOODED);
    }
    size_t received = s->received + size;
    s->received = received < preface_size ? (uint8_t)received : preface_size;
    if (s->received == preface_size) { // before that we say nothing
        run_round(s);
    }
}

static void on_drained(struct tcp_connection *c) {
    http2_send_soon(tcp_state(c));
}

static void on_end(struct tcp_connection *c) {
    struct http2_session *s = tcp_state(c);
    s->input_ended = true;
    if (s->received < preface_size) {
        tcp_end(c);
    } else {
        run_round(s); // later the loop may see nothing to stay for
    }
}

// A client that waits for us is not idle.
static void on_idle(struct tcp_connection *c) {
    struct http2_session *s = tcp_state(c);
    s->is_timed = false;
    if (s->received < preface_size) {
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
    if (s->received < preface_size) {
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
        http2_request_free(s->requests);
    }
    nghttp2_session_del(s->nghttp2);
}

// ---- Start and stop ----

// The executor calls this when it has polled whatever could go on.
static void after_round(void *data) {
    struct http2_loop *loop = data;
    http2_send_all(&loop->outbox);
}

static bool on_loop_start(uv_loop_t *uv) {
    struct http2_loop *loop = calloc(1, sizeof *loop);
    if (loop == NULL) {
        return false;
    }
    loop->executor = uv_executor_start(uv, after_round, loop);
    if (loop->executor == NULL) {
        free(loop);
        return false;
    }
    loop->handler = handler;
    http2_memory_begin(&loop->memory);
    uv->data = loop;
    return true;
}

static void on_loop_stop(uv_loop_t *uv) {
    struct http2_loop *loop = uv->data;
    uv_executor_stop(loop->executor);
    http2_memory_end(&loop->memory);
    free(loop);
}

static bool make_callbacks(void) {
    if (nghttp2_session_callbacks_new(&callbacks) != 0 ||
        nghttp2_option_new(&nghttp2_options) != 0) {
        return false;
    }
    http2_events_register(callbacks);
    // Only trees of priorities need streams that are closed.
    nghttp2_option_set_no_closed_streams(nghttp2_options, 1);
    // How many resets are too many is for our patience to say, not for each
    // version of nghttp2.
    nghttp2_option_set_stream_reset_rate_limit(nghttp2_options, UINT64_MAX,
                                               UINT64_MAX);
    return true;
}

int http2_run(http2_handler *h, const struct server_options *options) {
    static const struct tcp_protocol http2 = {
        .state_size = sizeof(struct http2_session),
        .on_loop_start = on_loop_start,
        .on_loop_stop = on_loop_stop,
        .on_open = on_open,
        .on_bytes = on_bytes,
        .on_drained = on_drained,
        .on_end = on_end,
        .on_idle = on_idle,
        .on_stopping = on_stopping,
        .on_close = on_close,
    };
    int status = EXIT_FAILURE;
    handler = h;
    if (make_callbacks()) {
        status = tcp_server_run(&http2, options);
    } else {
        fprintf(stderr, "%s: out of memory\n", options->program);
    }
    nghttp2_option_del(nghttp2_options);
    nghttp2_session_callbacks_del(callbacks);
    return status;
}
