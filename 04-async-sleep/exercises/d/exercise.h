// 04d, for the answer and its scene. An async function with a loop in it:
//
//     async retry(server):
//         for tries = 1, 2, 3:
//             value = await call(server)
//             if value >= 0: return value
//             if tries < 3: await a nap of 0.1 s * tries
//         return -1
//
// Each part that was made, a call or a nap, is dropped once, even when it was ready. The
// lesson spares itself that for a sleep, since it can see that one which was ready holds
// nothing any more. Here a part may be any future, and only its drop knows.
#include "async_sleep.h"

// The scene's: a future that asks a server. Its output is an int, below 0 if the call
// has failed.
struct call {
    struct future base;
    int server, polls;
};

struct call call(int server);

struct retry {
    struct future base; // its output is an int
    int server;
    int tries;                           // calls that were begun
    enum { START, CALLING, NAPPING } at; // which of the two is alive
    struct call call;                    // in CALLING
    struct async_sleep nap;              // in NAPPING
};

static inline struct retry *retry_of(struct future *f) {
    return (struct retry *)f; // of which it is the first member
}

struct retry retry(int server);
