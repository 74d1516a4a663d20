// 07b, for the answer and its scene. The scene is the chapter's server, and clients.
#include "handle.h"

#include <stdlib.h>

// "/slow/300" waits 0.3 s. RETURNS how many seconds the target of the request wants to wait;
// 0: none at all.
double seconds_to_wait(const struct http_request *request);

// What is answered.
static const struct span here = {"here", 4};
