#define _POSIX_C_SOURCE 200809L
// What costs nothing to send costs tokens, and what is slow has a deadline.
#include "http2_guard.h"

#include "http2_limits.h"
#include "http2_session.h"

#include <stdio.h>
#include <string.h>

enum { preface_size = 24 }; // RFC 9113 section 3.4

void http2_guard_begin(struct http2_session *s) {
    s->guard.is_timed = true; // it must introduce itself
    tcp_set_deadline(s->connection, tcp_options(s->connection)->request_ms);
    token_bucket_begin(&s->guard.trouble, uv_now(tcp_loop(s->connection)));
}

// ---- Trouble ----

static bool takes(struct http2_session *s, int cost) {
    return token_bucket_take(&s->guard.trouble, uv_now(tcp_loop(s->connection)),
                             cost);
}

int http2_guard_charge(struct http2_session *s, int cost) {
    if (takes(s, cost)) {
        return 0;
    }
    nghttp2_session_terminate_session(s->nghttp2, NGHTTP2_ENHANCE_YOUR_CALM);
    return NGHTTP2_ERR_CALLBACK_FAILURE;
}

int http2_guard_frame(struct http2_session *s, const nghttp2_frame *frame) {
    bool is_empty = frame->hd.type == NGHTTP2_DATA &&
                    (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) == 0 &&
                    frame->hd.length == frame->data.padlen;
    return is_empty ? http2_guard_charge(s, 1) : 0;
}

// The numbers of requests only grow (RFC 9113 section 5.1.1). nghttp2 throws a
// lower one away without a word, if it does not know the stream.
static bool may_begin(struct http2_session *s, int32_t stream) {
    if (stream > s->guard.last_stream) {
        s->guard.last_stream = stream;
        return true;
    }
    return nghttp2_session_find_stream(s->nghttp2, stream) != NULL;
}

// DATA costs only if nothing is in it, see http2_guard_frame. On a
// stream that is closed nghttp2 throws it away without a word, see
// http2_guard_read.
static int on_begin_frame(nghttp2_session *nghttp2,
                          const nghttp2_frame_hd *frame, void *user_data) {
    struct http2_session *s = user_data;
    s->guard.noticed = true;
    if (frame->type == NGHTTP2_HEADERS && !may_begin(s, frame->stream_id)) {
        nghttp2_session_terminate_session(nghttp2, NGHTTP2_PROTOCOL_ERROR);
        return NGHTTP2_ERR_CALLBACK_FAILURE;
    }
    return frame->type == NGHTTP2_DATA ? 0 : http2_guard_charge(s, 1);
}

// A field that no header may have. The stream is reset, RFC 9113 section 8.1.1:
// without a word from us, versions of nghttp2 from 1.67 on throw the field away
// and take the rest.
static int on_invalid_header(nghttp2_session *nghttp2,
                             const nghttp2_frame *frame, const uint8_t *name,
                             size_t name_size, const uint8_t *value,
                             size_t value_size, uint8_t flags,
                             void *user_data) {
    (void)nghttp2;
    (void)frame;
    (void)name;
    (void)name_size;
    (void)value;
    (void)value_size;
    (void)flags;
    (void)user_data;
    return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
}

void http2_guard_register(nghttp2_session_callbacks *all) {
    nghttp2_session_callbacks_set_on_begin_frame_callback(all, on_begin_frame);
    nghttp2_session_callbacks_set_on_invalid_header_callback(all,
                                                             on_invalid_header);
}

// An answer pays for what it took to ask; so does a piece of one, if it is worth
// the two windows that were opened for it.
static void on_data_sent(struct http2_session *s, const nghttp2_frame *frame) {
    bool is_last = (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;
    if (is_last || frame->hd.length >= worthy_piece) {
        token_bucket_give(&s->guard.trouble, tokens_per_answer);
    }
}

void http2_guard_sent(struct http2_session *s, const nghttp2_frame *frame) {
    switch (frame->hd.type) {
    case NGHTTP2_DATA:
    case NGHTTP2_HEADERS:
        on_data_sent(s, frame);
        break;
    case NGHTTP2_RST_STREAM: // the client did something to deserve it
        (void)http2_guard_charge(s, 1);
        break;
    case NGHTTP2_GOAWAY:
        if (frame->goaway.error_code != NGHTTP2_NO_ERROR) {
            tcp_report(s->connection,
                       nghttp2_http2_strerror(frame->goaway.error_code));
        }
        break;
    default:
        break;
    }
}

// ---- What is read ----

// nghttp2 cannot go on after an error that it returns, but it can still say
// goodbye and why. To give a reason does nothing if one was given before.
static void hear_no_more(struct http2_session *s, ssize_t error) {
    bool ours =
        error == NGHTTP2_ERR_NOMEM || error == NGHTTP2_ERR_CALLBACK_FAILURE;
    s->guard.deaf = true;
    nghttp2_session_terminate_session(
        s->nghttp2, ours ? NGHTTP2_INTERNAL_ERROR : NGHTTP2_ENHANCE_YOUR_CALM);
}

void http2_guard_read(struct http2_session *s, ssize_t result, size_t size) {
    struct http2_guard *g = &s->guard;
    size_t received = g->received + size;
    g->received = received < preface_size ? (uint8_t)received : preface_size;
    if (result < 0) {
        hear_no_more(s, result);
    } else if (!g->noticed && !takes(s, 1)) {
        hear_no_more(s, NGHTTP2_ERR_FLOODED);
    }
    g->noticed = false;
}

bool http2_guard_is_introduced(const struct http2_session *s) {
    return s->guard.received == preface_size;
}

// The first line of HTTP/1 ends in its version. What else is no HTTP/2, such as a
// hello of TLS, would not understand an answer.
static bool is_http1(struct span bytes) {
    static const char version[] = " HTTP/1.";
    const size_t size = sizeof version - 1;
    for (size_t i = 0; i + size <= bytes.size && bytes.at[i] != '\n'; i++) {
        if (memcmp(bytes.at + i, version, size) == 0) {
            return true;
        }
    }
    return false;
}

void http2_guard_answer_in_http1(struct http2_session *s, struct span bytes) {
    static const char form[] = "HTTP/1.1 505 HTTP Version Not Supported\r\n"
                               "Content-Type: text/plain\r\n"
                               "Connection: close\r\n\r\n"
                               "%s";
    static const char body[] =
        "This server speaks HTTP/2 without TLS. Browsers speak HTTP/2 only\n"
        "over TLS. Ask it like this:\n\n"
        "    curl --http2-prior-knowledge http://%s%s%s:%d/\n";
    struct tcp_connection *c = s->connection;
    const char *host = tcp_options(c)->host;
    const char *open = strchr(host, ':') != NULL ? "[" : ""; // IPv6
    const char *close = open[0] == '[' ? "]" : "";
    char text[sizeof body + 128], answer[sizeof form + sizeof text];
    snprintf(text, sizeof text, body, open, host, close, tcp_port(c));
    int n = snprintf(answer, sizeof answer, form,
                     span_begins(bytes, "HEAD ") ? "" : text);
    tcp_report(c, "the client does not speak HTTP/2");
    if (is_http1(bytes)) {
        tcp_write(c, answer, (size_t)n);
    }
    tcp_end(c);
}

// ---- Who is slow ----

void http2_guard_got_on(struct http2_guard *g) {
    g->got_on = true;
}

// A body that goes on, however slowly, is not a client that hangs.
void http2_guard_progress(struct http2_guard *g, uint64_t less, uint64_t more) {
    if (less / bytes_of_progress != more / bytes_of_progress) {
        g->got_on = true;
    }
}

void http2_guard_watch(struct http2_session *s) {
    struct http2_guard *g = &s->guard;
    bool must_get_on = s->requests != NULL;
    if (g->got_on || must_get_on != g->is_timed) {
        long ms = tcp_options(s->connection)->request_ms;
        tcp_set_deadline(s->connection, must_get_on ? ms : 0);
        g->is_timed = must_get_on;
        g->got_on = false;
    }
}
