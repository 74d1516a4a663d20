// 06a, for the answer and its scene. A request here is a head that ends with an empty line,
// CR LF CR LF, and has no body. The scene is the network: it calls on_bytes with pieces of
// its own choice.
#include <stddef.h>

struct connection;

enum { head_room = 256 }; // bytes that a head may have, with its empty line

struct state; // yours, for one connection: all zero before its first bytes
struct state *state_of(struct connection *c);
extern const size_t state_size;

// The scene's. Answers one request. BORROWS its head, from the first byte to the empty line.
void greet(struct connection *c, const char *head, size_t size);

// The scene's, for a head that is too long. on_bytes is not called again after it has
// returned.
void refuse(struct connection *c);

// Yours. bytes are BORROWED. on_close: the connection is gone, also half way.
void on_bytes(struct connection *c, const char *bytes, size_t size);
void on_close(struct connection *c);
