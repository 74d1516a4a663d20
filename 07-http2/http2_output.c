#define _POSIX_C_SOURCE 200809L
// A write costs as much as ten requests, so many frames share one. nghttp2
// hands its frames out one by one; we gather them.
#include "http2_output.h"

#include "http2_limits.h"
#include "http2_request.h"
#include "http2_session.h"

#include <string.h>

void http2_send_soon(struct http2_session *s) {
    struct http2_shared *shared = http2_shared(s);
    if (!s->is_unsent) {
        s->is_unsent = true;
        s->next_unsent = shared->unsent;
        shared->unsent = s;
    }
}

void http2_forget_output(struct http2_session *s) {
    if (!s->is_unsent) {
        return; // perhaps it was never opened
    }
    struct http2_session **at = &http2_shared(s)->unsent;
    while (*at != s) {
        at = &(*at)->next_unsent;
    }
    *at = s->next_unsent;
}

int http2_reset(struct http2_session *s, int32_t stream, uint32_t why) {
    http2_send_soon(s);
    return nghttp2_submit_rst_stream(s->nghttp2, NGHTTP2_FLAG_NONE, stream,
                                     why);
}

int http2_send_continue(struct http2_session *s, int32_t stream) {
    const nghttp2_nv status = http2_field(":status", "100");
    return nghttp2_submit_headers(s->nghttp2, NGHTTP2_FLAG_NONE, stream, NULL,
                                  &status, 1, NULL);
}

bool http2_is_working(const struct http2_session *s) {
    const struct http2_request *r = s->requests;
    while (r != NULL && (!r->complete || r->answered)) {
        r = r->next;
    }
    return r != NULL;
}

// While the client does not read, nothing more is asked of nghttp2: what waits
// there is bounded by max_requests, and nothing comes in meanwhile. So there must
// be room before a frame is asked for.
static void send_output(struct http2_session *s) {
    uint8_t output[write_size];
    const uint8_t *frame;
    ssize_t n = 1;
    while (n > 0 && tcp_is_writable(s->connection)) {
        size_t used = 0;
        while (used <= sizeof output - largest_frame &&
               (n = nghttp2_session_mem_send(s->nghttp2, &frame)) > 0) {
            memcpy(output + used, frame, (size_t)n);
            used += (size_t)n;
        }
        if (used > 0) {
            tcp_write(s->connection, output, used);
        }
    }
    if (n < 0) {
        tcp_abort(s->connection, nghttp2_strerror((int)n));
    }
}

// Nothing more to say, and nothing more to hear.
static bool is_over(const struct http2_session *s) {
    return !nghttp2_session_want_write(s->nghttp2) &&
           (!nghttp2_session_want_read(s->nghttp2) || s->guard.deaf ||
            (s->input_ended && !http2_is_working(s)));
}

void http2_send_now(struct http2_session *s) {
    if (!http2_guard_is_introduced(s)) {
        tcp_end(s->connection);
        return;
    }
    send_output(s);
    if (!tcp_is_writable(s->connection)) {
        return; // on_drained comes back here, if anything does
    }
    if (is_over(s)) {
        tcp_end(s->connection);
    } else {
        http2_guard_watch(s);
    }
}

void http2_send_all(void *data) {
    struct http2_shared *shared = data;
    while (shared->unsent != NULL) {
        struct http2_session *s = shared->unsent;
        shared->unsent = s->next_unsent;
        s->is_unsent = false;
        http2_send_now(s);
    }
}
