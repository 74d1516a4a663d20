#define _POSIX_C_SOURCE 200809L
// One connection, many requests. Three steps for whatever comes in: give all of
// it to nghttp2, poll the futures that it made ready, and send all the output
// together. Writing is the expensive part, so it comes last and once.
#include "http2_session.h"
#include "uv_executor.h"

#include <nghttp2/nghttp2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// ---- Limits, and why these ----

enum {
    // Requests at once on one connection. Clients use up to 100.
    max_streams = 256,
    // Names and values of one request. The default of nginx is the same.
    max_headers = 16 * 1024,
    // So much of a body is printed.
    body_shown = 200,
    // A client may not make us work for nothing: frames that ask for work but
    // bring no request nearer (resets, pings, settings, empty data) cost one
    // each, a complete request gives one back.
    max_idle_frames = 1000,
    // Output gathered for one write.
    output_size = 32 * 1024,
    // The client connection preface, RFC 9113 section 3.4.
    preface_size = 24,
};

// What all connections of a loop share.
struct http2_loop {
    struct uv_executor *executor;
    uv_check_t check;             // runs after the loop has read its sockets
    struct http2_session *unsent; // a list of sessions that have output
};

struct text {
    char *bytes;
    size_t size, room;
};

struct http2_stream {
    struct http2_session *session;
    struct http2_stream *next, *previous;
    struct uv_task *task; // its future, polled by the executor
    struct waker waker;   // who awaits the request, or empty
    int32_t id;
    bool complete, is_head, is_connect;
    size_t header_bytes;
    struct text headers, body; // escaped, for printing
    size_t shown;
    uint64_t body_size;
    const char *answer; // what is left of it
    size_t answer_size;
};

// Lives in the connection, as the protocol's state.
struct http2_session {
    nghttp2_session *nghttp2;
    struct tcp_connection *connection;
    struct http2_stream *streams;
    struct http2_session *next_unsent;
    bool is_unsent, input_ended;
    int idle_frames;
    size_t received; // up to preface_size
};

static http2_handler *handler;
static nghttp2_session_callbacks *callbacks;

static struct http2_loop *loop_of(const struct http2_session *s) {
    return tcp_loop(s->connection)->data;
}

// ---- Text for the printout ----

// What a client sends may hold anything, also what a terminal obeys. So only
// printable ASCII is kept as it is. False: no memory.
static bool add_escaped(struct text *t, const uint8_t *bytes, size_t n) {
    size_t need = t->size + 4 * n + 1; // with the '\0'
    if (need > t->room) {
        char *more = realloc(t->bytes, 2 * need);
        if (more == NULL) {
            return false;
        }
        t->bytes = more;
        t->room = 2 * need;
    }
    for (size_t i = 0; i < n; i++) {
        const char *form = bytes[i] == '"' || bytes[i] == '\\' ? "\\%c"
                           : bytes[i] >= ' ' && bytes[i] < 127 ? "%c"
                                                               : "\\x%02x";
        t->size += (size_t)snprintf(t->bytes + t->size, 5, form, bytes[i]);
    }
    return true;
}

static bool add_raw(struct text *t, const char *raw) {
    for (; *raw != '\0'; raw++) {
        if (!add_escaped(t, (const uint8_t *)" ", 1)) {
            return false;
        }
        t->bytes[t->size - 1] = *raw;
    }
    return true;
}

// ---- Streams ----

static struct http2_stream *stream_new(struct http2_session *s, int32_t id) {
    struct http2_stream *stream = calloc(1, sizeof *stream);
    if (stream == NULL) {
        return NULL;
    }
    stream->session = s;
    stream->id = id;
    stream->next = s->streams;
    if (stream->next != NULL) {
        stream->next->previous = stream;
    }
    s->streams = stream;
    return stream;
}

// Ends the future first: it uses the stream.
static void stream_free(struct http2_stream *stream) {
    if (stream->task != NULL) {
        uv_task_cancel(stream->task);
    }
    waker_drop(&stream->waker);
    if (stream->next != NULL) {
        stream->next->previous = stream->previous;
    }
    if (stream->previous != NULL) {
        stream->previous->next = stream->next;
    } else {
        stream->session->streams = stream->next;
    }
    free(stream->headers.bytes);
    free(stream->body.bytes);
    free(stream);
}

static struct http2_stream *stream_of(nghttp2_session *nghttp2, int32_t id) {
    return nghttp2_session_get_stream_user_data(nghttp2, id);
}

// ---- Output ----

static void on_check(uv_check_t *check);

// Puts the session on the list of those that on_check sends for.
static void send_soon(struct http2_session *s) {
    struct http2_loop *loop = loop_of(s);
    if (s->is_unsent) {
        return;
    }
    s->is_unsent = true;
    s->next_unsent = loop->unsent;
    loop->unsent = s;
    uv_check_start(&loop->check, on_check);
}

// nghttp2 hands its output out piece by piece; one write takes them all. While
// the client does not read, nothing more is asked of nghttp2.
static void send_output(struct http2_session *s) {
    char output[output_size];
    size_t size = 0;
    bool writable = tcp_is_writable(s->connection);
    while (writable) {
        const uint8_t *piece;
        ssize_t n = nghttp2_session_mem_send(s->nghttp2, &piece);
        if (n < 0) {
            tcp_abort(s->connection, nghttp2_strerror((int)n));
            return;
        }
        if (size > 0 && (n == 0 || size + (size_t)n > sizeof output)) {
            writable = tcp_write(s->connection, output, size);
            size = 0;
        }
        if (n == 0) {
            break;
        }
        if ((size_t)n > sizeof output) {
            writable = tcp_write(s->connection, piece, (size_t)n);
            continue;
        }
        memcpy(output + size, piece, (size_t)n);
        size += (size_t)n;
    }
    if (size > 0) { // gathered just as the client stopped taking
        tcp_write(s->connection, output, size);
    }
}

static bool is_over(const struct http2_session *s) {
    return (!nghttp2_session_want_read(s->nghttp2) &&
            !nghttp2_session_want_write(s->nghttp2)) ||
           (s->input_ended && s->streams == NULL);
}

// Step two and step three, after the loop has read all its sockets.
static void on_check(uv_check_t *check) {
    struct http2_loop *loop = check->data;
    uv_executor_run(loop->executor);
    struct http2_session *s = loop->unsent;
    loop->unsent = NULL;
    uv_check_stop(check);
    while (s != NULL) {
        struct http2_session *next = s->next_unsent;
        s->is_unsent = false;
        send_output(s);
        if (tcp_is_writable(s->connection) && is_over(s)) {
            tcp_end(s->connection);
        }
        s = next;
    }
}

static void forget_output(struct http2_session *s) {
    struct http2_session **at = &loop_of(s)->unsent;
    while (*at != NULL && *at != s) {
        at = &(*at)->next_unsent;
    }
    if (*at == s) {
        *at = s->next_unsent;
    }
}

// ---- What nghttp2 tells us ----

static int on_begin_headers(nghttp2_session *nghttp2,
                            const nghttp2_frame *frame, void *user_data) {
    struct http2_session *s = user_data;
    if (frame->headers.cat != NGHTTP2_HCAT_REQUEST) {
        return 0; // trailers
    }
    struct http2_stream *stream = stream_new(s, frame->hd.stream_id);
    if (stream == NULL) {
        return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    }
    return nghttp2_session_set_stream_user_data(nghttp2, stream->id, stream);
}

static int on_header(nghttp2_session *nghttp2, const nghttp2_frame *frame,
                     const uint8_t *name, size_t name_size,
                     const uint8_t *value, size_t value_size, uint8_t flags,
                     void *user_data) {
    (void)flags;
    const struct http2_session *s = user_data;
    struct http2_stream *stream = stream_of(nghttp2, frame->hd.stream_id);
    if (stream == NULL) {
        return 0;
    }
    stream->header_bytes += name_size + value_size + 32; // RFC 9113 6.5.2
    if (stream->header_bytes > max_headers) {
        return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    }
    if (name_size == 7 && memcmp(name, ":method", 7) == 0) {
        stream->is_head = value_size == 4 && memcmp(value, "HEAD", 4) == 0;
        stream->is_connect =
            value_size == 7 && memcmp(value, "CONNECT", 7) == 0;
    }
    struct text *t = &stream->headers;
    if (tcp_options(s->connection)->quiet ||
        (add_raw(t, t->size == 0 ? "\"" : ", \"") &&
         add_escaped(t, name, name_size) && add_raw(t, "\": \"") &&
         add_escaped(t, value, value_size) && add_raw(t, "\""))) {
        return 0;
    }
    return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
}

// The head is here: the request's future begins its life.
static int start_future(struct http2_session *s, struct http2_stream *stream) {
    if (stream->is_connect) { // we are no proxy, RFC 9110 section 9.3.6
        return nghttp2_submit_rst_stream(s->nghttp2, NGHTTP2_FLAG_NONE,
                                         stream->id, NGHTTP2_REFUSED_STREAM);
    }
    struct future *future = handler(stream);
    if (future != NULL) {
        stream->task = uv_execute(loop_of(s)->executor, future);
    }
    if (stream->task == NULL) {
        return nghttp2_submit_rst_stream(s->nghttp2, NGHTTP2_FLAG_NONE,
                                         stream->id, NGHTTP2_INTERNAL_ERROR);
    }
    return 0;
}

static void complete(struct http2_session *s, struct http2_stream *stream) {
    stream->complete = true;
    if (s->idle_frames > 0) {
        s->idle_frames--;
    }
    if (stream->waker.ops != NULL) {
        waker_wake(&stream->waker);
        waker_drop(&stream->waker);
    }
}

static int count_idle_frame(struct http2_session *s) {
    if (++s->idle_frames != max_idle_frames) {
        return 0;
    }
    return nghttp2_session_terminate_session(s->nghttp2,
                                             NGHTTP2_ENHANCE_YOUR_CALM);
}

static bool brings_something(const nghttp2_frame *frame) {
    switch (frame->hd.type) {
    case NGHTTP2_DATA:
        return frame->hd.length > 0 ||
               (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;
    case NGHTTP2_HEADERS:
    case NGHTTP2_WINDOW_UPDATE:
        return true;
    default:
        return false;
    }
}

static int on_frame(nghttp2_session *nghttp2, const nghttp2_frame *frame,
                    void *user_data) {
    struct http2_session *s = user_data;
    struct http2_stream *stream = stream_of(nghttp2, frame->hd.stream_id);
    if (!brings_something(frame)) {
        return count_idle_frame(s);
    }
    if (stream == NULL || frame->hd.type == NGHTTP2_WINDOW_UPDATE) {
        return 0;
    }
    if (frame->hd.type == NGHTTP2_HEADERS &&
        frame->headers.cat == NGHTTP2_HCAT_REQUEST) {
        int error = start_future(s, stream);
        if (error != 0) {
            return error;
        }
    }
    if ((frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0) {
        complete(s, stream);
    }
    return 0;
}

static int on_data(nghttp2_session *nghttp2, uint8_t flags, int32_t id,
                   const uint8_t *data, size_t size, void *user_data) {
    (void)flags;
    (void)user_data;
    struct http2_stream *stream = stream_of(nghttp2, id);
    if (stream == NULL) {
        return 0;
    }
    size_t room = body_shown - stream->shown;
    size_t shown = size < room ? size : room;
    if (!add_escaped(&stream->body, data, shown)) {
        return NGHTTP2_ERR_CALLBACK_FAILURE;
    }
    stream->shown += shown;
    stream->body_size += size;
    return 0;
}

// Answered, or reset by the client: then its future is dropped half-way.
static int on_stream_close(nghttp2_session *nghttp2, int32_t id, uint32_t error,
                           void *user_data) {
    (void)error;
    (void)user_data;
    struct http2_stream *stream = stream_of(nghttp2, id);
    if (stream != NULL) {
        stream_free(stream);
    }
    return 0;
}

static int on_frame_sent(nghttp2_session *nghttp2, const nghttp2_frame *frame,
                         void *user_data) {
    (void)nghttp2;
    (void)user_data;
    if (frame->hd.type == NGHTTP2_GOAWAY &&
        frame->goaway.error_code != NGHTTP2_NO_ERROR) {
        fprintf(stderr, "Error serving connection: %s\n",
                nghttp2_http2_strerror(frame->goaway.error_code));
    }
    return 0;
}

// ---- For handlers ----

enum poll http2_request_poll(struct http2_stream *stream,
                             const struct waker *waker) {
    if (stream->complete) {
        return FUTURE_READY;
    }
    waker_drop(&stream->waker);
    stream->waker = waker_clone(waker);
    return FUTURE_PENDING;
}

struct http2_request http2_request_of(const struct http2_stream *stream) {
    return (struct http2_request){
        .headers = stream->headers.bytes ? stream->headers.bytes : "",
        .body = stream->body.bytes ? stream->body.bytes : "",
        .shown = stream->shown,
        .body_size = stream->body_size,
        .quiet = tcp_options(stream->session->connection)->quiet,
    };
}

static ssize_t on_read_answer(nghttp2_session *nghttp2, int32_t id,
                              uint8_t *buffer, size_t room, uint32_t *flags,
                              nghttp2_data_source *source, void *user_data) {
    (void)nghttp2;
    (void)id;
    (void)user_data;
    struct http2_stream *stream = source->ptr;
    size_t n = stream->answer_size < room ? stream->answer_size : room;
    memcpy(buffer, stream->answer, n);
    stream->answer += n;
    stream->answer_size -= n;
    if (stream->answer_size == 0) {
        *flags |= NGHTTP2_DATA_FLAG_EOF;
    }
    return (ssize_t)n;
}

static nghttp2_nv header(const char *name, const char *value) {
    return (nghttp2_nv){(uint8_t *)name, (uint8_t *)value, strlen(name),
                        strlen(value),
                        NGHTTP2_NV_FLAG_NO_COPY_NAME}; // names are literals
}

void http2_respond(struct http2_stream *stream, const char *body) {
    struct http2_session *s = stream->session;
    char length[32];
    snprintf(length, sizeof length, "%zu", strlen(body));
    const nghttp2_nv headers[] = {header(":status", "200"),
                                  header("content-type", "text/plain"),
                                  header("content-length", length)};
    nghttp2_data_provider answer = {{.ptr = stream}, on_read_answer};
    stream->answer = body;
    stream->answer_size = strlen(body);
    int error = nghttp2_submit_response(s->nghttp2, stream->id, headers, 3,
                                        stream->is_head ? NULL : &answer);
    if (error != 0) {
        tcp_abort(s->connection, nghttp2_strerror(error));
    } else {
        send_soon(s);
    }
}

// ---- The protocol: what the TCP server calls ----

static int make_callbacks(void) {
    int error = nghttp2_session_callbacks_new(&callbacks);
    if (error != 0) {
        return error;
    }
    nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks,
                                                            on_begin_headers);
    nghttp2_session_callbacks_set_on_header_callback(callbacks, on_header);
    nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, on_frame);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks,
                                                              on_data);
    nghttp2_session_callbacks_set_on_stream_close_callback(callbacks,
                                                           on_stream_close);
    nghttp2_session_callbacks_set_on_frame_send_callback(callbacks,
                                                         on_frame_sent);
    return 0;
}

// The executor and the check handle close with the loop.
static bool on_loop_start(uv_loop_t *uv) {
    struct http2_loop *loop = calloc(1, sizeof *loop);
    if (loop == NULL) {
        return false;
    }
    loop->executor = uv_executor_start(uv);
    if (loop->executor == NULL) {
        free(loop);
        return false;
    }
    uv_check_init(uv, &loop->check);
    loop->check.data = loop;
    uv->data = loop;
    return true;
}

static void on_check_closed(uv_handle_t *check) {
    free(check->data);
}

static void on_loop_stop(uv_loop_t *uv) {
    struct http2_loop *loop = uv->data;
    uv_executor_stop(loop->executor);
    uv_close((uv_handle_t *)&loop->check, on_check_closed);
}

static int open_session(struct http2_session *s) {
    nghttp2_option *option;
    int error = nghttp2_option_new(&option);
    if (error != 0) {
        return error;
    }
    // Closed streams are of no use to a server without priorities, and each
    // costs memory.
    nghttp2_option_set_no_closed_streams(option, 1);
    error = nghttp2_session_server_new2(&s->nghttp2, callbacks, s, option);
    nghttp2_option_del(option);
    if (error != 0) {
        return error;
    }
    static const nghttp2_settings_entry settings[] = {
        {NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, max_streams},
        {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, max_headers},
    };
    return nghttp2_submit_settings(s->nghttp2, NGHTTP2_FLAG_NONE, settings, 2);
}

static bool on_open(struct tcp_connection *c) {
    struct http2_session *s = tcp_state(c);
    s->connection = c;
    return open_session(s) == 0;
}

// A client that speaks HTTP/1, such as a browser, gets an answer that it can
// show.
static void answer_in_http1(struct tcp_connection *c) {
    static const char body[] =
        "This server speaks HTTP/2 without TLS. Browsers speak HTTP/2 only\n"
        "over TLS. Ask it like this:\n\n"
        "    curl --http2-prior-knowledge http://";
    char answer[512];
    const struct server_options *o = tcp_options(c);
    int port = tcp_port(c);
    int length =
        (int)strlen(body) + snprintf(NULL, 0, "%s:%d/\n", o->host, port);
    int n = snprintf(answer, sizeof answer,
                     "HTTP/1.1 505 HTTP Version Not Supported\r\n"
                     "Content-Type: text/plain\r\n"
                     "Content-Length: %d\r\n"
                     "Connection: close\r\n\r\n%s%s:%d/\n",
                     length, body, o->host, port);
    fprintf(stderr, "Error serving connection: the client does not speak "
                    "HTTP/2\n");
    tcp_write(c, answer, (size_t)n);
    tcp_end(c);
}

// Step one of three: nghttp2 gets all of it, and calls the functions above.
static void on_bytes(struct tcp_connection *c, const char *bytes, size_t size) {
    struct http2_session *s = tcp_state(c);
    ssize_t n =
        nghttp2_session_mem_recv(s->nghttp2, (const uint8_t *)bytes, size);
    if (n == NGHTTP2_ERR_BAD_CLIENT_MAGIC) {
        answer_in_http1(c);
    } else if (n < 0) {
        tcp_abort(c, nghttp2_strerror((int)n));
    } else {
        s->received += s->received < preface_size ? size : 0;
        if (s->received >= preface_size) {
            send_soon(s);
        }
    }
}

static void on_drained(struct tcp_connection *c) {
    send_soon(tcp_state(c));
}

static void on_end(struct tcp_connection *c) {
    struct http2_session *s = tcp_state(c);
    s->input_ended = true;
    send_soon(s);
}

static void on_idle(struct tcp_connection *c) {
    struct http2_session *s = tcp_state(c);
    nghttp2_session_terminate_session(s->nghttp2, NGHTTP2_NO_ERROR);
    send_soon(s);
}

// GOAWAY names the last stream that we will answer; those before it finish.
static void on_stopping(struct tcp_connection *c) {
    struct http2_session *s = tcp_state(c);
    nghttp2_submit_goaway(s->nghttp2, NGHTTP2_FLAG_NONE,
                          nghttp2_session_get_last_proc_stream_id(s->nghttp2),
                          NGHTTP2_NO_ERROR, NULL, 0);
    send_soon(s);
}

// nghttp2 frees its streams without a word, so ours are freed here.
static void on_close(struct tcp_connection *c) {
    struct http2_session *s = tcp_state(c);
    if (s->connection != NULL) {
        forget_output(s);
    }
    while (s->streams != NULL) {
        stream_free(s->streams);
    }
    nghttp2_session_del(s->nghttp2);
}

const struct tcp_protocol *http2_protocol(http2_handler *h) {
    static const struct tcp_protocol protocol = {
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
    handler = h;
    return make_callbacks() == 0 ? &protocol : NULL;
}

void http2_protocol_free(void) {
    nghttp2_session_callbacks_del(callbacks);
}
