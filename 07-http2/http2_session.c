#define _POSIX_C_SOURCE 200809L
// One connection, many requests. Three steps for whatever comes in: give all of
// it to nghttp2; let the executor poll the futures that can go on; send all
// output together. Writing is the expensive part, so it comes last and once.
#include "http2_session.h"
#include "uv_executor.h"

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

static struct http2_request *request_of(nghttp2_session *nghttp2,
                                        int32_t stream) {
    return nghttp2_session_get_stream_user_data(nghttp2, stream);
}

bool http2_is_working(const struct http2_session *s) {
    const struct http2_request *r = s->requests;
    while (r != NULL && (!r->complete || r->answered)) {
        r = r->next;
    }
    return r != NULL;
}

// ---- Patience ----

// Returns what a callback of nghttp2 returns: a failure makes it stop at once.
static int lose_patience(struct http2_session *s, int cost) {
    uint64_t now = uv_now(tcp_loop(s->connection));
    if (http2_patience_lose(&s->patience, now, cost)) {
        return 0;
    }
    nghttp2_session_terminate_session(s->nghttp2, NGHTTP2_ENHANCE_YOUR_CALM);
    return NGHTTP2_ERR_CALLBACK_FAILURE;
}

static int on_begin_frame(nghttp2_session *nghttp2,
                          const nghttp2_frame_hd *frame, void *user_data) {
    (void)nghttp2;
    // DATA counts only if nothing is in it, see on_frame.
    return frame->type == NGHTTP2_DATA ? 0 : lose_patience(user_data, 1);
}

// ---- What nghttp2 tells us, the first step ----

// A new request, unless it is one too many: nghttp2 refuses that by itself. The
// fields of a list come one after another, and no other frame between them.
static int on_begin_headers(nghttp2_session *nghttp2,
                            const nghttp2_frame *frame, void *user_data) {
    struct http2_session *s = user_data;
    if (frame->headers.cat != NGHTTP2_HCAT_REQUEST) {
        s->incoming = request_of(nghttp2, frame->hd.stream_id);
        if (s->incoming != NULL) {
            s->incoming->in_trailers = true;
        }
        return 0;
    }
    s->incoming = http2_request_new(s, frame->hd.stream_id);
    if (s->incoming == NULL) {
        return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE; // resets the stream
    }
    http2_patience_regain(&s->patience, 1); // what the frame has cost
    return nghttp2_session_set_stream_user_data(nghttp2, frame->hd.stream_id,
                                                s->incoming);
}

static int reset(struct http2_session *s, int32_t stream, uint32_t why) {
    return nghttp2_submit_rst_stream(s->nghttp2, NGHTTP2_FLAG_NONE, stream,
                                     why);
}

static int on_header(nghttp2_session *nghttp2, const nghttp2_frame *frame,
                     const uint8_t *name, size_t name_size,
                     const uint8_t *value, size_t value_size, uint8_t flags,
                     void *user_data) {
    struct http2_session *s = user_data;
    struct http2_request *r = s->incoming;
    (void)nghttp2;
    (void)frame;
    (void)flags;
    if (r == NULL) {
        return 0;
    }
    bool was_too_large = r->is_too_large;
    uint32_t why = http2_request_header(r, name, name_size, value, value_size);
    if (r->is_too_large && !was_too_large &&
        lose_patience(s, patience_per_large_list) != 0) {
        return NGHTTP2_ERR_CALLBACK_FAILURE;
    }
    if (why == NGHTTP2_NO_ERROR) {
        return 0;
    }
    int error = reset(s, r->stream, why);
    return error != 0 ? error : NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
}

// The headers are here, and the request's future begins its life.
static int start_future(struct http2_session *s, struct http2_request *r) {
    static const char no_proxy[] = "CONNECT, but this is no proxy\n";
    static const char too_large[] = "Header list over 16 KiB\n";
    if (r->is_connect) {
        http2_respond(r, "501", no_proxy, sizeof no_proxy - 1);
        return 0;
    }
    if (r->is_too_large) {
        http2_respond(r, "431", too_large, sizeof too_large - 1);
        return 0;
    }
    struct future *future = handler(r);
    if (future != NULL) {
        r->task = uv_execute(http2_loop_of(s)->executor, future);
    }
    return r->task != NULL ? 0 : reset(s, r->stream, NGHTTP2_REFUSED_STREAM);
}

static int on_frame(nghttp2_session *nghttp2, const nghttp2_frame *frame,
                    void *user_data) {
    struct http2_request *r = request_of(nghttp2, frame->hd.stream_id);
    bool is_data = frame->hd.type == NGHTTP2_DATA;
    bool is_headers = frame->hd.type == NGHTTP2_HEADERS;
    bool is_last = (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;
    int error = 0;
    if (is_data && !is_last && frame->hd.length == frame->data.padlen) {
        error = lose_patience(user_data, 1); // nothing in it
    }
    if (r != NULL && is_headers && frame->headers.cat == NGHTTP2_HCAT_REQUEST) {
        error = start_future(user_data, r);
    }
    if (r != NULL && is_last && (is_headers || is_data)) {
        http2_request_complete(r);
    }
    return error;
}

static int on_data(nghttp2_session *nghttp2, uint8_t flags, int32_t stream,
                   const uint8_t *bytes, size_t size, void *user_data) {
    struct http2_request *r = request_of(nghttp2, stream);
    (void)flags;
    if (r == NULL || http2_request_body(r, bytes, size)) {
        return 0;
    }
    return reset(user_data, stream, NGHTTP2_REFUSED_STREAM);
}

// Answered, or reset by the client: then its future is dropped half way.
static int on_stream_close(nghttp2_session *nghttp2, int32_t stream,
                           uint32_t error, void *user_data) {
    struct http2_request *r = request_of(nghttp2, stream);
    struct http2_session *s = user_data;
    (void)error;
    s->got_on = true;
    if (r != NULL) {
        http2_request_free(r);
    }
    return 0;
}

static void on_answer_sent(struct http2_session *s, int32_t stream) {
    const struct http2_request *r = request_of(s->nghttp2, stream);
    http2_patience_regain(&s->patience, patience_per_answer);
    if (r != NULL && !r->complete) { // the rest is not wanted
        nghttp2_submit_rst_stream(s->nghttp2, NGHTTP2_FLAG_NONE, stream,
                                  NGHTTP2_NO_ERROR);
    }
}

static int on_frame_sent(nghttp2_session *nghttp2, const nghttp2_frame *frame,
                         void *user_data) {
    struct http2_session *s = user_data;
    (void)nghttp2;
    switch (frame->hd.type) {
    case NGHTTP2_DATA:
    case NGHTTP2_HEADERS:
        if ((frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0) {
            on_answer_sent(s, frame->hd.stream_id);
        } else if (frame->hd.length >= worthy_piece) {
            http2_patience_regain(&s->patience, patience_per_answer);
        }
        break;
    case NGHTTP2_RST_STREAM: // the client did something to deserve it
        (void)lose_patience(s, 1);
        break;
    case NGHTTP2_GOAWAY:
        if (frame->goaway.error_code != NGHTTP2_NO_ERROR) {
            fprintf(stderr, "Error serving connection: %s\n",
                    nghttp2_http2_strerror(frame->goaway.error_code));
        }
        break;
    default:
        break;
    }
    return 0;
}

// ---- The protocol: what the TCP server calls ----

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
    fprintf(stderr,
            "Error serving connection: the client does not speak HTTP/2\n");
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
    ssize_t n =
        nghttp2_session_mem_recv(s->nghttp2, (const uint8_t *)bytes, size);
    if (n == NGHTTP2_ERR_BAD_CLIENT_MAGIC) {
        answer_in_http1(c);
        return;
    }
    if (n < 0) {
        hear_no_more(s, n);
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
// ones elsewhere; those before it get their answers.
static void on_stopping(struct tcp_connection *c) {
    struct http2_session *s = tcp_state(c);
    if (s->received < preface_size) {
        tcp_end(c);
        return;
    }
    nghttp2_submit_goaway(s->nghttp2, NGHTTP2_FLAG_NONE,
                          nghttp2_session_get_last_proc_stream_id(s->nghttp2),
                          NGHTTP2_NO_ERROR, NULL, 0);
    http2_send_soon(s);
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
    // Only trees of priorities need streams that are closed.
    nghttp2_option_set_no_closed_streams(nghttp2_options, 1);
    nghttp2_session_callbacks *cb = callbacks;
    nghttp2_session_callbacks_set_on_begin_frame_callback(cb, on_begin_frame);
    nghttp2_session_callbacks_set_on_begin_headers_callback(cb,
                                                            on_begin_headers);
    nghttp2_session_callbacks_set_on_header_callback(cb, on_header);
    nghttp2_session_callbacks_set_on_frame_recv_callback(cb, on_frame);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(cb, on_data);
    nghttp2_session_callbacks_set_on_stream_close_callback(cb, on_stream_close);
    nghttp2_session_callbacks_set_on_frame_send_callback(cb, on_frame_sent);
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
