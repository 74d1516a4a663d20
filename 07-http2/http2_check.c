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

int http2_check_field(struct http2_request *r, struct http2_field field) {
    struct http2_session *s = r->session;
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

static bool refuse(struct http2_request *r, int status, const char *text) {
    http_respond(&r->base, status, (struct span){text, strlen(text)});
    return false;
}

static bool is_bad_target(struct span target) {
    span_cut_set(&target, OCTET_TARGET);
    return target.size > 0;
}

// RFC 9113 section 8.3.1: they say the same, if both are there.
static bool are_two_hosts(struct span a, struct span b) {
    return a.size > 0 && b.size > 0 &&
           (a.size != b.size || memcmp(a.at, b.at, b.size) != 0);
}

// The size comes first: of a list that is too large no field is there to be read.
bool http2_check_request(struct http2_request *r) {
    struct span method = r->base.method, target = r->base.target;
    return r->headers.is_too_large ? refuse(r, 431, "Header list over 16 KiB\n")
           : r->refuses_expect
               ? refuse(r, 417, "an expectation that we cannot meet\n")
           : span_is(method, "CONNECT")
               ? refuse(r, 501, "CONNECT, but this is no proxy\n")
           : span_is(method, "TRACE")
               ? refuse(r, 405, "TRACE, which gives away secrets\n")
           : is_bad_target(target) ? refuse(r, 400, "a bad target\n")
           : span_is(target, "*") && !span_is(method, "OPTIONS")
               ? refuse(r, 400, "the target * without OPTIONS\n")
           : span_is_word(r->scheme, "https")
               ? refuse(r, 421, "an https target without TLS\n")
           : !span_is_word(r->scheme, "http")
               ? refuse(r, 400, "a target that is no path\n")
           : !http_is_host(r->authority) || !http_is_host(r->host)
               ? refuse(r, 400, "a bad Host\n")
           : are_two_hosts(r->authority, r->host)
               ? refuse(r, 400, "two hosts\n")
               : true;
}
