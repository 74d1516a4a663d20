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
// are how a request is smuggled past the first of them. What could make another
// server see another end is refused, never guessed.
#ifndef HTTP1_PARSER_H
#define HTTP1_PARSER_H

#include "octets.h"

// ---- What goes in and what comes out ----

enum http1_event {
    HTTP1_MORE,     // all that is here is looked at; call again with more
    HTTP1_CARRY_ON, // between the parser's own functions: nothing to tell yet
    HTTP1_HEAD,     // line and fields are complete: see struct http1_part
    HTTP1_BODY,     // a piece of the body: see struct http1_part
    HTTP1_COMPLETE, // the request is complete; the next may follow at once
    HTTP1_REFUSED,  // see status and why; nothing sensible can follow
};

struct http1_head {
    struct span method, target;
    struct span fields; // see http1_next_field
};

// What an event has found, as pieces of the input.
struct http1_part {
    struct http1_head head; // with HTTP1_HEAD
    struct span body;       // with HTTP1_BODY
};

// A request is lines, and perhaps data after them. The state says which comes
// next; between two requests it is the line.
enum http1_state {
    HTTP1_AT_LINE,       // GET / HTTP/1.1, or an empty line before it
    HTTP1_AT_FIELD,      // Host: localhost, or the empty line of the head's end
    HTTP1_IN_BODY,       // data of a length that was told
    HTTP1_AT_CHUNK_SIZE, // 1f
    HTTP1_IN_CHUNK,      // data of that length
    HTTP1_AT_CHUNK_END,  // the empty line after it
    HTTP1_AT_TRAILER,    // after the last chunk: as HTTP1_AT_FIELD
    HTTP1_AT_END,
    HTTP1_IS_REFUSED,
};

// All zero is a parser that waits for its first request.
struct http1_parser {
    // For the caller, from HTTP1_HEAD up to the next call after HTTP1_COMPLETE.
    bool keep_alive;       // may another request follow?
    bool expects_continue; // the client waits for a 100 before it goes on
    bool has_body;
    bool is_head;  // the method is HEAD: its answer has no body
    uint8_t minor; // HTTP/1.0 or 1.1

    // For the caller, after HTTP1_REFUSED.
    int status;
    const char *why; // never a word of the client's

    // For the parser.
    enum http1_state state;
    uint32_t scanned;     // octets of the input that it has looked at
    uint32_t line_at;     // where in the input the line under way begins
    uint32_t fields_at;   // and the head's first field
    uint16_t method_size; // the head's parts, to be found when it is complete
    uint16_t target_size;
    uint16_t field_count;
    uint16_t extra; // octets of chunk extensions and trailers so far
    bool has_host, has_length, has_coding, chunked, has_unknown_coding;
    bool wants_close, wants_keep_alive;
    uint64_t left;      // octets of the body, or of this chunk, to come
    uint64_t body_size; // octets of all chunks so far
};

// Looks at the input from where it stood, and cuts off its front what is done
// with. What it leaves there, the beginning of a head or of a line, must be
// there again, with more behind it, in the next call. Call it again after every
// event but HTTP1_MORE, also when the input is empty. RETURNS an event, but
// never HTTP1_CARRY_ON.
enum http1_event http1_next(struct http1_parser *p, struct span *input,
                            struct http1_part *part);

// Is the client in the middle of a request?
bool http1_is_busy(const struct http1_parser *p);

// Cuts one field off the front of a head's fields. RETURNS false when there is
// none left.
bool http1_next_field(struct span *fields, struct span *name,
                      struct span *value);

#endif
