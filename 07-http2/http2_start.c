#define _POSIX_C_SOURCE 200809L
// nghttp2 wants to be told which functions it shall call, and how strict to be; and
// for each connection, what we say to the client in our SETTINGS.
#include "http2_start.h"

#include "http2_events.h"
#include "http2_limits.h"
#include "http2_output.h"

#include <stdlib.h>

static void give_back(struct http2_shared *shared) {
    nghttp2_option_del(shared->options);
    nghttp2_session_callbacks_del(shared->callbacks);
    free(shared);
}

bool http2_start_loop(uv_loop_t *loop) {
    struct http2_shared *shared = calloc(1, sizeof *shared);
    if (shared == NULL) {
        return false;
    }
    if (nghttp2_session_callbacks_new(&shared->callbacks) != 0 ||
        nghttp2_option_new(&shared->options) != 0 ||
        (shared->executor =
             loop_executor_start(loop, http2_send_all, shared)) == NULL) {
        give_back(shared);
        return false;
    }
    http2_events_register(shared->callbacks);
    http2_guard_register(shared->callbacks);
#ifdef HAVE_RESET_LIMIT // see the Makefile
    // How many resets are too many is for our guard to say, not for each
    // version of nghttp2.
    nghttp2_option_set_stream_reset_rate_limit(shared->options, UINT64_MAX,
                                               UINT64_MAX);
#endif
    http2_memory_begin(&shared->memory);
    loop->data = shared;
    return true;
}

void http2_stop_loop(uv_loop_t *loop) {
    struct http2_shared *shared = loop->data;
    loop_executor_stop(shared->executor);
    http2_memory_end(&shared->memory);
    give_back(shared);
}

bool http2_start_session(struct http2_session *s) {
    static const nghttp2_settings_entry settings[] = {
        {NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, max_requests},
        {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, max_headers},
        {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, receive_window},
    };
    struct http2_shared *shared = http2_shared(s);
    return nghttp2_session_server_new3(&s->nghttp2, shared->callbacks, s,
                                       shared->options,
                                       &shared->memory.calls) == 0 &&
           nghttp2_submit_settings(s->nghttp2, NGHTTP2_FLAG_NONE, settings,
                                   sizeof settings / sizeof settings[0]) == 0 &&
           nghttp2_session_set_local_window_size(s->nghttp2, NGHTTP2_FLAG_NONE,
                                                 0, receive_window) == 0;
}
