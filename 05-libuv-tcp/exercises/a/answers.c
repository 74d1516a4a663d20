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

#ifdef ECHOES_A_STRING_2
#include <string.h>
#endif

// What is on its way to the client.
struct echo {
    uv_write_t request; // the first member, so its address is that of the echo
    char *bytes;        // owned
};

static void on_close(uv_handle_t *handle) {
    free(handle);
}

// libuv needs the bytes until now, whether it could send them or not.
static void on_write_done(uv_write_t *request, int error) {
    struct echo *echo = (struct echo *)request;
    (void)error;
#if !defined FREES_TOO_EARLY && !defined NEVER_FREES
    free(echo->bytes);
#endif
    free(echo);
}

void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buffer) {
    if (n <= 0) {
#ifndef FORGETS_AT_THE_END
        free(buffer->base);
#endif
#ifndef TAKES_NOTHING_FOR_THE_END
        if (n < 0) {
#else
        if (!uv_is_closing((uv_handle_t *)stream)) {
#endif
            uv_close((uv_handle_t *)stream, on_close);
        }
        return;
    }
    struct echo *echo = malloc(sizeof *echo);
    if (echo == NULL) {
        abort();
    }
    echo->bytes = buffer->base;
    uv_buf_t came = uv_buf_init(buffer->base, (unsigned)n);
#ifdef ECHOES_THE_ROOM
    came = *buffer;
#endif
#ifdef ECHOES_A_STRING
    came.len = 0;
    while (came.len < (size_t)n && buffer->base[came.len] != '\0') {
        came.len++;
    }
#endif
#ifdef ECHOES_A_STRING_2
    came.len = strlen(buffer->base);
#endif
    uv_write(&echo->request, stream, &came, 1, on_write_done);
#ifdef FREES_TOO_EARLY
    free(buffer->base);
#endif
}

// ---- to here ----
