// For suites of chapter 07 that look at the status of an answer: fields are packed,
// and only nghttp2 can unpack them.
#ifndef HTTP2_STATUS_H
#define HTTP2_STATUS_H

#include "http2_client.h"

#include <nghttp2/nghttp2.h>

// Settings of a client that remembers no headers, so that each header list can
// be unpacked by itself.
static const char no_table[] = "\0\1\0\0\0\0";

// RETURNS the status in a list of an answer's fields, where it comes first.
static inline int status_of(const struct frame *f) {
    nghttp2_hd_inflater *inflater;
    nghttp2_nv field = {0};
    int flags = 0;
    size_t at = 0;
    ck_assert_int_eq(nghttp2_hd_inflate_new(&inflater), 0);
    do {
        ssize_t n = nghttp2_hd_inflate_hd2(inflater, &field, &flags,
                                           f->payload + at, f->size - at, 1);
        ck_assert_int_ge(n, 0);
        at += (size_t)n;
    } while ((flags & (NGHTTP2_HD_INFLATE_EMIT | NGHTTP2_HD_INFLATE_FINAL)) ==
             0);
    ck_assert_str_eq((char *)field.name, ":status");
    int status = atoi((char *)field.value);
    nghttp2_hd_inflate_del(inflater);
    return status;
}

#endif
