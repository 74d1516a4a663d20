// An incremental, strict parser for HTTP/1.x requests (RFC 9112, RFC 9110). It
// owns no memory and does no input or output: whoever has the bytes calls it,
// as often as new bytes come, and it says how far it got.
//
// Strict, because two servers in a row that read the same bytes differently
// are how requests are smuggled past the first one: what the RFC does not
// allow is refused, not guessed.
#ifndef HTTP1_PARSER_H
#define HTTP1_PARSER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// ---- Limits: each bounds what one client can make us keep or do ----

enum {
    // RFC 9112 section 3 wants at least 8000 for the request line. Else 414.
    http1_max_line = 8192,
    // Request line and headers together, so one request fits in a read buffer
    // of 64 KiB with room to spare. Else 431.
    http1_max_head = 16 * 1024,
    // Browsers send about 15 headers. Else 431.
    http1_max_headers = 100,
    // A chunk's size, its extensions: nobody needs more. Else 400.
    http1_max_chunk_line = 256,
    // All trailers of a body. Else 431.
    http1_max_trailers = 4096,
};

// The greeting reads and forgets the body, so this bounds time, not memory.
// Else 413.
#define HTTP1_MAX_BODY (UINT64_C(64) * 1024 * 1024)

// ---- The request ----

// A piece of the head: where it begins in it, and how long it is. Not a
// pointer, because the bytes may move while the rest is on its way.
struct http1_span {
    uint32_t at, length;
};

struct http1_header {
    struct http1_span name, value;
};

struct http1_request {
    struct http1_span method, target;
    int minor_version; // 0 or 1
    unsigned header_count;
    bool keep_alive;      // may another request follow?
    bool expect_continue; // the client waits for 100 before it sends the body
    bool is_head, is_connect;
    bool chunked;
    uint64_t content_length;
    struct http1_header headers[http1_max_headers];
};

struct http1_parser {
    struct http1_request request;
    uint32_t line;    // where the line that is being read begins
    uint32_t scanned; // no end of line up to here
    bool has_request_line, has_host, has_length, close_asked, keep_asked;
    // The body.
    int chunk_state;
    uint64_t left;  // of the body, or of the chunk
    uint64_t total; // of the body so far
    uint32_t extra; // bytes in this chunk line, or in the trailers
};

void http1_parser_init(struct http1_parser *p);

// head: all bytes of this request so far, from its first byte; size of them.
// RETURNS the size of the head when it is complete, 0 if more is needed, or
// minus the status to refuse with, such as -400.
int http1_parse_head(struct http1_parser *p, const char *head, size_t size);

// A piece of the body in BORROWED bytes. *data and *data_size are set to what
// the client wrote, *used to how many bytes of input that took; call it again
// with the rest. RETURNS 1 at the end of the body, 0 if there is more, or minus
// the status to refuse with.
int http1_parse_body(struct http1_parser *p, const char *bytes, size_t size,
                     size_t *used, const char **data, size_t *data_size);

#endif
