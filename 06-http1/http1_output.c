#define _POSIX_C_SOURCE 200809L
// How responses are written: RFC 9112 sections 4 to 6.
#include "http1_output.h"

#include "decimal.h"
#include "http_date.h"

#include <string.h>

const char *http1_status_text(int status) {
    static const struct {
        int status;
        const char *text;
    } known[] = {
        {200, "200 OK"},
        {400, "400 Bad Request"},
        {405, "405 Method Not Allowed"},
        {408, "408 Request Timeout"},
        {413, "413 Content Too Large"},
        {414, "414 URI Too Long"},
        {417, "417 Expectation Failed"},
        {421, "421 Misdirected Request"},
        {431, "431 Request Header Fields Too Large"},
        {501, "501 Not Implemented"},
        {505, "505 HTTP Version Not Supported"},
        {0, "500 Internal Server Error"}, // for whatever is not here
    };
    size_t i = 0;
    while (known[i].status != 0 && known[i].status != status) {
        i++;
    }
    return known[i].text;
}

void output_flush(struct http1_output *out, struct tcp_connection *c) {
    size_t size = out->size;
    out->size = 0;
    if (size > 0) {
        tcp_write(c, out->bytes, size);
    }
}

bool output_make_room(struct http1_output *out, struct tcp_connection *c) {
    if (out->size > output_size - longest_response) {
        output_flush(out, c);
    }
    return tcp_is_writable(c);
}

bool output_body(struct http1_output *out, struct tcp_connection *c,
                 struct span *body) {
    if (body->size <= longest_text) {
        output_add(out, span_cut(body, body->size));
        return true;
    }
    output_flush(out, c);
    while (body->size > 0 && tcp_is_writable(c)) {
        size_t n = body->size < output_size ? body->size : output_size;
        tcp_write(c, span_cut(body, n).at, n);
    }
    return body->size == 0;
}

void output_add_head(struct http1_output *out, int status, size_t length,
                     const char *connection) {
    char digits[24];
    output_add_text(out, "HTTP/1.1 ");
    output_add_text(out, http1_status_text(status));
    output_add_text(out, "\r\nDate: ");
    output_add_text(out, http_date());
    output_add_text(out, "\r\nContent-Type: text/plain\r\nContent-Length: ");
    output_add_text(out, decimal(digits, length));
    if (status == 405) { // RFC 9110 section 15.5.6; in truth, any but TRACE
        output_add_text(
            out, "\r\nAllow: GET, HEAD, POST, PUT, DELETE, OPTIONS, PATCH");
    }
    if (connection != NULL) {
        output_add_text(out, "\r\nConnection: ");
        output_add_text(out, connection);
    }
    output_add_text(out, "\r\n\r\n");
}
