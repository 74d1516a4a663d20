// 06d, for the answer and its scene. A connection of HTTP/1.1 on the chapter's parser. The
// scene is the TCP server: it calls on_bytes, on_drained and on_close.
#include "http1_parser.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

struct connection;

// ---- The scene's ----

// Sends one answer. last: it says "Connection: close". RETURNS false if the client does not
// take more for now: then answer nothing until on_drained.
bool answer(struct connection *c, bool last);

bool is_full(const struct connection *c); // the client does not take more

void finish(struct connection
                *c); // closes when all answers are out; nothing may follow
void refuse(struct connection *c); // sends a 400 and closes; nothing may follow

// ---- Bytes that are not parsed yet ----

struct kept {
    char *bytes;
    size_t size;
};

static inline void keep(struct kept *k, const char *bytes, size_t size) {
    char *more = size > 0 ? realloc(k->bytes, k->size + size) : NULL;
    if (size == 0) {
        return;
    }
    if (more == NULL) {
        abort();
    }
    memcpy(more + k->size, bytes, size);
    *k = (struct kept){more, k->size + size};
}

// Forgets all but the last so many.
static inline void keep_last(struct kept *k, size_t size) {
    if (k->size > size) {
        memmove(k->bytes, k->bytes + k->size - size, size);
    }
    k->size = size;
}

// ---- Yours ----

// All zero when the client comes.
struct talk {
    struct http1_parser parser;
    struct kept kept;
    bool is_over; // for your use
};

struct talk *talk_of(struct connection *c);

// BORROWS bytes. As in the chapter, a client is not read while it is full, nor after finish
// or refuse: then this is not called.
void on_bytes(struct connection *c, const char *bytes, size_t size);
void on_drained(struct connection *c); // the client takes answers again
void on_close(struct connection *c);   // it is gone
