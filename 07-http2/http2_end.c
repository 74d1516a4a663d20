#define _POSIX_C_SOURCE 200809L
// Who is late gets a word for each request that is not complete, and the other
// streams live on. Without a request under way it is the connection that ends.
#include "http2_end.h"

#include "http2_output.h"
#include "http2_request.h"
#include "http2_session.h"

// A client that waits for us is not idle.
void http2_end_idle(struct tcp_connection *c) {
    static const char text[] =
        "408 Request Timeout: too long for one request\n";
    struct http2_session *s = tcp_state(c);
    bool any_late = false;
    s->guard.is_timed = false;
    for (struct http2_request *r = s->requests; r != NULL; r = r->next) {
        if (!r->complete && !r->answered) {
            http_respond(&r->base, 408, (struct span){text, sizeof text - 1});
            any_late = true;
        }
    }
    if (any_late) {
        tcp_report(c, "too long for one request");
    } else if (!http2_is_working(s)) {
        nghttp2_session_terminate_session(s->nghttp2, NGHTTP2_NO_ERROR);
    }
    http2_send_soon(s);
    loop_executor_run(http2_shared(s)->executor);
}

// GOAWAY names the last request that we have seen. The client may send later
// ones elsewhere; those before it get their answers. It leaves at once: a
// request that is read before would be later than the last, and yet answered.
void http2_end_stopping(struct tcp_connection *c) {
    struct http2_session *s = tcp_state(c);
    nghttp2_submit_goaway(s->nghttp2, NGHTTP2_FLAG_NONE,
                          nghttp2_session_get_last_proc_stream_id(s->nghttp2),
                          NGHTTP2_NO_ERROR, NULL, 0);
    http2_send_now(s);
}
