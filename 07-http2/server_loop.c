#define _DEFAULT_SOURCE // for SO_REUSEPORT, which POSIX does not have
// One event loop: a thread that waits in the kernel for whatever happens next,
// on any connection, and calls a function for it. No function here blocks, so
// one thread serves them all.
#include "server_loop.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif
#include <netinet/tcp.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

void server_loop_complain(struct server_loop *l, const char *what,
                          const char *why) {
    uint64_t now = uv_now(&l->uv);
    if (now - l->errors_since >= 1000) {
        if (l->errors > errors_per_second) {
            fprintf(stderr, "Error: %ld more like these\n",
                    l->errors - errors_per_second);
        }
        l->errors_since = now;
        l->errors = 0;
    }
    if (l->errors++ < errors_per_second) {
        fprintf(stderr, "Error %s connection: %s\n", what, why);
    }
}

// ---- Let clients in ----

static void on_connection(uv_poll_t *listener, int error, int events);

// While clients wait at our socket, each turn of the loop calls on_connection
// once. So those who are here get their turn as well.
static void watch_the_door(struct server_loop *l) {
    uv_timer_stop(&l->retry);
    uv_poll_start(&l->listener, UV_READABLE, on_connection);
}

static void on_retry(uv_timer_t *retry) {
    watch_the_door(retry->data);
}

// A client is there and cannot come in: no memory, or no file left in the whole
// system. A moment later it will be the same, and the loop would call us in a
// circle. So we look away for a while, and the kernel keeps the clients for us.
static void rest(struct server_loop *l, int error) {
    server_loop_complain(l, "accepting", uv_strerror(error));
    uv_poll_stop(&l->listener);
    uv_timer_start(&l->retry, on_retry, retry_ms, 0);
}

// libuv would accept for us as well (uv_listen). But since 1.48 it keeps such
// an error to itself, and goes in that circle.
static void on_connection(uv_poll_t *listener, int error, int events) {
    struct server_loop *l = listener->data;
    (void)events;
    if (error == 0) {
        error = tcp_connection_open(l);
    }
    if (error == UV_EAGAIN || error == UV_EINTR || error == UV_ECONNABORTED) {
        return; // it has left again, or a signal came: nothing to rest for
    }
    if (error != 0) {
        rest(l, error);
    } else if (l->count >= l->most) {
        uv_poll_stop(listener); // until somebody leaves
    }
}

// From now on new clients are refused.
static void stop_listening(struct server_loop *l) {
    uv_timer_stop(&l->retry);
    uv_close((uv_handle_t *)&l->listener, NULL);
    close(l->socket);
    l->socket = -1;
}

static void give_memory_back(struct server_loop *l) {
#ifdef __GLIBC__
    if (l->crowd_seen >= crowd) {
        malloc_trim(0); // some milliseconds after ten thousand
    }
#endif
    l->crowd_seen = 0;
}

void server_loop_one_left(struct server_loop *l) {
    l->crowd_seen = l->count > l->crowd_seen ? l->count : l->crowd_seen;
    l->count--;
    if (l->count == 0) {
        give_memory_back(l);
    }
    if (!l->stopping && !uv_is_active((uv_handle_t *)&l->listener)) {
        watch_the_door(l);
    }
}

// ---- Stop ----

static void on_grace_over(uv_timer_t *grace) {
    struct server_loop *l = grace->data;
    deadlines_each(&l->deadlines, tcp_connection_abort);
}

// No new clients; those who are here get their answers within the grace time.
static void begin_to_stop(struct server_loop *l) {
    l->stopping = true;
    stop_listening(l);
    uv_timer_start(&l->grace, on_grace_over, (uint64_t)l->options->grace_ms, 0);
    deadlines_each(&l->deadlines, tcp_connection_stop);
}

static void on_stop(uv_async_t *stop) {
    struct server_loop *l = stop->data;
    if (!l->stopping) {
        begin_to_stop(l);
    }
    if (atomic_load(&l->stops_asked) > 1) {
        on_grace_over(&l->grace);
    }
}

// libuv may call on_stop once for several calls of uv_async_send, so they are
// counted here.
void server_loop_stop(struct server_loop *l) {
    atomic_fetch_add(&l->stops_asked, 1);
    uv_async_send(&l->stop);
}

// ---- Start ----

// Our connections must leave a few descriptors for everything else.
static long room_for_connections(const struct server_options *options) {
    struct rlimit limit;
    long most = options->max_connections;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 &&
        limit.rlim_cur != RLIM_INFINITY) {
        long room = (long)limit.rlim_cur - other_descriptors;
        room = room / options->threads - loop_descriptors;
        most = room < most ? room : most;
    }
    return most < 1 ? 1 : most;
}

static int address_of(const struct server_options *options, int port,
                      struct sockaddr_storage *address) {
    int error = uv_ip4_addr(options->host, port, (struct sockaddr_in *)address);
    return error == 0 ? 0
                      : uv_ip6_addr(options->host, port,
                                    (struct sockaddr_in6 *)address);
}

static int port_of(int socket) {
    struct sockaddr_storage address;
    socklen_t length = sizeof address;
    if (getsockname(socket, (struct sockaddr *)&address, &length) != 0) {
        return 0;
    }
    // The port stands at the same place for IPv4 and IPv6.
    return ntohs(((struct sockaddr_in *)&address)->sin_port);
}

static bool set_option(int socket, int level, int option) {
    int on = 1;
    return setsockopt(socket, level, option, &on, sizeof on) == 0;
}

// With several loops each has a socket of its own on the same port, and the
// kernel spreads the clients over them. The first one binds the port before it
// is ready to share it: so it notices if others have it.
static bool bind_port(const struct server_loop *l,
                      const struct sockaddr_storage *address, bool is_first) {
    socklen_t length = address->ss_family == AF_INET
                           ? sizeof(struct sockaddr_in)
                           : sizeof(struct sockaddr_in6);
    bool shares = l->options->threads > 1;
    // Connections of a server that has just ended do not keep the port busy.
    return set_option(l->socket, SOL_SOCKET, SO_REUSEADDR) &&
           (!shares || is_first ||
            set_option(l->socket, SOL_SOCKET, SO_REUSEPORT)) &&
           bind(l->socket, (const struct sockaddr *)address, length) == 0 &&
           (!shares || !is_first ||
            set_option(l->socket, SOL_SOCKET, SO_REUSEPORT));
}

static int listen_on(struct server_loop *l, int port, bool is_first) {
    struct sockaddr_storage address;
    int error = address_of(l->options, port, &address);
    if (error != 0) {
        return error;
    }
    l->socket = socket(address.ss_family, SOCK_STREAM, 0);
    // Answers leave at once, instead of waiting for more to fill a packet: the
    // sockets of the clients take that over from this one.
    if (l->socket < 0 || !bind_port(l, &address, is_first) ||
        !set_option(l->socket, IPPROTO_TCP, TCP_NODELAY) ||
        listen(l->socket, backlog) != 0) {
        return uv_translate_sys_error(errno);
    }
    (void)fcntl(l->socket, F_SETFD, FD_CLOEXEC); // as in tcp_connection_open
    l->port = port_of(l->socket);
    error = uv_poll_init_socket(&l->uv, &l->listener, l->socket);
    if (error == 0) {
        l->listener.data = l;
        watch_the_door(l);
    }
    return error;
}

// A loop runs for as long as it has handles that count. Those that help do not:
// when the listener and the last connection are closed, it is over.
static int open_helpers(struct server_loop *l) {
    deadlines_start(&l->deadlines, &l->uv, tcp_connection_on_due);
    uv_timer_init(&l->uv, &l->retry);
    uv_timer_init(&l->uv, &l->grace);
    int error = uv_async_init(&l->uv, &l->stop, on_stop);
    if (error == 0) {
        l->stop.data = l->retry.data = l->grace.data = l;
        uv_unref((uv_handle_t *)&l->grace);
        uv_unref((uv_handle_t *)&l->stop);
    }
    return error;
}

int server_loop_open(struct server_loop *l, const struct tcp_protocol *protocol,
                     const struct server_options *options, int port,
                     bool is_first) {
    l->protocol = protocol;
    l->options = options;
    l->most = room_for_connections(options);
    l->socket = -1;
    int error = uv_loop_init(&l->uv);
    l->is_open = error == 0;
    if (error == 0) {
        error = open_helpers(l);
    }
    if (error == 0 && protocol->on_loop_start != NULL &&
        !protocol->on_loop_start(&l->uv)) {
        error = UV_ENOMEM;
    }
    if (error != 0) {
        return error;
    }
    l->started = true;
    return listen_on(l, port, is_first);
}

void server_loop_run(struct server_loop *l) {
    uv_run(&l->uv, UV_RUN_DEFAULT);
}

static void close_handle(uv_handle_t *handle, void *unused) {
    (void)unused;
    if (!uv_is_closing(handle)) {
        uv_close(handle, NULL);
    }
}

// Nobody uses the loop any more: close what is left, and give it all back.
void server_loop_close(struct server_loop *l) {
    if (!l->is_open) {
        return;
    }
    if (l->started && l->protocol->on_loop_stop != NULL) {
        l->protocol->on_loop_stop(&l->uv);
    }
    uv_walk(&l->uv, close_handle, NULL);
    uv_run(&l->uv, UV_RUN_DEFAULT);
    if (l->socket >= 0) {
        close(l->socket);
    }
    if (uv_loop_close(&l->uv) != 0) {
        fprintf(stderr, "%s: a handle was left open\n", l->options->program);
    }
}
