#define _POSIX_C_SOURCE 200809L
// The list has room for 16 at first and doubles when it is full, so most requests
// take memory for it once.
#include "http2_headers.h"

#include "http2_request.h"

struct span http2_span(nghttp2_rcbuf *text) {
    nghttp2_vec v = nghttp2_rcbuf_get_buf(text);
    return (struct span){(const char *)v.base, v.len};
}

void http2_headers_forget(struct http2_headers *h, size_t *held) {
    while (h->count > 0) {
        h->count--;
        nghttp2_rcbuf_decref(h->fields[h->count].name);
        nghttp2_rcbuf_decref(h->fields[h->count].value);
    }
    h->memory->calls.free(h->fields, h->memory);
    h->fields = NULL;
    *held -= h->held;
    h->room = h->held = 0;
}

static bool make_room(struct http2_headers *h) {
    if (h->count == h->room) {
        size_t room = h->room == 0 ? 16 : 2 * h->room;
        struct http2_field *fields = h->memory->calls.realloc(
            h->fields, room * sizeof *fields, h->memory);
        if (fields == NULL) {
            return false;
        }
        h->fields = fields;
        h->room = room;
    }
    return true;
}

uint32_t http2_headers_add(struct http2_headers *h, size_t *held,
                           struct http2_field field, size_t text) {
    size_t cost = text + cost_of_field;
    h->size += text + 32;
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
    if (*held + cost > max_header_text || !make_room(h)) {
        return NGHTTP2_REFUSED_STREAM;
    }
    nghttp2_rcbuf_incref(field.name);
    nghttp2_rcbuf_incref(field.value);
    h->fields[h->count++] = field;
    h->held += cost;
    *held += cost;
    return NGHTTP2_NO_ERROR;
}

// Those with a colon in front are no fields: HTTP/2 has the method, the target
// and the like among them.
bool http_next_field(const struct http_request *r, size_t *at,
                     struct span *name, struct span *value) {
    const struct http2_headers *h = &((const struct http2_request *)r)->headers;
    while (*at < h->count) {
        struct http2_field field = h->fields[(*at)++];
        *name = http2_span(field.name);
        *value = http2_span(field.value);
        if (name->at[0] != ':') {
            return true;
        }
    }
    return false;
}
