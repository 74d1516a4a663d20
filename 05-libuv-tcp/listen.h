// A socket where clients wait to be accepted, as ./loop made one by hand.
#ifndef LISTEN_H
#define LISTEN_H

#include "server_options.h"

#include <stdbool.h>

// Listens on the host of the options, and on this port. RETURNS 0 or an error of
// libuv; *socket is -1, or must be closed, also after an error. *bound_to is the
// port, if it was 0.
int listen_on(const struct server_options *options, int port, bool is_first,
              int *socket, int *bound_to);

#endif
