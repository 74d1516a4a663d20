// Responses, gathered in a buffer until one write sends them all. A write costs
// more than everything else that a request needs, so a client that asks sixteen
// times in a row gets its sixteen responses with one.
#ifndef HTTP1_OUTPUT_H
#define HTTP1_OUTPUT_H

#include "octets.h"
#include "tcp_server.h"

enum {
    // One gathering. A hundred greetings fit, and then it is written and used
    // again, so nothing depends on how many come in a row.
    output_size = 16 * 1024,
    // A longer body goes to the client by itself, uncopied.
    longest_text = 256,
    // What one request can add: a 100, a head, and a body that is not longer.
    longest_response = 512 + longest_text,
};

struct http1_output {
    size_t size;
    char bytes[output_size];
};

// What has been gathered leaves with one write.
void output_flush(struct http1_output *out, struct tcp_connection *c);

// Makes room for one more response. RETURNS false while the client does not take
// what it has asked for: then nothing more is made for it.
bool output_make_room(struct http1_output *out, struct tcp_connection *c);

// A long body goes out piece by piece, as the client takes it: so a client that
// takes nothing costs one piece. Cuts off what is out. RETURNS whether all of it is.
bool output_body(struct http1_output *out, struct tcp_connection *c,
                 struct span *body);

static inline void output_add(struct http1_output *out, struct span text) {
    memcpy(out->bytes + out->size, text.at, text.size);
    out->size += text.size;
}

static inline void output_add_text(struct http1_output *out, const char *text) {
    output_add(out, (struct span){text, strlen(text)});
}

// connection: what the Connection field says; NULL: no such field.
void output_add_head(struct http1_output *out, int status, size_t length,
                     const char *connection);

// RETURNS such as "400 Bad Request", for the statuses that this server has.
const char *http1_status_text(int status);

#endif
