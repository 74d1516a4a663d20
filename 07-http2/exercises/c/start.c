#define _POSIX_C_SOURCE 200809L
// Exercise 07c: an answer bit by bit. nghttp2 asks on_read_answer for the next bytes of a
// body. Sometimes none are there yet, and more will come; then nghttp2 must not ask again
// until source_has_more says so. As it stands, an empty source is the end. See exercise.h.
//
//     make try-07c     builds it, runs it, and says what happened
//     make hint-07c    a hint, and after that a stronger one
//
// By hand, in the chapter's directory: make my-07c && ./my-07c
//
// exercise.h lies in exercises/c/; beside it are the answers, so look at nothing else.
#include "exercise.h"

// ---- your part ----

ssize_t on_read_answer(nghttp2_session *session, int32_t stream,
                       uint8_t *buffer, size_t room, uint32_t *flags,
                       nghttp2_data_source *from, void *user_data) {
    struct source *s = from->ptr;
    (void)session;
    (void)stream;
    (void)user_data;
    size_t n = s->size < room ? s->size : room;
    source_take(s, buffer, n);
    if (s->size == 0) {
        *flags |= NGHTTP2_DATA_FLAG_EOF;
    }
    return (ssize_t)n;
}

void source_has_more(struct source *s) {
    (void)s;
}

// ---- to here ----
