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

int http2_check_field(struct http2_session *s, struct http_request *r,
                      struct span name, struct span value) {
    bool was_too_large = r->headers.is_too_large;
    uint32_t why =
        http2_headers_add(&r->headers, &s->guard.header_text, name, value);
    // Not from the list, which may be too large. The method comes early.
    r->is_head = r->is_head || (value.size == 4 && span_is(name, ":method") &&
                                span_is(value, "HEAD"));
    if (r->headers.is_too_large && !was_too_large &&
        http2_guard_charge(s, tokens_for_large_list) != 0) {
        return NGHTTP2_ERR_CALLBACK_FAILURE;
    }
    if (why == NGHTTP2_NO_ERROR) {
        return 0;
    }
    int error = http2_reset(s, r->stream, why);
    return error != 0 ? error : NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
}

// ---- All of them ----

static int refuse(int status, const char *text, struct span *why) {
    *why = (struct span){text, strlen(text)};
    return status;
}

static int check_method(struct span method, struct span *why) {
    if (span_is(method, "CONNECT")) {
        return refuse(501, "CONNECT, but this is no proxy\n", why);
    }
    if (span_is(method, "TRACE")) {
        return refuse(405, "TRACE, which gives away secrets\n", why);
    }
    return 0;
}

static int check_path(struct span path, struct span method, struct span *why) {
    struct span rest = path;
    span_cut_set(&rest, OCTET_TARGET);
    if (rest.size > 0) {
        return refuse(400, "a bad target\n", why);
    }
    return span_is(path, "*") && !span_is(method, "OPTIONS")
               ? refuse(400, "the target * without OPTIONS\n", why)
               : 0;
}

static int check_scheme(struct span scheme, struct span *why) {
    if (span_is_word(scheme, "https")) {
        return refuse(421, "an https target without TLS\n", why);
    }
    return span_is_word(scheme, "http")
               ? 0
               : refuse(400, "a target that is no path\n", why);
}

static int check_hosts(struct span authority, struct span host,
                       struct span *why) {
    if (!http_is_host(authority) || !http_is_host(host)) {
        return refuse(400, "a bad Host\n", why);
    }
    // RFC 9113 section 8.3.1: they say the same, if both are there.
    return authority.size > 0 && host.size > 0 &&
                   (authority.size != host.size ||
                    memcmp(authority.at, host.at, host.size) != 0)
               ? refuse(400, "two hosts\n", why)
               : 0;
}

static int check_expect(struct http_request *r, struct span list,
                        struct span *why) {
    struct span what;
    while (span_next_member(&list, &what)) {
        if (!span_is_word(what, "100-continue")) {
            return refuse(417, "an expectation that we cannot meet\n", why);
        }
        r->expects_continue = true;
    }
    return 0;
}

// The fields that matter, so that one walk through the list finds them all.
enum known { METHOD, SCHEME, PATH, AUTHORITY, HOST, EXPECT, known_count };

static const struct span names[] = {
    [METHOD] = {":method", 7}, [SCHEME] = {":scheme", 7},
    [PATH] = {":path", 5},     [AUTHORITY] = {":authority", 10},
    [HOST] = {"host", 4},      [EXPECT] = {"expect", 6},
};

static enum known find(struct span name) {
    int i = 0;
    while (i < known_count && !(name.size == names[i].size &&
                                memcmp(name.at, names[i].at, name.size) == 0)) {
        i++;
    }
    return (enum known)i;
}

// An expectation is judged where it stands, since there may be several. RETURNS as
// http2_check_request.
static int collect(struct http_request *r, struct span found[],
                   struct span *why) {
    struct span name, value;
    size_t at = 0;
    int status = 0;
    while (status == 0 && http2_headers_next(&r->headers, &at, &name, &value)) {
        enum known known = find(name);
        if (known == EXPECT) {
            status = check_expect(r, value, why);
        } else if (known != known_count) {
            found[known] = value;
        }
    }
    return status;
}

int http2_check_request(struct http_request *r, struct span *why) {
    struct span found[known_count] = {{0}};
    if (r->headers.is_too_large) {
        return refuse(431, "Header list over 16 KiB\n", why);
    }
    int status = collect(r, found, why);
    if (status == 0) {
        status = check_method(found[METHOD], why);
    }
    if (status == 0) {
        status = check_path(found[PATH], found[METHOD], why);
    }
    if (status == 0) {
        status = check_scheme(found[SCHEME], why);
    }
    if (status == 0) {
        status = check_hosts(found[AUTHORITY], found[HOST], why);
    }
    return status;
}
