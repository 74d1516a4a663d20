#define _POSIX_C_SOURCE 200809L
// A request grows as its frames come in, wakes its future when it is complete,
// and holds the answer until the client has taken it.
#include "http2_request.h"
#include "http2_session.h"
#include "http_date.h"
#include "uv_executor.h"

#include <nghttp2/nghttp2.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

// ---- Life ----

struct http2_request *http2_request_new(struct http2_session *s,
                                        int32_t stream) {
    struct http2_request *r = calloc(1, sizeof *r);
    if (r == NULL) {
        return NULL;
    }
    r->session = s;
    r->stream = stream;
    r->next = s->requests;
    if (r->next != NULL) {
        r->next->previous = r;
    }
    s->requests = r;
    return r;
}

static void forget_headers(struct http2_request *r) {
    r->session->header_text -= r->headers_room;
    free(r->headers);
    r->headers = NULL;
    r->headers_used = r->headers_room = 0;
}

// The future goes first, because it uses the request.
void http2_request_free(struct http2_request *r) {
    if (r->task != NULL) {
        uv_task_drop(r->task);
    }
    waker_drop(&r->waker);
    if (r->next != NULL) {
        r->next->previous = r->previous;
    }
    if (r->previous != NULL) {
        r->previous->next = r->next;
    } else {
        r->session->requests = r->next;
    }
    if (r->session->incoming == r) {
        r->session->incoming = NULL;
    }
    forget_headers(r);
    free(r->body);
    free(r);
}

// ---- Coming in ----

static bool make_room(struct http2_request *r, size_t more) {
    size_t room = r->headers_room == 0 ? 256 : r->headers_room;
    while (room < r->headers_used + more) {
        room *= 2;
    }
    if (room == r->headers_room) {
        return true;
    }
    size_t grown = r->session->header_text + room - r->headers_room;
    char *headers = NULL;
    if (grown <= max_header_text) {
        headers = realloc(r->headers, room);
    }
    if (headers == NULL) {
        return false;
    }
    r->session->header_text = grown;
    r->headers = headers;
    r->headers_room = room;
    return true;
}

// nghttp2 lets no '\0' through, so it can end the texts here.
static void keep(struct http2_request *r, const uint8_t *bytes, size_t size) {
    memcpy(r->headers + r->headers_used, bytes, size);
    r->headers[r->headers_used + size] = '\0';
    r->headers_used += size + 1;
}

static bool is_text(const uint8_t *bytes, size_t size, const char *text) {
    return size == strlen(text) && memcmp(bytes, text, size) == 0;
}

static bool is_word(const uint8_t *bytes, size_t size, const char *word) {
    return size == strlen(word) &&
           strncasecmp((const char *)bytes, word, size) == 0;
}

static void note_method(struct http2_request *r, const uint8_t *method,
                        size_t size) {
    r->is_head = is_text(method, size, "HEAD");
    r->is_connect = is_text(method, size, "CONNECT");
}

uint32_t http2_request_header(struct http2_request *r, const uint8_t *name,
                              size_t name_size, const uint8_t *value,
                              size_t value_size) {
    r->header_size += name_size + value_size + 32; // RFC 9113 section 6.5.2
    if (r->header_size > max_headers_read) {
        return NGHTTP2_ENHANCE_YOUR_CALM;
    }
    if (r->in_trailers) {
        return NGHTTP2_NO_ERROR;
    }
    if (is_text(name, name_size, ":method")) {
        note_method(r, value, value_size);
    } else if (is_text(name, name_size, ":authority") &&
               memchr(value, '@', value_size) != NULL) {
        return NGHTTP2_PROTOCOL_ERROR; // a user in it, RFC 9113 section 8.3.1
    } else if (is_text(name, name_size, "expect")) {
        r->expects_continue = is_word(value, value_size, "100-continue");
    }
    if (r->header_size > max_headers) {
        r->is_too_large = true;
        forget_headers(r);
    }
    if (r->is_too_large || http2_is_quiet(r)) {
        return NGHTTP2_NO_ERROR;
    }
    if (!make_room(r, name_size + value_size + 2)) {
        return NGHTTP2_REFUSED_STREAM;
    }
    keep(r, name, name_size);
    keep(r, value, value_size);
    return NGHTTP2_NO_ERROR;
}

// A body that goes on, however slowly, is not a client that hangs.
static void note_progress(struct http2_request *r, uint64_t before,
                          uint64_t after) {
    if (before / bytes_of_progress != after / bytes_of_progress) {
        r->session->got_on = true;
    }
}

bool http2_request_body(struct http2_request *r, const uint8_t *bytes,
                        size_t size) {
    size_t shown = http2_body_shown(r);
    note_progress(r, r->body_size, r->body_size + size);
    r->body_size += size;
    if (r->body == NULL) {
        r->body = malloc(body_shown);
    }
    if (r->body == NULL) {
        return false;
    }
    memcpy(r->body + shown, bytes, http2_body_shown(r) - shown);
    return true;
}

void http2_request_complete(struct http2_request *r) {
    r->complete = true;
    r->session->got_on = true;
    waker_wake(&r->waker);
    waker_drop(&r->waker);
}

// ---- For handlers ----

enum poll_result http2_request_poll(struct http2_request *r,
                                    const struct waker *waker) {
    if (r->complete) {
        return FUTURE_READY;
    }
    waker_drop(&r->waker);
    r->waker = waker_clone(waker);
    return FUTURE_PENDING;
}

bool http2_next_header(const struct http2_request *r, size_t *at,
                       const char **name, const char **value) {
    if (*at == r->headers_used) {
        return false;
    }
    *name = r->headers + *at;
    *at += strlen(*name) + 1;
    *value = r->headers + *at;
    *at += strlen(*value) + 1;
    return true;
}

size_t http2_body_shown(const struct http2_request *r) {
    return r->body_size < body_shown ? (size_t)r->body_size : body_shown;
}

uv_loop_t *http2_loop(const struct http2_request *r) {
    return tcp_loop(r->session->connection);
}

bool http2_is_quiet(const struct http2_request *r) {
    return tcp_options(r->session->connection)->quiet;
}

// ---- Going out ----

// nghttp2 asks for as much as the client's windows allow, so an answer of any
// length goes at the client's pace.
static ssize_t on_read_answer(nghttp2_session *nghttp2, int32_t stream,
                              uint8_t *buffer, size_t room, uint32_t *flags,
                              nghttp2_data_source *source, void *user_data) {
    (void)nghttp2;
    (void)stream;
    (void)user_data;
    struct http2_request *r = source->ptr;
    size_t n = r->answer_size < room ? r->answer_size : room;
    memcpy(buffer, r->answer, n);
    note_progress(r, r->answer_size, r->answer_size - n);
    r->answer += n;
    r->answer_size -= n;
    if (r->answer_size == 0) {
        *flags |= NGHTTP2_DATA_FLAG_EOF;
    }
    return (ssize_t)n;
}

// nghttp2 copies the value; the names are literals, which stay.
static nghttp2_nv header(const char *name, const char *value) {
    return (nghttp2_nv){(uint8_t *)name, (uint8_t *)value, strlen(name),
                        strlen(value), NGHTTP2_NV_FLAG_NO_COPY_NAME};
}

// Writes the number to the end of text. RETURNS where it begins. As short as it
// is, it saves the twentieth part of all that a request costs: printf is slow.
static const char *decimal(char text[24], size_t number) {
    char *at = text + 23;
    *at = '\0';
    do {
        *--at = (char)('0' + number % 10);
        number /= 10;
    } while (number > 0);
    return at;
}

void http2_respond(struct http2_request *r, const char *status,
                   const char *body, size_t size) {
    char length[24];
    const nghttp2_nv headers[] = {
        header(":status", status),
        header("date", http_date()),
        header("content-type", "text/plain"),
        header("content-length", decimal(length, size)),
    };
    nghttp2_data_provider answer = {{.ptr = r}, on_read_answer};
    r->answer = body;
    r->answer_size = size;
    r->answered = true;
    int error = nghttp2_submit_response(r->session->nghttp2, r->stream, headers,
                                        sizeof headers / sizeof headers[0],
                                        r->is_head ? NULL : &answer);
    if (error != 0) {
        tcp_abort(r->session->connection, nghttp2_strerror(error));
    } else {
        http2_send_soon(r->session);
    }
}
