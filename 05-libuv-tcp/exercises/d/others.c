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

#ifdef RIGHT_HAS_TWO_MARKS
enum { high = 65536, low = 8192 };
#elif defined WRONG_ALLOWS_A_MEGABYTE
enum { high = 1000000, low = 8192 };
#elif defined WRONG_STOPS_LATE
enum { high = 4000000, low = 8192 };
#else
enum { high = 0, low = 0 };
#endif

static size_t waits(const uv_stream_t *stream) {
    return uv_stream_get_write_queue_size(stream);
}

static void on_write_done(uv_write_t *request, int error) {
    struct echo *echo = (struct echo *)request;
    uv_stream_t *stream = request->handle;
    free(echo->bytes);
    free(echo);
#ifdef WRONG_KEEPS_WHAT_HAS_FAILED
    if (error != 0) {
        return;
    }
#endif
    if (error != 0) {
        close_once(stream);
    } else if (waits(stream) <= low) {
        int started = uv_read_start(stream, on_alloc, on_read);
        (void)started; // UV_EALREADY: it was never stopped
    }
}

static void write_on(uv_stream_t *stream, char *bytes, const char *from,
                     size_t size) {
    struct echo *echo = malloc(sizeof *echo);
    if (echo == NULL) {
        abort();
    }
    uv_buf_t rest = uv_buf_init((char *)from, (unsigned)size);
    echo->bytes = bytes;
    uv_write(&echo->request, stream, &rest, 1, on_write_done);
    if (waits(stream) > high) {
        uv_read_stop(stream);
    }
#ifdef WRONG_STARTS_AT_ONCE
    uv_read_start(stream, on_alloc, on_read);
#endif
}

void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buffer) {
    if (n <= 0) {
        free(buffer->base);
        if (n != 0) {
            close_once(stream);
        }
        return;
    }
    char *from = buffer->base;
    size_t size = (size_t)n;
#if defined RIGHT_TRIES_FIRST ||                                               \
    (!defined RIGHT_HAS_TWO_MARKS && !defined WRONG_STOPS_LATE)
    // Most of the time nothing is left.
    uv_buf_t all = uv_buf_init(from, (unsigned)size);
    int sent = uv_try_write(stream, &all, 1);
    if (sent > 0) {
        from += sent;
        size -= (size_t)sent;
    }
#endif
#ifdef WRONG_CLOSES_THE_SLOW
    if (size > 0) {
        free(buffer->base);
        close_once(stream);
        return;
    }
#endif
#ifdef WRONG_SENDS_FROM_THE_START
    from = buffer->base;
#endif
    if (size == 0) {
        free(buffer->base);
        return;
    }
    write_on(stream, buffer->base, from, size);
#ifdef WRONG_RUNS_THE_LOOP_INSIDE
    while (waits(stream) > 0) {
        (void)uv_run(stream->loop, UV_RUN_NOWAIT);
    }
#endif
}

// ---- to here ----
