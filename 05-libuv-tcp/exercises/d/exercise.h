// 05d, for the answer and its scene: an echo server on libuv, whose clients do not always
// read what they are sent.
#include <uv.h>

// The scene's: gives each read a buffer of 16 KiB from malloc.
void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buffer);

// Yours, as in 05a: buffer->base is yours in each case, and stream is from malloc. Reading
// was started with uv_read_start(stream, on_alloc, on_read).
void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buffer);
