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
#ifdef FREES_BEFORE_CLOSE
    (void)handle;
#else
    free(connection_of(handle)); // until now libuv had it in its lists
#endif
}

// Several may find that it is over: its end, an error, a write that failed.
static void close_once(struct connection *c) {
#ifndef CLOSES_TWICE
    if (uv_is_closing((uv_handle_t *)&c->stream)) {
        return;
    }
#endif
    uv_close((uv_handle_t *)&c->stream, on_close);
#ifdef FREES_BEFORE_CLOSE
    free(c);
#endif
}

static void on_end(struct connection *c) {
    c->has_ended = true;
#ifdef CLOSES_AT_ONCE
    close_once(c);
#elif !defined NEVER_CLOSES
    if (c->pending == 0) {
        close_once(c);
    }
#endif
}

static void on_error(struct connection *c) {
#ifndef KEEPS_WHAT_HAS_FAILED
    close_once(c);
#else
    (void)c;
#endif
}

static void on_sent(struct connection *c, int error) {
#ifdef KEEPS_WHAT_HAS_FAILED
    error = 0;
#endif
    if (error != 0 || (c->has_ended && c->pending == 0)) {
#ifdef NEVER_CLOSES
        return;
#endif
        close_once(c);
    }
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
