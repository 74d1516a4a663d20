// An incremental, strict parser for HTTP/1.x requests (RFC 9112 and RFC 9110).
//
// Bytes arrive in pieces that have nothing to do with where a request begins
// or ends. So this parser is a future in all but name: it is polled with the
// bytes that are there, goes as far as they reach, and says what it found or
// that it needs more. It can stop at any octet, and wherever it stops, the
// events are the same.
//
// It does no input, no output, allocates nothing and copies nothing: what it
// finds are pieces of the caller's bytes.
//
// Strict, because two servers in a row that read the same bytes differently
// are how a request is smuggled past the first of them. What the RFC does not
// allow is refused, never guessed.
#ifndef HTTP1_PARSER_H
#define HTTP1_PARSER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// ---- Limits: each bounds what one client can make us keep or do ----

enum {
    // RFC 9112 section 3 asks for 8000 at least. A longer line is a 414.
    http1_max_line = 8192,
    // The line and the fields together, with their line ends. Browsers with
    // many cookies need about half of it. More is a 431.
    http1_max_head = 16 * 1024,
    // Browsers send about 15 fields. More than these are a 431.
    http1_max_fields = 100,
    // Chunk extensions and trailers of one body together. Nobody uses the
    // first, and only checksums the second. More is a 400 or a 431.
    http1_max_extra = 4096,
    // This server reads a body and forgets it, so the limit bounds time, not
    // memory. More is a 413.
    http1_max_body = 64 * 1024 * 1024,
};

// ---- What goes in and what comes out ----

// A piece of somebody's bytes. BORROWED, always.
struct http1_span {
    const char *at;
    size_t size;
};

enum http1_event {
    HTTP1_MORE,    // all that is here is looked at; call again with more
    HTTP1_HEAD,    // line and fields are complete: see struct http1_part
    HTTP1_BODY,    // a piece of the body: see struct http1_part
    HTTP1_END,     // the request is complete; the next may follow at once
    HTTP1_REFUSED, // see status and why; nothing sensible can follow
};

// What an event has found, as pieces of the input of this call.
struct http1_part {
    struct http1_span method, target, fields; // with HTTP1_HEAD
    struct http1_span body;                   // with HTTP1_BODY
};

// Where the parser stands: the name says which octet comes next. First the
// states whose octets stay in the input until the head is complete.
enum http1_state {
    HTTP1_AT_START, // between two requests
    HTTP1_AT_EMPTY_LINE_LF,
    HTTP1_AT_METHOD,
    HTTP1_IN_METHOD,
    HTTP1_IN_TARGET,
    HTTP1_IN_VERSION,
    HTTP1_AT_LINE_LF,
    HTTP1_AT_FIELD, // a name, or the CR of the empty line
    HTTP1_IN_NAME,
    HTTP1_BEFORE_VALUE,
    HTTP1_IN_VALUE,
    HTTP1_AT_FIELD_LF,
    HTTP1_AT_FIELDS_LF,
    HTTP1_BEFORE_EXTENSION,
    HTTP1_IN_EXTENSION,
    HTTP1_AT_CHUNK_SIZE, // the first digit
    HTTP1_IN_CHUNK_SIZE,
    HTTP1_AT_CHUNK_SIZE_LF,
    HTTP1_IN_CHUNK,
    HTTP1_AT_CHUNK_CR,
    HTTP1_AT_CHUNK_LF,
    HTTP1_IN_BODY, // of a length that was told
    HTTP1_AT_END,
    HTTP1_IS_REFUSED,
};

// All zero is a parser that waits for its first request.
struct http1_parser {
    // For the caller, from HTTP1_HEAD up to the next call after HTTP1_END.
    bool keep_alive;       // may another request follow?
    bool expects_continue; // the client waits for a 100 before it goes on
    bool has_body;
    bool is_head;  // the method is HEAD: its answer has no body
    uint8_t minor; // HTTP/1.0 or 1.1
    // For the caller, after HTTP1_REFUSED.
    int status;
    const char *why;

    // For the parser.
    enum http1_state state;
    uint32_t scanned; // octets of the input that it has looked at
    // Where the parts begin and end, counted from the start of the head.
    uint16_t method_end, target_end, line_end;
    uint16_t name_at, name_end, value_at, value_end;
    uint16_t field_count;
    uint16_t extra; // octets of extensions and trailers so far
    uint8_t major;
    uint8_t size_digits; // of this chunk's size
    bool has_host, has_length, chunked, wants_close, wants_keep_alive;
    bool in_body;       // the head is complete
    uint64_t left;      // octets of the body, or of this chunk, to come
    uint64_t body_size; // octets of all chunks so far
};

// Looks at the input from where it stood, and takes from its front what is
// done with. What it leaves there, the beginning of a head, must be there
// again, with more behind it, in the next call. Call it again after every
// event but HTTP1_MORE, also when the input is empty.
enum http1_event http1_next(struct http1_parser *p, struct http1_span *input,
                            struct http1_part *part);

// Is the client in the middle of a request?
bool http1_is_busy(const struct http1_parser *p);

// Takes one field from the front of an HTTP1_HEAD's fields. RETURNS false when
// there is none left.
bool http1_next_field(struct http1_span *fields, struct http1_span *name,
                      struct http1_span *value);

#endif
