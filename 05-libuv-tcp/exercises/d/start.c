#define _POSIX_C_SOURCE 200809L
// Exercise 05d: who does not read. This echo server is right, and a client can fill its
// memory: it sends and never reads, and all that it has sent waits here for it. Let nothing
// be read from a client for as long as something waits for it (or more than 64 KiB, if you
// like). Every byte still has to come back, and others are served meanwhile.
//
//     make try-05d     builds it, runs it, and says what happened
//     make hint-05d    a hint, and after that a stronger one
//
// By hand, in the chapter's directory: make my-05d && ./my-05d
//
// exercise.h lies in exercises/d/; beside it are the answers, so look at nothing else.
#include "exercise.h"

#include <stdlib.h>
#include <string.h>

// ---- your part ----

// What is on its way to the client.
struct echo {
    uv_write_t request; // the first member, so its address is that of the echo
    char *bytes;        // owned
};

static void on_close(uv_handle_t *handle) {
    free(handle);
}

static void close_once(uv_stream_t *stream) {
    if (!uv_is_closing((uv_handle_t *)stream)) {
        uv_close((uv_handle_t *)stream, on_close);
    }
}

static void on_write_done(uv_write_t *request, int error) {
    struct echo *echo = (struct echo *)request;
    if (error != 0) {
        close_once(request->handle);
    }
    free(echo->bytes);
    free(echo);
}

void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buffer) {
    struct echo *echo = n > 0 ? malloc(sizeof *echo) : NULL;
    if (echo == NULL) {
        free(buffer->base);
        if (n != 0) {
            close_once(stream);
        }
        return;
    }
    uv_buf_t came = uv_buf_init(buffer->base, (unsigned)n);
    echo->bytes = buffer->base;
    uv_write(&echo->request, stream, &came, 1, on_write_done);
}

// ---- to here ----
