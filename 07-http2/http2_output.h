// The third step of each round: what nghttp2 wants to say leaves, all of it in
// one write for each connection.
#ifndef HTTP2_OUTPUT_H
#define HTTP2_OUTPUT_H

#include <stdbool.h>

struct http2_session;

// The connections of a loop that have something to say.
struct http2_outbox {
    struct http2_session *first;
};

// There is output, or the connection may be over: s is looked at when the round
// ends. Asking twice is asking once.
void http2_send_soon(struct http2_session *s);
void http2_send_all(struct http2_outbox *outbox);

// For what cannot wait for the end of the round.
void http2_send_now(struct http2_session *s);

// The connection is gone: s is not on the list any more.
void http2_forget_output(struct http2_session *s);

#endif
