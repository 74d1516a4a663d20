// The rules behind http1_rules.h. Of all fields only five change how a request
// is read: Host, Content-Length, Transfer-Encoding, Connection and Expect.
#include "http1_rules.h"

#include <string.h>

enum http1_event http1_refuse(struct http1_parser *p, int status,
                              const char *why) {
    p->state = HTTP1_IS_REFUSED;
    p->status = status;
    p->why = why;
    return HTTP1_REFUSED;
}

// ---- A host and its port, RFC 3986 section 3.2 ----

static bool is_hex(char octet) {
    return octet_hex(octet) >= 0;
}

// A name or an IPv4 address, perhaps with escaped octets, perhaps nothing.
static bool cut_name(struct span *s) {
    for (;;) {
        span_cut_set(s, OCTET_HOST);
        if (s->size == 0 || s->at[0] != '%') {
            return true;
        }
        if (s->size < 3 || !is_hex(s->at[1]) || !is_hex(s->at[2])) {
            return false;
        }
        span_cut(s, 3);
    }
}

// An IPv6 address, whose digits nobody needs here.
static bool cut_brackets(struct span *s) {
    size_t before = s->size;
    do {
        span_cut_set(s, OCTET_HOST);
    } while (span_cut_octet(s, ':'));
    return s->size < before && span_cut_octet(s, ']');
}

static bool is_host(struct span s) {
    bool good = span_cut_octet(&s, '[') ? cut_brackets(&s) : cut_name(&s);
    if (good && span_cut_octet(&s, ':')) {
        span_cut_set(&s, OCTET_DIGIT);
    }
    return good && s.size == 0;
}

// ---- The line, RFC 9112 section 3 ----

static bool cut_word(struct span *s, const char *word) {
    size_t size = strlen(word);
    if (s->size < size || !span_is_word((struct span){s->at, size}, word)) {
        return false;
    }
    span_cut(s, size);
    return true;
}

// absolute-form, http://host:port/path: what a client sends to a proxy, and a
// server must understand (section 3.2.2).
static enum http1_event check_absolute(struct http1_parser *p,
                                       struct span target) {
    if (cut_word(&target, "https://")) {
        // RFC 9110 section 7.4: what was meant for a secured connection.
        return http1_refuse(p, 421, "an https target without TLS");
    }
    if (!cut_word(&target, "http://")) {
        return http1_refuse(p, 400, "a target that is no path");
    }
    size_t size = 0;
    while (size < target.size && target.at[size] != '/' &&
           target.at[size] != '?') {
        size++;
    }
    struct span host = span_cut(&target, size);
    if (size == 0 || host.at[0] == ':' || !is_host(host)) {
        return http1_refuse(p, 400, "a target with a bad host");
    }
    return HTTP1_MORE;
}

enum http1_event http1_check_line(struct http1_parser *p, struct span method,
                                  struct span target, struct span version) {
    // First of all, since what the rest means depends on it. It also answers
    // the preface of HTTP/2, which was made to look like this: PRI * HTTP/2.0
    if (version.at[5] != '1') {
        return http1_refuse(p, 505, "a version that is not HTTP/1");
    }
    p->minor = version.at[7] != '0'; // 1.2 would be read as 1.1
    if (span_is(method, "CONNECT")) {
        // It asks for a tunnel to somewhere else. To greet would be to agree.
        return http1_refuse(p, 501, "CONNECT, but this is no proxy");
    }
    if (target.at[0] == '/') {
        return HTTP1_MORE;
    }
    if (span_is(target, "*")) { // the server as a whole, section 3.2.4
        return span_is(method, "OPTIONS")
                   ? HTTP1_MORE
                   : http1_refuse(p, 400, "the target * without OPTIONS");
    }
    return check_absolute(p, target);
}

// ---- The fields that change how we read ----

static enum http1_event on_host(struct http1_parser *p, struct span value) {
    if (p->has_host) {
        return http1_refuse(p, 400, "two Host fields");
    }
    p->has_host = true;
    return is_host(value) ? HTTP1_MORE : http1_refuse(p, 400, "a bad Host");
}

// One number: no sign, no list, no second field, even if it says the same.
static enum http1_event on_content_length(struct http1_parser *p,
                                          struct span value) {
    if (p->has_length) {
        return http1_refuse(p, 400, "two Content-Length fields");
    }
    p->has_length = true;
    struct span digits = span_cut_set(&value, OCTET_DIGIT);
    if (digits.size == 0 || value.size > 0) {
        return http1_refuse(p, 400, "a Content-Length that is no number");
    }
    // Past the limit more digits cannot make it fit, and must not overflow.
    for (size_t i = 0; i < digits.size && p->left <= http1_max_body; i++) {
        p->left = p->left * 10 + (uint64_t)(digits.at[i] - '0');
    }
    return HTTP1_MORE;
}

// "chunked" is all we know, and the one that must be last (section 6.1).
static enum http1_event on_transfer_encoding(struct http1_parser *p,
                                             struct span value) {
    static const char chunked[] = "chunked";
    const size_t size = sizeof chunked - 1;
    if (p->chunked) {
        return http1_refuse(p, 400, "two Transfer-Encoding fields");
    }
    p->chunked = true;
    if (span_is_word(value, chunked)) {
        return HTTP1_MORE;
    }
    if (value.size > size) {
        struct span before = span_cut(&value, value.size - size);
        char octet = before.at[before.size - 1];
        if ((octet == ',' || octet_is(octet, OCTET_BLANK)) &&
            span_is_word(value, chunked)) {
            return http1_refuse(p, 501, "a transfer coding we do not know");
        }
    }
    return http1_refuse(p, 400, "a body that is not chunked at the end");
}

// A list of words, of which two matter.
static enum http1_event on_connection(struct http1_parser *p,
                                      struct span value) {
    while (value.size > 0) {
        struct span word = span_cut_set(&value, OCTET_TOKEN);
        p->wants_close |= span_is_word(word, "close");
        p->wants_keep_alive |= span_is_word(word, "keep-alive");
        if (value.size > 0) {
            span_cut(&value, 1); // a comma, a blank
        }
    }
    return HTTP1_MORE;
}

static enum http1_event on_expect(struct http1_parser *p, struct span value) {
    if (!span_is_word(value, "100-continue")) {
        return http1_refuse(p, 417, "an expectation that we cannot meet");
    }
    p->expects_continue = true;
    return HTTP1_MORE;
}

enum http1_event http1_check_field(struct http1_parser *p, struct span name,
                                   struct span value) {
    static const struct {
        struct span name;
        enum http1_event (*check)(struct http1_parser *, struct span);
    } known[] = {
        {{"Host", 4}, on_host},
        {{"Expect", 6}, on_expect},
        {{"Connection", 10}, on_connection},
        {{"Content-Length", 14}, on_content_length},
        {{"Transfer-Encoding", 17}, on_transfer_encoding},
    };
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        // The size first: it tells most names apart, and costs nothing.
        if (name.size == known[i].name.size &&
            span_is_word(name, known[i].name.at)) {
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

// ---- Chunk extensions, RFC 9112 section 7.1.1 ----

// The rest of a text in quotes. A backslash takes the meaning from what follows
// it, so that a quote may stand in the text.
static bool cut_quoted(struct span *s) {
    while (s->size > 0) {
        char octet = *span_cut(s, 1).at;
        if (octet == '"') {
            return true;
        }
        if (octet == '\\' && s->size > 0) {
            span_cut(s, 1);
        }
    }
    return false;
}

// =value, or nothing.
static bool cut_value(struct span *s) {
    struct span rest = *s;
    span_cut_set(&rest, OCTET_BLANK);
    if (!span_cut_octet(&rest, '=')) {
        return true;
    }
    span_cut_set(&rest, OCTET_BLANK);
    *s = rest;
    return span_cut_octet(s, '"') ? cut_quoted(s)
                                  : span_cut_set(s, OCTET_TOKEN).size > 0;
}

// We know none and follow none (the RFC says so, too); but what has another
// shape is a size that somebody else reads otherwise.
enum http1_event http1_check_extensions(struct http1_parser *p,
                                        struct span extensions) {
    struct span s = extensions;
    while (s.size > 0) {
        span_cut_set(&s, OCTET_BLANK);
        if (!span_cut_octet(&s, ';')) {
            return http1_refuse(p, 400, "a bad chunk size");
        }
        span_cut_set(&s, OCTET_BLANK);
        if (span_cut_set(&s, OCTET_TOKEN).size == 0 || !cut_value(&s)) {
            return http1_refuse(p, 400, "a bad chunk extension");
        }
    }
    return HTTP1_MORE;
}
