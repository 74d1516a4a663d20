// 05a, for the answer and its scene: an echo server on libuv and nothing else. The scene
// lets clients in, gives each read a buffer of 64 KiB from malloc, and calls on_read.
#include <uv.h>

// Yours. n > 0: so many bytes are in the buffer. 0: nothing came. n < 0: an error, or
// UV_EOF; the client is gone. buffer->base is yours from now on, in each case; it may be
// NULL. stream is from malloc and yours, too.
void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buffer);
