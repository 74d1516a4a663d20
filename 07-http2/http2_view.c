#define _POSIX_C_SOURCE 200809L
// What a handler sees of its request: the functions of http.h that only look.
#include "http2_limits.h"
#include "http2_request.h"
#include "http2_session.h"

struct span http_method(const struct http_request *r) {
    return r->known[METHOD];
}

struct span http_target(const struct http_request *r) {
    return r->known[PATH];
}

// Those with a colon in front are no fields: HTTP/2 has the method, the target
// and the like among them.
bool http_next_field(const struct http_request *r, size_t *at,
                     struct span *name, struct span *value) {
    const struct http2_headers *h = &r->headers;
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

struct span http_body(const struct http_request *r) {
    return (struct span){r->body,
                         r->body_size < body_kept ? r->body_size : body_kept};
}

uint64_t http_body_size(const struct http_request *r) {
    return r->body_size;
}

struct loop_executor *http_executor(const struct http_request *r) {
    return http2_shared(r->session)->executor;
}

bool http_is_quiet(const struct http_request *r) {
    return tcp_options(r->session->connection)->quiet;
}
