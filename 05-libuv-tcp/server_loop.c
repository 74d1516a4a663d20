#define _DEFAULT_SOURCE // for SO_REUSEPORT, which POSIX does not have
// One event loop: a thread that waits in the kernel for whatever happens next,
// on any connection, and calls a function for it. No function here blocks, so
// one thread serves them all.
#include "server_loop.h"

#include <arpa/inet.h>
#include <errno.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif
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

static void on_retry(uv_timer_t *retry);

// When there is no room, the client is left where it is: libuv does not
// listen again until uv_accept is called, so nothing spins meanwhile.
static void let_in(struct server_loop *l) {
    l->client_waits = l->count >= l->most;
    if (l->client_waits || tcp_connection_open(l)) {
        return;
    }
    l->client_waits = true;
    server_loop_complain(l, "accepting", "out of memory");
    uv_timer_start(&l->retry, on_retry, retry_ms, 0);
}

static void on_listener_closed(uv_handle_t *listener) {
    struct server_loop *l = listener->data;
    if (!l->stopping) {
        uv_timer_start(&l->retry, on_retry, retry_ms, 0);
    }
}

// The kernel has a client but does not hand it over: the whole system is out
// of files, or of memory. It will say so again at once, and libuv would ask it
// in a circle. Closed, the listener leaves the circle. The socket stays open
// through our own descriptor, and keeps the clients for us.
static void let_rest(uv_tcp_t *listener) {
    uv_close((uv_handle_t *)listener, on_listener_closed);
}

static void on_connection(uv_stream_t *listener, int error) {
    struct server_loop *l = listener->data;
    if (error != 0) {
        server_loop_complain(l, "accepting", uv_strerror(error));
        let_rest(&l->listener);
    } else {
        let_in(l);
    }
}

static int start_listening(struct server_loop *l) {
    l->listener.data = l;
    return uv_listen((uv_stream_t *)&l->listener, backlog, on_connection);
}

static void listen_again(struct server_loop *l) {
    int error = uv_tcp_init(&l->uv, &l->listener);
    int fd = dup(l->socket);
    if (fd < 0) {
        error = uv_translate_sys_error(errno);
    } else if (error == 0) {
        error = uv_tcp_open(&l->listener, fd); // the listener's from now on
    }
    if (error == 0) {
        error = start_listening(l);
    }
    if (error != 0) {
        on_connection((uv_stream_t *)&l->listener, error);
    }
}

// From now on new clients are refused.
static void stop_listening(struct server_loop *l) {
    uv_timer_stop(&l->retry);
    if (!uv_is_closing((uv_handle_t *)&l->listener)) {
        uv_close((uv_handle_t *)&l->listener, NULL);
    }
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
    if (l->client_waits && !l->stopping) {
        let_in(l);
    }
}

static void on_retry(uv_timer_t *retry) {
    struct server_loop *l = retry->data;
    if (uv_is_closing((uv_handle_t *)&l->listener)) {
        listen_again(l);
    } else if (l->client_waits) {
        let_in(l);
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

static int port_of(const uv_tcp_t *listener) {
    struct sockaddr_storage address;
    int length = sizeof address;
    if (uv_tcp_getsockname(listener, (struct sockaddr *)&address, &length)) {
        return 0;
    }
    // The port stands at the same place for IPv4 and IPv6.
    return ntohs(((struct sockaddr_in *)&address)->sin_port);
}

static int share_port(const uv_tcp_t *listener) {
    uv_os_fd_t fd;
    int on = 1;
    int error = uv_fileno((const uv_handle_t *)listener, &fd);
    if (error == 0 &&
        setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on) != 0) {
        error = uv_translate_sys_error(errno);
    }
    return error;
}

// With several loops each has a listener of its own on the same port, and the
// kernel spreads the clients over them. The first one binds the port before it
// is ready to share it: so it notices if others have it.
static int bind_port(struct server_loop *l, int port, bool is_first) {
    struct sockaddr_storage address;
    bool shares = l->options->threads > 1;
    int error = address_of(l->options, port, &address);
    if (error == 0) {
        error = uv_tcp_init_ex(&l->uv, &l->listener, address.ss_family);
    }
    if (error == 0 && shares && !is_first) {
        error = share_port(&l->listener);
    }
    if (error == 0) {
        error = uv_tcp_bind(&l->listener, (struct sockaddr *)&address, 0);
    }
    if (error == 0 && shares && is_first) {
        error = share_port(&l->listener);
    }
    return error;
}

static int listen_on(struct server_loop *l, int port, bool is_first) {
    int error = bind_port(l, port, is_first);
    if (error == 0) {
        error = start_listening(l);
    }
    uv_os_fd_t fd;
    if (error == 0) {
        error = uv_fileno((uv_handle_t *)&l->listener, &fd);
    }
    if (error == 0) {
        l->port = port_of(&l->listener);
        l->socket = dup(fd);
        error = l->socket < 0 ? uv_translate_sys_error(errno) : 0;
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
