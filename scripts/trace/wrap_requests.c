#define _POSIX_C_SOURCE 200809L
// Chapters 06 and 07: each request has a handler, which is a future. Its lane is
// among the connections, for it is a part of one of them. The loop's lane and
// the rest are in wrap_loop.c, its polls in wrap_polls.c.
#include "handle.h"

#include "watch.h"

struct handle __real_handle(struct http_request *request);
struct handle __wrap_handle(struct http_request *request) {
    struct handle h = __real_handle(request);
    (void)watch(&h.base, A_REQUEST);
    return h;
}
