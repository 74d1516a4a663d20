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
    s->guard.trouble = (struct token_bucket){
        max_tokens, uv_now(tcp_loop(s->connection))}; // a full one
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
                             const nghttp2_frame *frame, nghttp2_rcbuf *name,
                             nghttp2_rcbuf *value, uint8_t flags,
                             void *user_data) {
    (void)nghttp2;
    (void)frame;
    (void)name;
    (void)value;
    (void)flags;
    (void)user_data;
    return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
}

void http2_guard_register(nghttp2_session_callbacks *all) {
    nghttp2_session_callbacks_set_on_begin_frame_callback(all, on_begin_frame);
    nghttp2_session_callbacks_set_on_invalid_header_callback2(
        all, on_invalid_header);
}

// An answer pays for what it took to ask; so does a piece of one, if it is worth
// the two windows that were opened for it.
void http2_guard_sent(struct http2_session *s, const nghttp2_frame *frame) {
    uint8_t type = frame->hd.type;
    bool is_answer = type == NGHTTP2_DATA || type == NGHTTP2_HEADERS;
    bool is_last = (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;
    if (is_answer && (is_last || frame->hd.length >= worthy_piece)) {
        token_bucket_give(&s->guard.trouble, tokens_per_answer);
    } else if (type == NGHTTP2_RST_STREAM) {
        // The client did something to deserve it.
        (void)http2_guard_charge(s, 1);
    } else if (type == NGHTTP2_GOAWAY &&
               frame->goaway.error_code != NGHTTP2_NO_ERROR) {
        tcp_report(s->connection,
                   nghttp2_http2_strerror(frame->goaway.error_code));
    }
}

// ---- What is read ----

// nghttp2 cannot go on after an error that it returns, but it can still say
// goodbye and why. To give a reason does nothing if one was given before.
void http2_guard_read(struct http2_session *s, ssize_t result, size_t size) {
    struct http2_guard *g = &s->guard;
    g->received += size;
    g->deaf = result < 0 || (!g->noticed && !takes(s, 1));
    g->noticed = false;
    if (g->deaf) {
        bool ours = result == NGHTTP2_ERR_NOMEM ||
                    result == NGHTTP2_ERR_CALLBACK_FAILURE;
        nghttp2_session_terminate_session(s->nghttp2,
                                          ours ? NGHTTP2_INTERNAL_ERROR
                                               : NGHTTP2_ENHANCE_YOUR_CALM);
    }
}

bool http2_guard_is_introduced(const struct http2_session *s) {
    return s->guard.received >= preface_size;
}

// The first line of HTTP/1 ends in its version. What else is no HTTP/2, such as a
// hello of TLS, would not understand an answer.
static bool is_http1(struct span bytes) {
    while (bytes.size > 0 && bytes.at[0] != '\n') {
        if (span_begins(bytes, " HTTP/1.")) {
            return true;
        }
        span_cut(&bytes, 1);
    }
    return false;
}

void http2_guard_answer_in_http1(struct http2_session *s, struct span bytes) {
    static const char head[] = "HTTP/1.1 505 HTTP Version Not Supported\r\n"
                               "Content-Type: text/plain\r\n"
                               "Connection: close\r\n\r\n";
    static const char form[] =
        "%sThis server speaks HTTP/2 without TLS. Browsers speak HTTP/2 only\n"
        "over TLS. Ask it like this:\n\n"
        "    curl --http2-prior-knowledge http://%s%s%s:%d/\n";
    struct tcp_connection *c = s->connection;
    const char *host = tcp_options(c)->host;
    const char *open = strchr(host, ':') != NULL ? "[" : ""; // IPv6
    const char *close = open[0] == '[' ? "]" : "";
    char answer[sizeof head + sizeof form + 128];
    snprintf(answer, sizeof answer, form, head, open, host, close, tcp_port(c));
    bool is_head = span_begins(bytes, "HEAD ");
    tcp_report(c, "the client does not speak HTTP/2");
    if (is_http1(bytes)) {
        tcp_write(c, answer, is_head ? sizeof head - 1 : strlen(answer));
    }
    tcp_end(c);
}

// ---- Who is slow ----

// A body that goes on, however slowly, is not a client that hangs.
void http2_guard_progress(struct http2_guard *g, uint64_t less, uint64_t more) {
    g->got_on |= less / bytes_of_progress != more / bytes_of_progress;
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
