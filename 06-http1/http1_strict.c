// Strictness. Of all fields only five change how a request is read: Host,
// Content-Length, Transfer-Encoding, Connection and Expect. Whoever reads one of
// them another way sees another request.
#include "http1_strict.h"

#include "http1_limits.h"
#include "http_host.h"

#include <string.h>

enum http1_event http1_refuse(struct http1_parser *p, int status,
                              const char *why) {
    p->state = HTTP1_IS_REFUSED;
    p->status = status;
    p->why = why;
    return HTTP1_REFUSED;
}

// ---- How long a line may be ----

static const struct {
    uint16_t size;
    int status;
    const char *why;
} limits[] = {
    [HTTP1_AT_LINE] = {http1_max_line, 414, "a target that is too long"},
    [HTTP1_AT_FIELD] = {http1_max_head, 431, "fields that are too long"},
    [HTTP1_AT_CHUNK_SIZE] = {http1_max_extra, 400,
                             "a chunk extension that is too long"},
    [HTTP1_AT_CHUNK_END] = {2, 400, "a chunk that is longer than its size"},
    [HTTP1_AT_TRAILER] = {http1_max_extra, 431, "trailers that are too long"},
};

size_t http1_longest_line(enum http1_state state) {
    return limits[state].size;
}

enum http1_event http1_refuse_long_line(struct http1_parser *p,
                                        struct span start) {
    // RFC 9112 section 3 asks for the 501.
    return p->state == HTTP1_AT_LINE &&
                   memchr(start.at, ' ', http1_max_line) == NULL
               ? http1_refuse(p, 501, "a method that is too long")
               : http1_refuse(p, limits[p->state].status, limits[p->state].why);
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
    // RFC 9110 section 7.4: what was meant for a secured connection.
    bool is_secured = cut_word(&target, "https://");
    bool is_plain = cut_word(&target, "http://");
    size_t size = 0;
    while (size < target.size && target.at[size] != '/' &&
           target.at[size] != '?') {
        size++;
    }
    struct span host = span_cut(&target, size);
    return is_secured  ? http1_refuse(p, 421, "an https target without TLS")
           : !is_plain ? http1_refuse(p, 400, "a target that is no path")
           : size == 0 || host.at[0] == ':' || !http_is_host(host)
               ? http1_refuse(p, 400, "a target with a bad host")
               : HTTP1_CARRY_ON;
}

// HTTP/1.1, a digit on each side of the dot.
static bool is_version(struct span s) {
    return s.size == 8 && memcmp(s.at, "HTTP/", 5) == 0 &&
           octet_is(s.at[5], OCTET_DIGIT) && s.at[6] == '.' &&
           octet_is(s.at[7], OCTET_DIGIT);
}

enum http1_event http1_check_line(struct http1_parser *p, struct span method,
                                  struct span target, struct span version) {
    if (!is_version(version)) {
        return http1_refuse(p, 400, "a bad version");
    }
    p->minor = version.at[7] != '0'; // 1.2 would be read as 1.1
    // The version first, since what the rest means depends on it. It also answers
    // the preface of HTTP/2, which was made to look like this: PRI * HTTP/2.0
    return version.at[5] != '1'
               ? http1_refuse(p, 505, "a version that is not HTTP/1")
           // It asks for a tunnel to somewhere else. To greet would be to agree.
           : span_is(method, "CONNECT")
               ? http1_refuse(p, 501, "CONNECT, but this is no proxy")
           // It wants its request back, with what a browser would keep secret.
           : span_is(method, "TRACE")
               ? http1_refuse(p, 405, "TRACE, which gives away secrets")
           : target.at[0] == '/' ? HTTP1_CARRY_ON
           // The server as a whole, section 3.2.4.
           : !span_is(target, "*") ? check_absolute(p, target)
           : span_is(method, "OPTIONS")
               ? HTTP1_CARRY_ON
               : http1_refuse(p, 400, "the target * without OPTIONS");
}

// ---- The fields that change how we read ----

static enum http1_event on_host(struct http1_parser *p, struct span value) {
    if (p->has_host) {
        return http1_refuse(p, 400, "two Host fields");
    }
    p->has_host = true;
    return http_is_host(value) ? HTTP1_CARRY_ON
                               : http1_refuse(p, 400, "a bad Host");
}

// "chunked" is all we know, and must come last, once (RFC 9112 section 6.1).
// Several fields are one list, so the rest is said when all are here.
static enum http1_event on_transfer_encoding(struct http1_parser *p,
                                             struct span value) {
    struct span coding;
    p->has_coding = true;
    while (span_next_member(&value, &coding)) {
        if (p->chunked) {
            return http1_refuse(p, 400, "a coding after chunked");
        }
        p->chunked = span_is_word(coding, "chunked");
        p->has_unknown_coding |= !p->chunked;
    }
    return HTTP1_CARRY_ON;
}

// A list of words, of which two matter.
static enum http1_event on_connection(struct http1_parser *p,
                                      struct span value) {
    struct span word;
    while (span_next_member(&value, &word)) {
        p->wants_close |= span_is_word(word, "close");
        p->wants_keep_alive |= span_is_word(word, "keep-alive");
    }
    return HTTP1_CARRY_ON;
}

// HTTP/1.0 did not know it: it is ignored there (RFC 9110 section 10.1.1).
static enum http1_event on_expect(struct http1_parser *p, struct span value) {
    struct span what;
    while (p->minor > 0 && span_next_member(&value, &what)) {
        if (!span_is_word(what, "100-continue")) {
            return http1_refuse(p, 417, "an expectation that we cannot meet");
        }
        p->expects_continue = true;
    }
    return HTTP1_CARRY_ON;
}

enum http1_event http1_check_field(struct http1_parser *p, struct span name,
                                   struct span value) {
    return span_is_word(name, "Host")         ? on_host(p, value)
           : span_is_word(name, "Expect")     ? on_expect(p, value)
           : span_is_word(name, "Connection") ? on_connection(p, value)
           : span_is_word(name, "Transfer-Encoding")
               ? on_transfer_encoding(p, value)
               : HTTP1_CARRY_ON; // to be shown, but nothing to us
}

// ---- The head as a whole ----

// How long is the body? Where both fields speak, or an old client uses the new
// one, another server may have read it the other way (RFC 9112 section 6.1).
static enum http1_event check_framing(struct http1_parser *p) {
    return p->has_coding && p->has_length
               ? http1_refuse(p, 400, "Transfer-Encoding and Content-Length")
           : p->has_coding && p->minor == 0
               ? http1_refuse(p, 400, "Transfer-Encoding in HTTP/1.0")
           : p->has_coding && !p->chunked
               ? http1_refuse(p, 400, "a body that is not chunked at the end")
           : p->has_unknown_coding
               ? http1_refuse(p, 501, "a transfer coding we do not know")
           : p->left > http1_max_body
               ? http1_refuse(p, 413, "a body that is too long")
               : HTTP1_CARRY_ON;
}

enum http1_event http1_check_head(struct http1_parser *p) {
    // HTTP/1.1 stays unless told otherwise, 1.0 leaves (RFC 9112 section 9.3).
    p->keep_alive = !p->wants_close && (p->minor > 0 || p->wants_keep_alive);
    p->has_body = p->chunked || p->left > 0;
    p->expects_continue &= p->has_body; // else there is nothing to wait for
    return p->has_host || p->minor == 0 ? check_framing(p)
                                        : http1_refuse(p, 400, "no Host");
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
enum http1_event http1_check_extensions(struct http1_parser *p, struct span s) {
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
    return HTTP1_CARRY_ON;
}
