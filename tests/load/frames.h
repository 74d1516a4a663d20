// HTTP/2 frame by frame, for the clients that want to do what no library would.
#ifndef FRAMES_H
#define FRAMES_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum frame_type {
    DATA,
    HEADERS,
    PRIORITY,
    RST_STREAM,
    SETTINGS,
    PUSH_PROMISE,
    PING,
    GOAWAY,
    WINDOW_UPDATE,
    CONTINUATION
};
enum { END_STREAM = 1, ACK = 1, END_HEADERS = 4 };
enum { frame_head = 9, max_frame = 16 * 1024 };

// Packed: GET or POST, http, /, and an authority that enters no table.
#define FRAMES_GET "\202\206\204\1\1h"
#define FRAMES_POST "\203\206\204\1\1h"

// Frames to be sent. What does not fit is dropped: see frames_have_room.
struct frames {
    uint8_t bytes[64 * 1024];
    size_t size;
};

int frames_have_room(const struct frames *out);
void frames_add_preface(struct frames *out);
void frames_add(struct frames *out, enum frame_type type, int flags,
                uint32_t stream, const void *payload, size_t size);
// Sends what the server takes. RETURNS -1 if it has reset the connection.
int frames_send(struct frames *out, int fd);

struct frame {
    int type, flags;
    uint32_t stream, size;
    const uint8_t *payload;
};

// Frames that come in.
struct frame_reader {
    uint8_t bytes[frame_head + max_frame];
    size_t size;
};

// Reads once, and calls on_frame for each frame that is complete. RETURNS what
// read returned.
ssize_t frames_read(struct frame_reader *in, int fd,
                    void (*on_frame)(void *arg, const struct frame *f),
                    void *arg);

uint32_t frames_number(const uint8_t *bytes); // four octets

#endif
