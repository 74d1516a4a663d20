// 05c, for the answer and its scene. A message of a client costs work that takes long.
// Clients live on the loop's thread, and so does all that is done with them.
#include <stddef.h>
#include <uv.h>

struct client;

uv_loop_t *loop_of(const struct client *c);

// One pointer for each client, which is yours; NULL at first.
void **state_of(struct client *c);

// 0.15 s of work that holds the thread that calls it. It changes the bytes, and they are
// the answer then. Any thread.
void work(char *bytes, size_t size);

// Answers the client's message. BORROWS bytes. The loop's thread alone.
void send_back(struct client *c, const char *bytes, size_t size);

// Yours, called by the loop. A message has come; the client sends the next when it has its
// answer. bytes are BORROWED and gone after the call.
void on_bytes(struct client *c, const char *bytes, size_t size);

// Yours, called by the loop. The client has left, perhaps in the middle of the work for it.
// After the call c is gone.
void on_left(struct client *c);
