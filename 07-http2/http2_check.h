// What a request must be besides well formed: chapter 06 refuses the same, with the
// same status. What is not well formed, nghttp2 refuses by itself.
#ifndef HTTP2_CHECK_H
#define HTTP2_CHECK_H

#include "http2_request.h"

// A field has come. RETURNS what a callback of nghttp2 returns: 0, or an error that
// ends the stream, or the connection.
int http2_check_field(struct http2_request *r, struct http2_field field);

// All fields are here. RETURNS whether the request is one for the handler. If not,
// it has been refused: that is its answer.
bool http2_check_request(struct http2_request *r);

#endif
