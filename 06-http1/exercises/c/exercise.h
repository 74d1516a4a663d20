// 06c, for the answer and its scene. A decoder of chunked bodies, for one body.
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct decoder; // yours; all zero at first
extern const size_t decoder_size;

// What decode has found.
enum found {
    MORE, // all bytes are used, and the body goes on
    END,  // the body is over; what stands behind it is not used
    BAD,  // this is no chunked body
};

// Yours. BORROWS bytes, a piece of any size above 0. *used: how many of them belong to the
// body; only after END it may be less than size. Not called again after END or BAD.
enum found decode(struct decoder *d, const char *bytes, size_t size,
                  size_t *used);

// The scene's: takes data of the body, in order, as much at a time as you like.
void on_data(struct decoder *d, const char *bytes, size_t size);
