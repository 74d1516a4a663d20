#define _POSIX_C_SOURCE 200809L
// A request in the order of its events: its headers begin, each header, the end
// of the list, pieces of a body, the end of the stream. nghttp2 calls these
// functions while it reads what we give it, or when it hands out what we asked
// it to send.
#include "http2_events.h"

#include "http2_check.h"
#include "http2_output.h"
#include "http2_request.h"
#include "http2_session.h"

static struct http2_request *request_of(nghttp2_session *nghttp2,
                                        int32_t stream) {
    return nghttp2_session_get_stream_user_data(nghttp2, stream);
}

// ---- A request comes in ----

// A new request, unless it is one too many: nghttp2 refuses that by itself. The
// fields of a list come one after another, and no other frame between them. A
// second list on a stream is trailers: nobody here asks for those.
static int on_begin_headers(nghttp2_session *nghttp2,
                            const nghttp2_frame *frame, void *user_data) {
    struct http2_session *s = user_data;
    if (frame->headers.cat != NGHTTP2_HCAT_REQUEST) {
        s->incoming = request_of(nghttp2, frame->hd.stream_id);
        return 0;
    }
    s->incoming = http2_request_new(s, frame->hd.stream_id);
    if (s->incoming == NULL) {
        return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE; // resets the stream
    }
    token_bucket_give(&s->guard.trouble, 1); // what the frame has cost
    return nghttp2_session_set_stream_user_data(nghttp2, frame->hd.stream_id,
                                                s->incoming);
}

static int on_header(nghttp2_session *nghttp2, const nghttp2_frame *frame,
                     nghttp2_rcbuf *name, nghttp2_rcbuf *value, uint8_t flags,
                     void *user_data) {
    struct http2_request *r = ((struct http2_session *)user_data)->incoming;
    struct http2_field field = {name, value};
    (void)nghttp2;
    (void)frame;
    (void)flags;
    return r != NULL ? http2_check_field(r, field) : 0;
}

// Once the headers are here, the request's task begins.
static int on_frame(nghttp2_session *nghttp2, const nghttp2_frame *frame,
                    void *user_data) {
    struct http2_request *r = request_of(nghttp2, frame->hd.stream_id);
    bool is_data = frame->hd.type == NGHTTP2_DATA;
    bool is_headers = frame->hd.type == NGHTTP2_HEADERS;
    bool is_last = (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;
    int error = http2_guard_frame(user_data, frame);
    if (r != NULL && is_headers && frame->headers.cat == NGHTTP2_HCAT_REQUEST) {
        r->headers.in_trailers = true; // what still comes
        if (http2_check_request(r)) {
            http2_request_start(r);
        }
        if (r->expects_continue && !is_last && !r->answered) {
            error = http2_send_continue(r->session, r->stream);
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
    s->guard.noticed = true;
    if (r != NULL) {
        http2_request_body(r, (struct span){(const char *)bytes, size});
    }
    return 0;
}

// ---- A request ends ----

// Answered, or reset by the client: then what its handler awaits is abandoned.
static int on_stream_close(nghttp2_session *nghttp2, int32_t stream,
                           uint32_t error, void *user_data) {
    struct http2_request *r = request_of(nghttp2, stream);
    struct http2_session *s = user_data;
    (void)error;
    s->guard.got_on = true;
    if (r != NULL) {
        http2_request_end(r);
    }
    return 0;
}

// An answer is out before its request has come to an end: the rest is not wanted.
// An ACK has the same flag, but belongs to no stream.
static int on_frame_sent(nghttp2_session *nghttp2, const nghttp2_frame *frame,
                         void *user_data) {
    int32_t stream = frame->hd.stream_id;
    http2_guard_sent(user_data, frame);
    if ((frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0 &&
        nghttp2_session_get_stream_remote_close(nghttp2, stream) == 0) {
        return http2_reset(user_data, stream, NGHTTP2_NO_ERROR);
    }
    return 0;
}

void http2_events_register(nghttp2_session_callbacks *all) {
    nghttp2_session_callbacks_set_on_begin_headers_callback(all,
                                                            on_begin_headers);
    nghttp2_session_callbacks_set_on_header_callback2(all, on_header);
    nghttp2_session_callbacks_set_on_frame_recv_callback(all, on_frame);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(all, on_data);
    nghttp2_session_callbacks_set_on_frame_send_callback(all, on_frame_sent);
    nghttp2_session_callbacks_set_on_stream_close_callback(all,
                                                           on_stream_close);
}
