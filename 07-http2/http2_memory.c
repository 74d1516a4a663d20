#define _POSIX_C_SOURCE 200809L
// Lists of blocks, one list for each size: a block is taken from its list and
// put back there, in a few instructions.
#include "http2_memory.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

// Lies before the bytes that nghttp2 uses, because it does not say how many
// they are when it gives them back.
struct block {
    size_t room;
    struct block *next; // on a list
};

// Each list has blocks of one size: 8, 24, 40 and so on. glibc's malloc adds 8 bytes
// of its own and rounds up to a multiple of 16, so nothing is wasted.
static size_t list_for(size_t size) {
    return (size + kept_step / 2 - 1) / kept_step;
}

static void *on_malloc(size_t size, void *data) {
    struct http2_memory *m = data;
    size_t i = list_for(size);
    if (i < kept_sizes && m->kept[i].first != NULL) {
        struct block *b = m->kept[i].first;
        m->kept[i].first = b->next;
        m->kept[i].count--;
        return b + 1;
    }
    size_t room = i < kept_sizes ? i * kept_step + kept_step / 2 : size;
    struct block *b = malloc(sizeof *b + room);
    if (b == NULL) {
        return NULL;
    }
    b->room = room;
    return b + 1;
}

static void on_free(void *bytes, void *data) {
    struct http2_memory *m = data;
    if (bytes == NULL) {
        return;
    }
    struct block *b = (struct block *)bytes - 1;
    size_t i = list_for(b->room);
    if (i >= kept_sizes || m->kept[i].count == kept_most) {
        free(b);
        return;
    }
    b->next = m->kept[i].first;
    m->kept[i].first = b;
    m->kept[i].count++;
}

static void *on_calloc(size_t count, size_t size, void *data) {
    bool fits = size == 0 || count <= SIZE_MAX / 2 / size;
    void *bytes = fits ? on_malloc(count * size, data) : NULL;
    return bytes != NULL ? memset(bytes, 0, count * size) : NULL;
}

static void *on_realloc(void *bytes, size_t size, void *data) {
    size_t room = bytes != NULL ? ((struct block *)bytes - 1)->room : 0;
    if (size <= room && bytes != NULL) {
        return bytes;
    }
    void *larger = on_malloc(size, data);
    if (larger != NULL && bytes != NULL) {
        memcpy(larger, bytes, room);
        on_free(bytes, data);
    }
    return larger;
}

void http2_memory_begin(struct http2_memory *m) {
    *m = (struct http2_memory){
        .calls = {m, on_malloc, on_free, on_calloc, on_realloc}};
}

void http2_memory_end(struct http2_memory *m) {
    for (size_t i = 0; i < kept_sizes; i++) {
        while (m->kept[i].first != NULL) {
            struct block *b = m->kept[i].first;
            m->kept[i].first = b->next;
            free(b);
        }
    }
}
