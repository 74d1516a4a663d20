#define _POSIX_C_SOURCE 200809L
// A request in the order of its events: its headers begin, each header, the end
// of the list, pieces of a body, the end of the stream. nghttp2 calls these
// functions while it reads what we give it, or when it hands out what we asked
// it to send.
#include "http2_events.h"
#include "http2_session.h"

static struct http2_request *request_of(nghttp2_session *nghttp2,
                                        int32_t stream) {
    return nghttp2_session_get_stream_user_data(nghttp2, stream);
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
    struct http2_session *s = user_data;
    (void)nghttp2;
    s->noticed = true;
    // DATA counts only if nothing is in it, see on_frame. On a stream that is
    // closed nghttp2 throws it away without a word, see on_bytes.
    return frame->type == NGHTTP2_DATA ? 0 : lose_patience(s, 1);
}

// ---- A request comes in ----

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
    struct http2_loop *loop = http2_loop_of(s);
    r->task = loop->handler(r, loop->executor);
    return r->task != NULL ? 0 : reset(s, r->stream, NGHTTP2_REFUSED_STREAM);
}

// RFC 9110 section 10.1.1: the client waits for this before it sends the body.
static int say_continue(nghttp2_session *nghttp2, int32_t stream) {
    const nghttp2_nv status = {(uint8_t *)":status", (uint8_t *)"100", 7, 3,
                               NGHTTP2_NV_FLAG_NONE};
    int error = nghttp2_submit_headers(nghttp2, NGHTTP2_FLAG_NONE, stream, NULL,
                                       &status, 1, NULL);
    return error < 0 ? error : 0;
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
        if (error == 0 && r->expects_continue && !is_last && !r->answered) {
            error = say_continue(nghttp2, r->stream);
        }
    }
    if (r != NULL && is_last && (is_headers || is_data)) {
        http2_request_complete(r);
    }
    return error;
}

static int on_data(nghttp2_session *nghttp2, uint8_t flags, int32_t stream,
                   const uint8_t *bytes, size_t size, void *user_data) {
    struct http2_request *r = request_of(nghttp2, stream);
    struct http2_session *s = user_data;
    (void)flags;
    s->noticed = true;
    if (r == NULL || http2_request_body(r, bytes, size)) {
        return 0;
    }
    return reset(user_data, stream, NGHTTP2_REFUSED_STREAM);
}

// ---- A request ends ----

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
            tcp_report(s->connection,
                       nghttp2_http2_strerror(frame->goaway.error_code));
        }
        break;
    default:
        break;
    }
    return 0;
}

void http2_events_register(nghttp2_session_callbacks *all) {
    nghttp2_session_callbacks_set_on_begin_frame_callback(all, on_begin_frame);
    nghttp2_session_callbacks_set_on_begin_headers_callback(all,
                                                            on_begin_headers);
    nghttp2_session_callbacks_set_on_header_callback(all, on_header);
    nghttp2_session_callbacks_set_on_invalid_header_callback(all,
                                                             on_invalid_header);
    nghttp2_session_callbacks_set_on_frame_recv_callback(all, on_frame);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(all, on_data);
    nghttp2_session_callbacks_set_on_frame_send_callback(all, on_frame_sent);
    nghttp2_session_callbacks_set_on_stream_close_callback(all,
                                                           on_stream_close);
}
