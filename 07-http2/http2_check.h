// What a request must be besides well formed: chapter 06 refuses the same, with the
// same status. What is not well formed, nghttp2 refuses by itself.
#ifndef HTTP2_CHECK_H
#define HTTP2_CHECK_H

#include "http2_request.h"

// A field has come. RETURNS what a callback of nghttp2 returns: 0, or an error that
// ends the stream, or the connection.
int http2_check_field(struct http2_session *s, struct http2_request *r,
                      struct http2_field field);

// All fields are here. RETURNS 0, or the status with which the request is refused,
// and in *why the text of the answer, which stays.
int http2_check_request(const struct http2_request *r, struct span *why);

#endif
