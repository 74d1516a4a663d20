#define _POSIX_C_SOURCE 200809L
// The rules behind http1_rules.h. Of all fields only five change how a request
// is read: Host, Content-Length, Transfer-Encoding, Connection and Expect.
#include "http1_rules.h"

#include "http1_octets.h"

#include <string.h>
#include <strings.h>

enum http1_event http1_refuse(struct http1_parser *p, int status,
                              const char *why) {
    p->state = HTTP1_IS_REFUSED;
    p->status = status;
    p->why = why;
    return HTTP1_REFUSED;
}

// Methods are told apart by case (RFC 9110 section 9.1), most else is not.
static bool is_exactly(struct http1_span s, const char *word) {
    return s.size == strlen(word) && memcmp(s.at, word, s.size) == 0;
}

static bool is_word(struct http1_span s, const char *word) {
    return s.size == strlen(word) && strncasecmp(s.at, word, s.size) == 0;
}

static struct http1_span skip_front(struct http1_span s, size_t n) {
    return (struct http1_span){s.at + n, s.size - n};
}

// ---- A host and its port, RFC 3986 section 3.2 ----

// RETURNS the length of the name or the IPv4 address at the front.
static size_t name_length(struct http1_span s) {
    size_t n = 0;
    while (n < s.size) {
        if (octet_is(s.at[n], OCTET_HOST)) {
            n++;
        } else if (s.at[n] == '%' && n + 2 < s.size &&
                   octet_hex(s.at[n + 1]) >= 0 && octet_hex(s.at[n + 2]) >= 0) {
            n += 3;
        } else {
            break;
        }
    }
    return n;
}

// RETURNS the length of the address in brackets at the front, or 0.
static size_t address_length(struct http1_span s) {
    size_t n = 1;
    while (n < s.size && (octet_is(s.at[n], OCTET_HOST) || s.at[n] == ':')) {
        n++;
    }
    return n > 1 && n < s.size && s.at[n] == ']' ? n + 1 : 0;
}

static bool is_host(struct http1_span s) {
    bool bracket = s.size > 0 && s.at[0] == '[';
    size_t n = bracket ? address_length(s) : name_length(s);
    if (bracket && n == 0) {
        return false;
    }
    s = skip_front(s, n);
    if (s.size == 0) {
        return true;
    }
    for (n = 1; n < s.size && octet_is(s.at[n], OCTET_DIGIT); n++) {
    }
    return s.at[0] == ':' && n == s.size;
}

// ---- The line, RFC 9112 section 3 ----

// absolute-form, http://host:port/path: what a client sends to a proxy, and a
// server must understand (section 3.2.2).
static enum http1_event check_absolute(struct http1_parser *p,
                                       struct http1_span target) {
    static const char http[] = "http://", https[] = "https://";
    size_t n = sizeof http - 1;
    if (target.size >= sizeof https - 1 &&
        strncasecmp(target.at, https, sizeof https - 1) == 0) {
        // RFC 9110 section 7.4: what was meant for a secured connection.
        return http1_refuse(p, 421, "an https target without TLS");
    }
    if (target.size < n || strncasecmp(target.at, http, n) != 0) {
        return http1_refuse(p, 400, "a target that is no path");
    }
    target = skip_front(target, n);
    for (n = 0; n < target.size; n++) {
        if (target.at[n] == '/' || target.at[n] == '?') {
            break;
        }
    }
    if (n == 0 || target.at[0] == ':' ||
        !is_host((struct http1_span){target.at, n})) {
        return http1_refuse(p, 400, "a target with a bad host");
    }
    return HTTP1_MORE;
}

enum http1_event http1_check_line(struct http1_parser *p,
                                  struct http1_span method,
                                  struct http1_span target) {
    // First of all, since what the rest means depends on it. It also answers
    // the preface of HTTP/2, which was made to look like this: PRI * HTTP/2.0
    if (p->major != 1) {
        return http1_refuse(p, 505, "a version that is not HTTP/1");
    }
    if (is_exactly(method, "CONNECT")) {
        // It asks for a tunnel to somewhere else. To greet would be to agree.
        return http1_refuse(p, 501, "CONNECT, but this is no proxy");
    }
    p->is_head = is_exactly(method, "HEAD");
    if (target.at[0] == '/') {
        return HTTP1_MORE;
    }
    if (is_exactly(target, "*")) { // the server as a whole, section 3.2.4
        return is_exactly(method, "OPTIONS")
                   ? HTTP1_MORE
                   : http1_refuse(p, 400, "the target * without OPTIONS");
    }
    return check_absolute(p, target);
}

// ---- The fields that change how we read ----

static enum http1_event on_host(struct http1_parser *p,
                                struct http1_span value) {
    if (p->has_host) {
        return http1_refuse(p, 400, "two Host fields");
    }
    p->has_host = true;
    return is_host(value) ? HTTP1_MORE : http1_refuse(p, 400, "a bad Host");
}

// One number: no sign, no list, no second field, even if it says the same.
static enum http1_event on_content_length(struct http1_parser *p,
                                          struct http1_span value) {
    if (p->has_length) {
        return http1_refuse(p, 400, "two Content-Length fields");
    }
    p->has_length = true;
    for (size_t i = 0; i < value.size; i++) {
        if (!octet_is(value.at[i], OCTET_DIGIT)) {
            return http1_refuse(p, 400, "a Content-Length that is no number");
        }
        if (p->left <= http1_max_body) { // more digits cannot make it fit
            p->left = p->left * 10 + (uint64_t)(value.at[i] - '0');
        }
    }
    return value.size > 0 ? HTTP1_MORE
                          : http1_refuse(p, 400, "an empty Content-Length");
}

// "chunked" is all we know, and the one that must be last (section 6.1).
static enum http1_event on_transfer_encoding(struct http1_parser *p,
                                             struct http1_span value) {
    if (p->chunked) {
        return http1_refuse(p, 400, "two Transfer-Encoding fields");
    }
    if (is_word(value, "chunked")) {
        p->chunked = true;
        return HTTP1_MORE;
    }
    const size_t n = sizeof "chunked" - 1;
    if (value.size > n && strchr(", \t", value.at[value.size - n - 1]) &&
        is_word(skip_front(value, value.size - n), "chunked")) {
        return http1_refuse(p, 501, "a transfer coding that we do not know");
    }
    return http1_refuse(p, 400, "a body that is not chunked at the end");
}

// A list of words, of which two matter.
static enum http1_event on_connection(struct http1_parser *p,
                                      struct http1_span value) {
    while (value.size > 0) {
        struct http1_span word = {value.at, 0};
        while (word.size < value.size &&
               octet_is(word.at[word.size], OCTET_TOKEN)) {
            word.size++;
        }
        p->wants_close |= is_word(word, "close");
        p->wants_keep_alive |= is_word(word, "keep-alive");
        value = skip_front(value, word.size);
        if (value.size > 0) {
            value = skip_front(value, 1); // a comma, a blank
        }
    }
    return HTTP1_MORE;
}

static enum http1_event on_expect(struct http1_parser *p,
                                  struct http1_span value) {
    if (!is_word(value, "100-continue")) {
        return http1_refuse(p, 417, "an expectation that we cannot meet");
    }
    p->expects_continue = true;
    return HTTP1_MORE;
}

enum http1_event http1_check_field(struct http1_parser *p,
                                   struct http1_span name,
                                   struct http1_span value) {
    static const struct {
        struct http1_span name;
        enum http1_event (*check)(struct http1_parser *, struct http1_span);
    } known[] = {
        {{"host", 4}, on_host},
        {{"expect", 6}, on_expect},
        {{"connection", 10}, on_connection},
        {{"content-length", 14}, on_content_length},
        {{"transfer-encoding", 17}, on_transfer_encoding},
    };
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        if (name.size == known[i].name.size &&
            strncasecmp(name.at, known[i].name.at, name.size) == 0) {
            return known[i].check(p, value);
        }
    }
    return HTTP1_MORE; // to be shown, but nothing to us
}

// ---- The head as a whole ----

// How long is the body? Where both fields speak, or an old client uses the new
// one, another server may have read it the other way (RFC 9112 section 6.1).
static enum http1_event check_framing(struct http1_parser *p) {
    if (p->chunked && p->has_length) {
        return http1_refuse(p, 400, "Transfer-Encoding and Content-Length");
    }
    if (p->chunked && p->minor == 0) {
        return http1_refuse(p, 400, "Transfer-Encoding in HTTP/1.0");
    }
    if (p->left > http1_max_body) {
        return http1_refuse(p, 413, "a body that is too long");
    }
    p->has_body = p->chunked || p->left > 0;
    return HTTP1_MORE;
}

enum http1_event http1_check_head(struct http1_parser *p) {
    if (!p->has_host && p->minor > 0) {
        return http1_refuse(p, 400, "no Host");
    }
    // HTTP/1.1 stays unless told otherwise, 1.0 leaves (RFC 9112 section 9.3).
    p->keep_alive = !p->wants_close && (p->minor > 0 || p->wants_keep_alive);
    enum http1_event event = check_framing(p);
    // RFC 9110 section 10.1.1: nothing to wait for, or too old to know it.
    p->expects_continue &= p->has_body && p->minor > 0;
    return event;
}
