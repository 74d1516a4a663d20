#define _POSIX_C_SOURCE 200809L
// Two servers that read one request differently are how something is smuggled past
// the first, in HTTP/2 as in HTTP/1.
#include "http2_check.h"

#include "http2_limits.h"
#include "http2_output.h"
#include "http2_session.h"
#include "http_host.h"

#include <string.h>

// ---- Field by field ----

// Where the values that matter are noted, so that nobody looks for them later.
static struct span *place_of(struct http2_request *r, struct span name) {
    return span_is(name, ":method")      ? &r->base.method
           : span_is(name, ":path")      ? &r->base.target
           : span_is(name, ":scheme")    ? &r->scheme
           : span_is(name, ":authority") ? &r->authority
           : span_is(name, "host")       ? &r->host
                                         : NULL;
}

static void note_expectation(struct http2_request *r, struct span list) {
    struct span what;
    while (span_next_member(&list, &what)) {
        bool is_met = span_is_word(what, "100-continue");
        r->expects_continue |= is_met;
        r->refuses_expect |= !is_met;
    }
}

// The method is noted even if the list turns out to be too large: who answers HEAD
// must know it.
static void note(struct http2_request *r, struct span name, struct span value) {
    struct span *place = place_of(r, name);
    if (place != NULL) {
        *place = value;
        r->is_head |= place == &r->base.method && span_is(value, "HEAD");
    } else if (span_is(name, "expect")) {
        note_expectation(r, value);
    }
}

int http2_check_field(struct http2_session *s, struct http2_request *r,
                      struct http2_field field) {
    struct span name = http2_span(field.name), value = http2_span(field.value);
    bool was_too_large = r->headers.is_too_large;
    uint32_t why = http2_headers_add(&r->headers, &s->guard.header_text, field,
                                     name.size + value.size);
    if (r->headers.is_too_large && !was_too_large &&
        http2_guard_charge(s, tokens_for_large_list) != 0) {
        return NGHTTP2_ERR_CALLBACK_FAILURE;
    }
    if (why != NGHTTP2_NO_ERROR) {
        int error = http2_reset(s, r->stream, why);
        return error != 0 ? error : NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    }
    if (!r->headers.in_trailers) {
        note(r, name, value);
    }
    return 0;
}

// ---- All of them ----

static int refuse(int status, const char *text, struct span *why) {
    *why = (struct span){text, strlen(text)};
    return status;
}

static int check_size(const struct http2_request *r, struct span *why) {
    return r->headers.is_too_large
               ? refuse(431, "Header list over 16 KiB\n", why)
               : 0;
}

static int check_expect(const struct http2_request *r, struct span *why) {
    return r->refuses_expect
               ? refuse(417, "an expectation that we cannot meet\n", why)
               : 0;
}

static int check_method(const struct http2_request *r, struct span *why) {
    if (span_is(r->base.method, "CONNECT")) {
        return refuse(501, "CONNECT, but this is no proxy\n", why);
    }
    return span_is(r->base.method, "TRACE")
               ? refuse(405, "TRACE, which gives away secrets\n", why)
               : 0;
}

static int check_path(const struct http2_request *r, struct span *why) {
    struct span rest = r->base.target;
    span_cut_set(&rest, OCTET_TARGET);
    if (rest.size > 0) {
        return refuse(400, "a bad target\n", why);
    }
    return span_is(r->base.target, "*") && !span_is(r->base.method, "OPTIONS")
               ? refuse(400, "the target * without OPTIONS\n", why)
               : 0;
}

static int check_scheme(const struct http2_request *r, struct span *why) {
    if (span_is_word(r->scheme, "https")) {
        return refuse(421, "an https target without TLS\n", why);
    }
    return span_is_word(r->scheme, "http")
               ? 0
               : refuse(400, "a target that is no path\n", why);
}

// RFC 9113 section 8.3.1: they say the same, if both are there.
static int check_hosts(const struct http2_request *r, struct span *why) {
    struct span a = r->authority, b = r->host;
    if (!http_is_host(a) || !http_is_host(b)) {
        return refuse(400, "a bad Host\n", why);
    }
    return a.size > 0 && b.size > 0 &&
                   (a.size != b.size || memcmp(a.at, b.at, b.size) != 0)
               ? refuse(400, "two hosts\n", why)
               : 0;
}

int http2_check_request(const struct http2_request *r, struct span *why) {
    static int (*const checks[])(const struct http2_request *,
                                 struct span *) = {check_size,   check_expect,
                                                   check_method, check_path,
                                                   check_scheme, check_hosts};
    int status = 0;
    for (size_t i = 0; status == 0 && i < sizeof checks / sizeof checks[0];
         i++) {
        status = checks[i](r, why);
    }
    return status;
}
