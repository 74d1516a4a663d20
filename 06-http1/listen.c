#define _DEFAULT_SOURCE // for SO_REUSEPORT, which POSIX does not have
// Nothing in here is about async: the calls that every server makes, and the
// options of a socket that is shared by several loops.
#include "listen.h"

#include "tcp_limits.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <uv.h>

static bool set_option(int fd, int level, int option) {
    int on = 1;
    return setsockopt(fd, level, option, &on, sizeof on) == 0;
}

// With several loops each has a socket of its own on the same port, and the
// kernel spreads the clients over them. With one socket for all, who wakes first
// takes nearly all: of 100 who came one by one, two loops got 99 and 1. The first
// socket binds the port before it is ready to share it: so it notices if others
// have it.
static bool bind_port(int fd, const struct sockaddr_storage *address,
                      bool shares, bool is_first) {
    socklen_t length = address->ss_family == AF_INET
                           ? sizeof(struct sockaddr_in)
                           : sizeof(struct sockaddr_in6);
    // Connections of a server that has just ended do not keep the port busy.
    return set_option(fd, SOL_SOCKET, SO_REUSEADDR) &&
           (!shares || is_first || set_option(fd, SOL_SOCKET, SO_REUSEPORT)) &&
           bind(fd, (const struct sockaddr *)address, length) == 0 &&
           (!shares || !is_first || set_option(fd, SOL_SOCKET, SO_REUSEPORT));
}

int listen_on(const struct server_options *options, int port, bool is_first,
              int *fd, int *bound_to) {
    struct sockaddr_storage address;
    socklen_t size = sizeof address;
    const char *host = options->host;
    if (uv_ip4_addr(host, port, (struct sockaddr_in *)&address) != 0 &&
        uv_ip6_addr(host, port, (struct sockaddr_in6 *)&address) != 0) {
        return UV_EINVAL;
    }
    *fd = socket(address.ss_family, SOCK_STREAM, 0);
    // Answers leave at once, instead of waiting for more to fill a packet: the
    // sockets of the clients take that over from this one.
    if (*fd < 0 || !bind_port(*fd, &address, options->threads > 1, is_first) ||
        !set_option(*fd, IPPROTO_TCP, TCP_NODELAY) ||
        listen(*fd, backlog) != 0 ||
        getsockname(*fd, (struct sockaddr *)&address, &size) != 0) {
        return uv_translate_sys_error(errno);
    }
    (void)fcntl(*fd, F_SETFD, FD_CLOEXEC); // as in tcp_connection_open
    // The port stands at the same place for IPv4 and IPv6.
    *bound_to = ntohs(((struct sockaddr_in *)&address)->sin_port);
    return 0;
}
