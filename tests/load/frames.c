#define _POSIX_C_SOURCE 200809L
#include "frames.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

enum { largest_out = 64 }; // of a frame that these clients send

int frames_have_room(const struct frames *out) {
    return out->size + largest_out < sizeof out->bytes;
}

static void add(struct frames *out, const void *bytes, size_t size) {
    if (size > 0 && out->size + size <= sizeof out->bytes) {
        memcpy(out->bytes + out->size, bytes, size);
        out->size += size;
    }
}

void frames_add_preface(struct frames *out) {
    static const char preface[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    add(out, preface, sizeof preface - 1);
}

void frames_add(struct frames *out, enum frame_type type, int flags,
                uint32_t stream, const void *payload, size_t size) {
    const uint8_t head[frame_head] = {
        (uint8_t)(size >> 16),   (uint8_t)(size >> 8),
        (uint8_t)size,           (uint8_t)type,
        (uint8_t)flags,          (uint8_t)(stream >> 24),
        (uint8_t)(stream >> 16), (uint8_t)(stream >> 8),
        (uint8_t)stream};
    add(out, head, sizeof head);
    add(out, payload, size);
}

int frames_send(struct frames *out, int fd) {
    ssize_t n = write(fd, out->bytes, out->size);
    if (n < 0) {
        return errno == EAGAIN ? 0 : -1;
    }
    memmove(out->bytes, out->bytes + n, out->size - (size_t)n);
    out->size -= (size_t)n;
    return 0;
}

uint32_t frames_number(const uint8_t *b) {
    return (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 |
           b[3];
}

// RETURNS the octets of the frame at the front, or 0: it is not complete.
static size_t take(const uint8_t *bytes, size_t size, struct frame *f) {
    if (size < frame_head) {
        return 0;
    }
    f->size = frames_number(bytes) >> 8;
    f->type = bytes[3];
    f->flags = bytes[4];
    f->stream = frames_number(bytes + 5) & 0x7fffffff;
    f->payload = bytes + frame_head;
    return size < frame_head + f->size ? 0 : frame_head + f->size;
}

ssize_t frames_read(struct frame_reader *in, int fd,
                    void (*on_frame)(void *arg, const struct frame *f),
                    void *arg) {
    ssize_t n = read(fd, in->bytes + in->size, sizeof in->bytes - in->size);
    if (n <= 0) {
        return n;
    }
    in->size += (size_t)n;
    size_t at = 0, one;
    struct frame f;
    while ((one = take(in->bytes + at, in->size - at, &f)) > 0) {
        on_frame(arg, &f);
        at += one;
    }
    memmove(in->bytes, in->bytes + at, in->size - at);
    in->size -= at;
    return n;
}
