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
#ifdef WRONG_SENDS_ONE_BYTE_LESS
    if (s->size > 1) {
        s->size--;
        n -= n > s->size;
    }
#endif
#ifdef WRONG_FAILS_WHEN_EMPTY
    if (n == 0 && !s->is_last) {
        return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    }
#endif
#ifdef WRONG_WAITS_FOR_BYTES
    if (n == 0) {
        s->deferred = true;
        return NGHTTP2_ERR_DEFERRED;
    }
#endif
    if (n == 0 && !s->is_last) {
#ifdef WRONG_BREAKS_THE_SESSION
        return NGHTTP2_ERR_CALLBACK_FAILURE;
#endif
        s->deferred = true;
        return NGHTTP2_ERR_DEFERRED;
    }
#ifdef WRONG_KEEPS_WHAT_IT_SENT
    memcpy(buffer, s->bytes, n);
    s->size -= n;
#elif defined RIGHT_GIVES_A_BYTE_AT_A_TIME
    n = n > 1 ? 1 : n;
    source_take(s, buffer, n);
#else
    source_take(s, buffer, n);
#endif
#if defined WRONG_ENDS_WITH_AN_EMPTY_FRAME_TOO_EARLY
    if (s->is_last) {
        *flags |= NGHTTP2_DATA_FLAG_EOF;
    }
#elif defined RIGHT_ENDS_IN_A_FRAME_OF_ITS_OWN
    if (n == 0) {
        *flags |= NGHTTP2_DATA_FLAG_EOF;
    }
#else
    if (s->is_last && s->size == 0) {
        *flags |= NGHTTP2_DATA_FLAG_EOF;
    }
#endif
    return (ssize_t)n;
}

void source_has_more(struct source *s) {
#ifdef WRONG_RESUMES_ANOTHER
    nghttp2_session_resume_data(s->session, s->stream + 2);
#elif defined WRONG_RESUMES_ONLY_WITH_BYTES
    if (s->size > 0) {
        (void)nghttp2_session_resume_data(s->session, s->stream);
    }
#elif defined RIGHT_RESUMES_ONLY_AT_THE_END
    if (s->is_last) {
        nghttp2_session_resume_data(s->session, s->stream);
    }
#elif defined WRONG_RESUMES_ONCE
    static bool has_resumed;
    if (!has_resumed) {
        has_resumed = true;
        nghttp2_session_resume_data(s->session, s->stream);
    }
#else
    // Who was not told to stop says that there is nothing to resume: that is no harm.
    (void)nghttp2_session_resume_data(s->session, s->stream);
    s->deferred = false;
#endif
}

// ---- to here ----
