// 07c, for the answer and its scene. An answer that is made bit by bit: its body comes from a
// source that may be empty for a while. nghttp2 asks for the next bytes when the client has
// room for some.
#include <nghttp2/nghttp2.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

struct source {
    nghttp2_session *session;
    int32_t stream;
    char bytes[256]; // what is here and not sent yet
    size_t size;
    bool is_last;  // nothing will be added any more
    bool deferred; // nghttp2 was told not to ask any more, for now
};

// Takes the first so many bytes out of the source.
static inline void source_take(struct source *s, void *to, size_t size) {
    memcpy(to, s->bytes, size);
    memmove(s->bytes, s->bytes + size, s->size - size);
    s->size -= size;
}

// Yours; see nghttp2_data_source_read_callback. from->ptr is a struct source. Puts at most
// room bytes into buffer and RETURNS how many they are. The last of all: it adds
// NGHTTP2_DATA_FLAG_EOF to *flags.
ssize_t on_read_answer(nghttp2_session *session, int32_t stream,
                       uint8_t *buffer, size_t room, uint32_t *flags,
                       nghttp2_data_source *from, void *user_data);

// Yours. The scene has put bytes into the source, or set is_last.
void source_has_more(struct source *s);
