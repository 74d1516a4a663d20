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
#ifndef WRONG_NEVER_FREES
    free(handle);
#endif
}

#ifdef RIGHT_HAS_A_FLAG
static void close_once(struct connection *c) {
    if (c->stream.data == NULL) {
        c->stream.data = c;
        uv_close((uv_handle_t *)&c->stream, on_close);
    }
}
#else
static void close_once(struct connection *c) {
    if (!uv_is_closing((uv_handle_t *)&c->stream)) {
        uv_close((uv_handle_t *)&c->stream, on_close);
    }
}
#endif

#if defined RIGHT_SHUTS_DOWN_FIRST || defined WRONG_ONLY_SHUTS_DOWN
// libuv calls it when all writes before it are out.
static void on_shutdown(uv_shutdown_t *request, int error) {
    struct connection *c = connection_of(request->handle);
    (void)error;
    free(request);
#ifndef WRONG_ONLY_SHUTS_DOWN
    close_once(c);
#else
    (void)c;
#endif
}
#endif

static void on_end(struct connection *c) {
#if defined RIGHT_SHUTS_DOWN_FIRST || defined WRONG_ONLY_SHUTS_DOWN
    uv_shutdown_t *request = malloc(sizeof *request);
    if (request == NULL ||
        uv_shutdown(request, (uv_stream_t *)&c->stream, on_shutdown) != 0) {
        free(request);
        close_once(c);
    }
    return;
#endif
#ifndef WRONG_FORGETS_THE_END
    c->has_ended = true;
#endif
    if (c->pending == 0) {
        close_once(c);
    }
}

static void on_error(struct connection *c) {
#ifdef WRONG_ERROR_WAITS_FOR_THE_WRITES
    c->has_ended = true;
    return;
#endif
#ifdef WRONG_EXITS
    exit(1);
#endif
    close_once(c);
}

static void on_sent(struct connection *c, int error) {
#ifdef WRONG_CLOSES_WITH_THE_FIRST
    if (error != 0 || c->has_ended) {
        close_once(c);
    }
    return;
#endif
#ifdef WRONG_CLOSES_WHEN_ALL_IS_SENT
    if (c->pending == 0) {
        close_once(c);
    }
    return;
#endif
#ifdef WRONG_FREES_WHEN_CANCELED
    if (error == UV_ECANCELED) {
        free(c);
        return;
    }
#endif
    if (error != 0 || (c->has_ended && c->pending == 0)) {
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
