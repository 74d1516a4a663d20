// 07a, for the answer and its scene. The scene is the network: it calls on_bytes with pieces
// of its own choice.
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct connection;

// With which every client begins (RFC 9113, section 3.4): 24 octets.
static const char preface[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

enum { preface_size = 24, frame_head_size = 9, longest_payload = 16384 };

struct frame {
    uint32_t length; // of the payload, in octets
    uint8_t type, flags;
    uint32_t stream;
};

struct state; // yours, for one connection: all zero before its first bytes
struct state *state_of(struct connection *c);
extern const size_t state_size;

// The scene's. One frame is here whole, with its payload. BORROWS it.
void found(struct connection *c, const struct frame *frame);

// The scene's. on_bytes is not called again after it has returned.
void refuse(struct connection *c);

// Yours. bytes are BORROWED.
void on_bytes(struct connection *c, const uint8_t *bytes, size_t size);
