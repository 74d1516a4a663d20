// 05b, for the answer and its scene: an echo server on libuv, in which reading and writing
// is done, and the end is not.
#include <stdbool.h>
#include <uv.h>

struct connection {
    uv_tcp_t
        stream;  // the first member, so its address is that of the connection
    int pending; // writes that libuv has not called back for
    bool has_ended; // the client will send no more
};

static inline struct connection *connection_of(void *handle) {
    return handle;
}

void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buffer);
