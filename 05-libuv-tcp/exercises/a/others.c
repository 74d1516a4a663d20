#define _POSIX_C_SOURCE 200809L
// Exercise 05a: echo what arrived. The client says "hello" and gets far more back. Send
// back what came, and no more; free each buffer when nobody needs it; close the
// connection when its client is gone. See exercise.h. What you include may stand in your
// part.
//
//     make try-05a     builds it, runs it, and says what happened
//     make hint-05a    a hint, and after that a stronger one
//
// By hand, in the chapter's directory: make my-05a && ./my-05a
//
// exercise.h lies in exercises/a/; beside it are the answers, so look at nothing else.
#include "exercise.h"

#include <stdlib.h>

// ---- your part ----

#include <ctype.h>
#include <string.h>

struct echo {
    uv_write_t request;
    uv_stream_t *stream;
    char bytes[];
};

static void on_close(uv_handle_t *handle) {
    free(handle);
}

static void on_write_done(uv_write_t *request, int error) {
    struct echo *echo = (struct echo *)request;
    (void)error;
#ifdef WRONG_CLOSES_AFTER_ONE
    if (!uv_is_closing((uv_handle_t *)echo->stream)) {
        uv_close((uv_handle_t *)echo->stream, on_close);
    }
#endif
#ifndef WRONG_NEVER_FREES_THE_REQUEST
    free(echo);
#endif
}

static void say_goodbye(uv_stream_t *stream) {
#if defined WRONG_FORGETS_TO_CLOSE
    (void)stream;
#elif defined WRONG_FREES_AT_ONCE
    uv_close((uv_handle_t *)stream, NULL);
    free(stream);
#else
    uv_close((uv_handle_t *)stream, on_close);
#endif
}

void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buffer) {
    size_t size = n > 0 ? (size_t)n : 0;
    const char *from = buffer->base;
#ifdef WRONG_TAKES_NOTHING_FOR_THE_END
    if (n <= 0) {
#else
    if (n < 0) {
#endif
        free(buffer->base);
        if (!uv_is_closing((uv_handle_t *)stream)) {
            say_goodbye(stream);
        }
        return;
    }
#ifdef RIGHT_TRIES_FIRST
    uv_buf_t all = uv_buf_init(buffer->base, (unsigned)size);
    int sent = size > 0 ? uv_try_write(stream, &all, 1) : 0;
    if (sent > 0) {
        from += sent;
        size -= (size_t)sent;
    }
#endif
    struct echo *echo = malloc(sizeof *echo + size);
    if (echo == NULL) {
        abort();
    }
#ifdef RIGHT_COPIES_THE_BYTES
    echo->request.data = echo;
#endif
    echo->stream = stream;
    if (size > 0) {
        memcpy(echo->bytes, from, size);
    }
    free(buffer->base);
#ifdef WRONG_SENDS_OTHER_BYTES
    for (size_t i = 0; i < size; i++) {
        echo->bytes[i] = (char)toupper((unsigned char)echo->bytes[i]);
    }
#endif
#ifdef WRONG_SENDS_NOTHING
    size = 0;
#endif
#ifdef WRONG_SENDS_THE_FIRST_HALF
    size = size > 1000 ? 1000 : size;
#endif
#ifdef WRONG_SHARES_ONE_REQUEST
    static uv_write_t shared;
    uv_buf_t of_it = uv_buf_init(echo->bytes, (unsigned)size);
    uv_write(&shared, stream, &of_it, 1, NULL);
    return;
#endif
    uv_buf_t came = uv_buf_init(echo->bytes, (unsigned)size);
    uv_write(&echo->request, stream, &came, 1, on_write_done);
}

// ---- to here ----
