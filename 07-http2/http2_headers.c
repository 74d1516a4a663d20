#define _POSIX_C_SOURCE 200809L
// The text doubles when it is full, so that most requests need it once.
#include "http2_headers.h"

#include "http2_limits.h"

#include <nghttp2/nghttp2.h>
#include <string.h>

void http2_headers_forget(struct http2_headers *h, size_t *held) {
    *held -= h->room;
    h->memory->calls.free(h->text, h->memory);
    h->text = NULL;
    h->used = h->room = 0;
}

static bool make_room(struct http2_headers *h, size_t *held, size_t more) {
    size_t room = h->room == 0 ? 256 : h->room;
    while (room < h->used + more) {
        room *= 2;
    }
    if (room == h->room) {
        return true;
    }
    if (*held + room - h->room > max_header_text) {
        return false;
    }
    char *text = h->memory->calls.realloc(h->text, room, h->memory);
    if (text == NULL) {
        return false;
    }
    *held += room - h->room;
    h->text = text;
    h->room = room;
    return true;
}

// Its size in two bytes, and then the text: no list is longer than max_headers.
static void keep(struct http2_headers *h, struct span s) {
    const uint16_t size = (uint16_t)s.size;
    memcpy(h->text + h->used, &size, sizeof size);
    memcpy(h->text + h->used + sizeof size, s.at, s.size);
    h->used += sizeof size + s.size;
}

uint32_t http2_headers_add(struct http2_headers *h, size_t *held,
                           struct span name, struct span value) {
    h->size += name.size + value.size + 32;
    if (h->size > max_headers_read) {
        return NGHTTP2_ENHANCE_YOUR_CALM;
    }
    if (!h->in_trailers && h->size > max_headers) {
        h->is_too_large = true;
        http2_headers_forget(h, held);
    }
    if (h->in_trailers || h->is_too_large) {
        return NGHTTP2_NO_ERROR;
    }
    if (!make_room(h, held, name.size + value.size + 4)) {
        return NGHTTP2_REFUSED_STREAM;
    }
    keep(h, name);
    keep(h, value);
    return NGHTTP2_NO_ERROR;
}

static struct span text_at(const struct http2_headers *h, size_t *at) {
    uint16_t size;
    memcpy(&size, h->text + *at, sizeof size);
    struct span s = {h->text + *at + sizeof size, size};
    *at += sizeof size + size;
    return s;
}

bool http2_headers_next(const struct http2_headers *h, size_t *at,
                        struct span *name, struct span *value) {
    if (*at == h->used) {
        return false;
    }
    *name = text_at(h, at);
    *value = text_at(h, at);
    return true;
}

struct span http2_headers_find(const struct http2_headers *h,
                               const char *wanted) {
    struct span name, value;
    size_t at = 0;
    while (http2_headers_next(h, &at, &name, &value)) {
        if (span_is(name, wanted)) {
            return value;
        }
    }
    return (struct span){"", 0};
}
