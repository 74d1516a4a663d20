// What nghttp2 tells us about the frames that come and go.
#ifndef HTTP2_EVENTS_H
#define HTTP2_EVENTS_H

#include <nghttp2/nghttp2.h>

// The user data of these sessions must be a struct http2_session.
void http2_events_register(nghttp2_session_callbacks *all);

#endif
