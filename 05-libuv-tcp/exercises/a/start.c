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

// What is on its way to the client.
struct echo {
    uv_write_t request; // the first member, so its address is that of the echo
    char *bytes;        // owned
};

static void on_close(uv_handle_t *handle) {
    free(handle);
}

static void on_write_done(uv_write_t *request, int error) {
    struct echo *echo = (struct echo *)request;
    (void)error;
    free(echo->bytes);
    free(echo);
}

void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buffer) {
    if (n < 0) {
        uv_close((uv_handle_t *)stream, on_close);
        return;
    }
    struct echo *echo = malloc(sizeof *echo);
    if (echo == NULL) {
        abort();
    }
    echo->bytes = buffer->base;
    uv_write(&echo->request, stream, buffer, 1, on_write_done);
}

// ---- to here ----
