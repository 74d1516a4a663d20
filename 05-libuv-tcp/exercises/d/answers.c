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

#ifdef COUNTS_ALL_TOGETHER
static int pending;
#endif

// The client has taken all that it was sent: it may speak again.
static void on_write_done(uv_write_t *request, int error) {
    struct echo *echo = (struct echo *)request;
    uv_stream_t *stream = request->handle;
    free(echo->bytes);
    free(echo);
    if (error != 0) {
        close_once(stream);
    } else {
#ifdef COUNTS_ALL_TOGETHER
        if (--pending > 0) {
            return;
        }
#endif
#if !defined NEVER_READS_AGAIN && !defined READS_ON
        uv_read_start(stream, on_alloc, on_read);
#endif
    }
}

// Nothing is read until that is out. Then the kernel's buffers fill up, here and at the
// client, and its own calls of write have to wait: that is backpressure.
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
#ifdef HOLDS_THE_LOOP
    while (came.len > 0) {
        int sent = uv_try_write(stream, &came, 1);
        if (sent < 0 && sent != UV_EAGAIN) {
            break;
        }
        came.base += sent > 0 ? sent : 0;
        came.len -= sent > 0 ? (size_t)sent : 0;
    }
    free(echo->bytes);
    free(echo);
    return;
#endif
#ifdef DROPS_THE_REST
    (void)uv_try_write(stream, &came, 1);
    free(echo->bytes);
    free(echo);
    return;
#endif
#ifdef COUNTS_ALL_TOGETHER
    if (pending++ == 0) {
        uv_read_stop(stream);
    }
#elif !defined READS_ON
    uv_read_stop(stream);
#endif
    uv_write(&echo->request, stream, &came, 1, on_write_done);
}

// ---- to here ----
