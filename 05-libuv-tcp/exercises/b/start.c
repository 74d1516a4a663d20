#define _POSIX_C_SOURCE 200809L
// Exercise 05b: the client who leaves. A client may say that it sends no more and still
// wait for its answer; it may reset the connection; and it may do so while much is on its
// way to it. A connection is from malloc, and libuv knows it until on_close. As it stands it
// closes when the client has sent its last byte. Let every byte out first, close each
// connection once, and free it when libuv is done with it.
//
//     make try-05b     builds it, runs it, and says what happened
//     make hint-05b    a hint, and after that a stronger one
//
// By hand, in the chapter's directory: make my-05b && ./my-05b
//
// exercise.h lies in exercises/b/; beside it are the answers, so look at nothing else.
#include "exercise.h"

#include <stdlib.h>

// ---- your part ----

static void on_close(uv_handle_t *handle) {
    free(connection_of(handle));
}

// The client sends no more, but may still read.
static void on_end(struct connection *c) {
    c->has_ended = true;
    uv_close((uv_handle_t *)&c->stream, on_close);
}

// Nothing can be read from it any more.
static void on_error(struct connection *c) {
    (void)c;
}

// One write is over, and c->pending are left. Error: 0, or why it failed; UV_ECANCELED if
// the connection was closed before the bytes were out.
static void on_sent(struct connection *c, int error) {
    (void)c;
    (void)error;
}

// ---- to here ----

struct echo {
    uv_write_t request;
    char *bytes;
};

static void on_write_done(uv_write_t *request, int error) {
    struct echo *echo = (struct echo *)request;
    struct connection *c = connection_of(request->handle);
    free(echo->bytes);
    free(echo);
    c->pending--;
    on_sent(c, error);
}

void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buffer) {
    struct connection *c = connection_of(stream);
    struct echo *echo = n > 0 ? malloc(sizeof *echo) : NULL;
    if (echo == NULL) {
        free(buffer->base);
        if (n == UV_EOF) {
            on_end(c);
        } else if (n != 0) {
            on_error(c);
        }
        return;
    }
    uv_buf_t came = uv_buf_init(buffer->base, (unsigned)n);
    echo->bytes = buffer->base;
    c->pending++;
    if (uv_write(&echo->request, stream, &came, 1, on_write_done) != 0) {
        free(echo->bytes);
        free(echo);
        c->pending--;
        on_error(c);
    }
}
