// The host that a client asks for: the field Host of HTTP/1, :authority of HTTP/2.
#ifndef HTTP_HOST_H
#define HTTP_HOST_H

#include "octets.h"

// A name or an address, perhaps with a port; nothing at all is one, too. No user
// in front: who shows "bank@evil" misleads.
bool http_is_host(struct span s);

#endif
