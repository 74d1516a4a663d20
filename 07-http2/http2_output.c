#define _POSIX_C_SOURCE 200809L
// A write costs as much as ten requests, so many frames share one. nghttp2
// hands its frames out one by one; we gather them.
#include "http2_output.h"
#include "http2_session.h"

#include <string.h>

void http2_send_soon(struct http2_session *s) {
    struct http2_outbox *outbox = &http2_loop_of(s)->outbox;
    if (!s->is_unsent) {
        s->is_unsent = true;
        s->next_unsent = outbox->first;
        outbox->first = s;
    }
}

void http2_forget_output(struct http2_session *s) {
    if (!s->is_unsent) {
        return; // perhaps it was never opened
    }
    struct http2_session **at = &http2_loop_of(s)->outbox.first;
    while (*at != s) {
        at = &(*at)->next_unsent;
    }
    *at = s->next_unsent;
    s->is_unsent = false;
}

// While the client does not read, nothing more is asked of nghttp2: what waits
// there is bounded by max_requests, and nothing comes in meanwhile.
static void send_output(struct http2_session *s) {
    uint8_t output[output_size];
    size_t used = 0;
    const uint8_t *frame;
    ssize_t n = 0;
    while (tcp_is_writable(s->connection) &&
           (n = nghttp2_session_mem_send(s->nghttp2, &frame)) > 0) {
        if (used + (size_t)n > sizeof output) {
            tcp_write(s->connection, output, used);
            used = 0;
        }
        // A frame holds 16 KiB at most, since no client may ask for more
        // than nghttp2 gives.
        memcpy(output + used, frame, (size_t)n);
        used += (size_t)n;
    }
    if (n < 0) {
        tcp_abort(s->connection, nghttp2_strerror((int)n));
    } else if (used > 0) {
        tcp_write(s->connection, output, used);
    }
}

// Nothing more to say, and nothing more to hear.
static bool is_over(const struct http2_session *s) {
    if (nghttp2_session_want_write(s->nghttp2)) {
        return false;
    }
    return !nghttp2_session_want_read(s->nghttp2) || s->deaf ||
           (s->input_ended && !http2_is_working(s));
}

// While a client has requests under way it must get on with one of them from
// time to time, however busy it is with pings.
static void watch(struct http2_session *s) {
    bool must_get_on = s->requests != NULL;
    if (s->got_on || must_get_on != s->is_timed) {
        long ms = tcp_options(s->connection)->request_ms;
        tcp_set_deadline(s->connection, must_get_on ? ms : 0);
        s->is_timed = must_get_on;
        s->got_on = false;
    }
}

void http2_send_now(struct http2_session *s) {
    send_output(s);
    if (!tcp_is_writable(s->connection)) {
        return; // on_drained comes back here, if anything does
    }
    if (is_over(s)) {
        tcp_end(s->connection);
    } else {
        watch(s);
    }
}

void http2_send_all(struct http2_outbox *outbox) {
    while (outbox->first != NULL) {
        struct http2_session *s = outbox->first;
        outbox->first = s->next_unsent;
        s->is_unsent = false;
        http2_send_now(s);
    }
}
