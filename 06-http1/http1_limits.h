// How much a request may be. Each limit bounds what one client can make us keep
// or do.
#ifndef HTTP1_LIMITS_H
#define HTTP1_LIMITS_H

enum {
    // RFC 9112 section 3 asks for 8000 at least. A longer line is a 414. All
    // lines are counted with their CR and LF.
    http1_max_line = 8192,
    // The line and the fields together. Browsers with many cookies need about
    // half of it. More is a 431.
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

#endif
