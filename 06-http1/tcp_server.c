#define _POSIX_C_SOURCE 200809L
#define _DEFAULT_SOURCE // for SO_REUSEPORT, which POSIX does not have
// One event loop: a thread that waits in the kernel for whatever happens next,
// on any connection, and calls a function for it. No function here blocks, so
// one thread serves them all.
#include "tcp_server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>

// ---- Limits, and why these ----

enum {
    // One buffer for all connections of a loop: the kernel fills it, the
    // protocol looks at it, and it is free again when on_read returns. So an
    // idle connection costs no buffer. 64 KiB is as much as one read gets.
    read_buffer_size = 64 * 1024,
    // New clients that the kernel keeps for us while we are busy.
    backlog = 1024,
    // How often deadlines are looked at. One timer looks at all connections:
    // a read then costs a store, where a timer each would cost a heap update.
    sweep_ms = 100,
    // After our last word the client gets this long to read it and leave. To
    // close with unread bytes in the socket would make the kernel send a reset,
    // and a reset can destroy the answer before the client sees it.
    linger_ms = 2000,
    // Descriptors that are not connections: the loop's own, files, streams.
    other_descriptors = 32,
};

struct tcp_server {
    uv_loop_t loop;
    uv_tcp_t listener;
    uv_async_t stop; // another thread asks this loop to stop
    uv_timer_t sweep;
    uv_timer_t grace;
    const struct tcp_protocol *protocol;
    const struct server_options *options;
    struct tcp_connection *connections; // a list of all of them
    long count, max;
    bool client_waits; // accepted by libuv, but we have no room yet
    bool started, stopping;
    struct group *group;
    pthread_t thread;
    char read_buffer[read_buffer_size];
};

struct tcp_connection {
    uv_tcp_t tcp; // first, so that libuv's handle is our connection
    struct tcp_server *server;
    struct tcp_connection *next, *previous;
    uint64_t deadline; // on the loop's clock, milliseconds
    unsigned pending_writes;
    unsigned holds;   // see tcp_hold; plus one until on_close
    bool input_ended; // the client half-closed
    bool ending;      // tcp_end was called
    bool lingering;   // our half is shut down
    max_align_t state[];
};

// Output that the kernel did not take at once. Freed in on_write_done.
struct pending_write {
    uv_write_t request;
    char bytes[];
};

static void report(const char *why) {
    fprintf(stderr, "Error serving connection: %s\n", why);
}

void *tcp_state(struct tcp_connection *c) {
    return c->state;
}

struct tcp_connection *tcp_connection_of(void *state) {
    return (struct tcp_connection *)((char *)state -
                                     offsetof(struct tcp_connection, state));
}

uv_loop_t *tcp_loop(struct tcp_connection *c) {
    return &c->server->loop;
}

const struct server_options *tcp_options(const struct tcp_connection *c) {
    return c->server->options;
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

int tcp_port(const struct tcp_connection *c) {
    return port_of(&c->server->listener);
}

bool tcp_is_closing(const struct tcp_connection *c) {
    return uv_is_closing((const uv_handle_t *)&c->tcp);
}

bool tcp_is_writable(const struct tcp_connection *c) {
    return c->pending_writes == 0 && !c->ending && !tcp_is_closing(c);
}

static void touch(struct tcp_connection *c) {
    c->deadline =
        uv_now(&c->server->loop) + (uint64_t)c->server->options->idle_ms;
}

// ---- Open ----

static void on_close(uv_handle_t *handle);
static void start_reading(struct tcp_connection *c);
static void make_room(struct tcp_server *s);
static void on_sweep(uv_timer_t *timer);

static void link_connection(struct tcp_server *s, struct tcp_connection *c) {
    c->server = s;
    c->next = s->connections;
    if (c->next != NULL) {
        c->next->previous = c;
    }
    s->connections = c;
    if (s->count++ == 0) {
        uv_timer_start(&s->sweep, on_sweep, sweep_ms, sweep_ms);
    }
}

static void unlink_connection(struct tcp_connection *c) {
    if (c->next != NULL) {
        c->next->previous = c->previous;
    }
    if (c->previous != NULL) {
        c->previous->next = c->next;
    } else {
        c->server->connections = c->next;
    }
    if (--c->server->count == 0) {
        uv_timer_stop(&c->server->sweep);
    }
}

// The loop owns the memory from uv_tcp_init on: only on_close may free it.
static void open_connection(struct tcp_server *s) {
    struct tcp_connection *c = calloc(1, sizeof *c + s->protocol->state_size);
    if (c == NULL) {
        report("out of memory");
        return;
    }
    if (uv_tcp_init(&s->loop, &c->tcp) != 0) {
        free(c);
        return;
    }
    link_connection(s, c);
    c->holds = 1;
    touch(c);
    int error = uv_accept((uv_stream_t *)&s->listener, (uv_stream_t *)&c->tcp);
    if (error != 0) {
        tcp_abort(c, uv_strerror(error));
        return;
    }
    // Answers leave at once, instead of waiting for more to fill a packet.
    (void)uv_tcp_nodelay(&c->tcp, 1); // slower without, but not wrong
    if (s->protocol->on_open != NULL && !s->protocol->on_open(c)) {
        tcp_abort(c, "out of memory");
        return;
    }
    start_reading(c);
}

// When there is no room, the client is left where it is: libuv does not
// listen again until uv_accept is called, so nothing spins meanwhile.
static void on_connection(uv_stream_t *listener, int error) {
    struct tcp_server *s = listener->data;
    if (error != 0) {
        report(uv_strerror(error));
    } else if (s->count >= s->max) {
        s->client_waits = true;
    } else {
        open_connection(s);
    }
}

// ---- Read ----

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buffer) {
    (void)suggested;
    struct tcp_connection *c = (struct tcp_connection *)handle;
    *buffer = uv_buf_init(c->server->read_buffer, read_buffer_size);
}

static void on_end_of_input(struct tcp_connection *c) {
    c->input_ended = true;
    if (c->lingering) {
        tcp_abort(c, NULL);
    } else if (c->server->protocol->on_end != NULL && !c->ending) {
        c->server->protocol->on_end(c);
    } else {
        tcp_end(c);
    }
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buffer) {
    struct tcp_connection *c = (struct tcp_connection *)stream;
    if (n == UV_EOF) {
        on_end_of_input(c);
    } else if (n < 0) {
        tcp_abort(c, c->lingering ? NULL : uv_strerror((int)n));
    } else if (n > 0 && !c->ending) { // after the end input is thrown away
        touch(c);
        c->server->protocol->on_bytes(c, buffer->base, (size_t)n);
    }
}

static void start_reading(struct tcp_connection *c) {
    int error = uv_read_start((uv_stream_t *)&c->tcp, on_alloc, on_read);
    if (error != 0 && error != UV_EALREADY) {
        tcp_abort(c, uv_strerror(error));
    }
}

// ---- Write ----

// Shuts our half, then waits for the client to leave. The socket is
// non-blocking and its output is out, so the call returns at once.
static void linger(struct tcp_connection *c) {
    uv_os_fd_t fd;
    if (uv_fileno((uv_handle_t *)&c->tcp, &fd) != 0 ||
        shutdown(fd, SHUT_WR) != 0 || c->input_ended) {
        tcp_abort(c, NULL);
        return;
    }
    c->lingering = true;
    c->deadline = uv_now(&c->server->loop) + linger_ms;
    start_reading(c);
}

static void on_drained(struct tcp_connection *c) {
    if (c->ending) {
        linger(c);
        return;
    }
    if (c->server->protocol->on_drained != NULL) {
        c->server->protocol->on_drained(c);
    }
    if (tcp_is_writable(c) && c->input_ended) {
        on_end_of_input(c);
    } else if (tcp_is_writable(c)) {
        start_reading(c);
    }
}

static void on_write_done(uv_write_t *request, int error) {
    struct tcp_connection *c = (struct tcp_connection *)request->handle;
    free(request->data);
    c->pending_writes--;
    if (tcp_is_closing(c)) {
        return;
    }
    if (error != 0) {
        tcp_abort(c, uv_strerror(error));
        return;
    }
    touch(c);
    if (c->pending_writes == 0) {
        on_drained(c);
    }
}

// The kernel's buffer is full: the client takes less than we send. Keep a copy
// and read nothing more from this client until it is gone.
static void write_later(struct tcp_connection *c, const char *bytes,
                        size_t size) {
    struct pending_write *w = malloc(sizeof *w + size);
    if (w == NULL) {
        tcp_abort(c, "out of memory");
        return;
    }
    memcpy(w->bytes, bytes, size);
    w->request.data = w;
    uv_buf_t buffer = uv_buf_init(w->bytes, (unsigned)size);
    int error = uv_write(&w->request, (uv_stream_t *)&c->tcp, &buffer, 1,
                         on_write_done);
    if (error != 0) {
        free(w);
        tcp_abort(c, uv_strerror(error));
        return;
    }
    c->pending_writes++;
    uv_read_stop((uv_stream_t *)&c->tcp);
}

bool tcp_write(struct tcp_connection *c, const void *bytes, size_t size) {
    if (c->ending || tcp_is_closing(c)) {
        return false;
    }
    uv_buf_t buffer = uv_buf_init((char *)bytes, (unsigned)size);
    int sent = uv_try_write((uv_stream_t *)&c->tcp, &buffer, 1);
    if (sent == UV_EAGAIN) {
        sent = 0;
    }
    if (sent < 0) {
        tcp_abort(c, uv_strerror(sent));
        return false;
    }
    if ((size_t)sent < size) {
        write_later(c, (const char *)bytes + sent, size - (size_t)sent);
        return false;
    }
    return true;
}

// ---- Close ----

void tcp_end(struct tcp_connection *c) {
    if (c->ending || tcp_is_closing(c)) {
        return;
    }
    c->ending = true;
    if (c->pending_writes == 0) {
        linger(c);
    }
}

void tcp_abort(struct tcp_connection *c, const char *why) {
    if (tcp_is_closing(c)) {
        return;
    }
    if (why != NULL) {
        report(why);
    }
    uv_close((uv_handle_t *)&c->tcp, on_close);
}

void tcp_hold(struct tcp_connection *c) {
    c->holds++;
}

void tcp_release(struct tcp_connection *c) {
    touch(c);
    c->holds--;
    if (c->holds == 0) {
        free(c);
    }
}

static void on_close(uv_handle_t *handle) {
    struct tcp_connection *c = (struct tcp_connection *)handle;
    struct tcp_server *s = c->server;
    if (s->protocol->on_close != NULL) {
        s->protocol->on_close(c);
    }
    unlink_connection(c);
    tcp_release(c);
    make_room(s);
}

// One has left: the client that waits may come in.
static void make_room(struct tcp_server *s) {
    if (s->client_waits && s->count < s->max && !s->stopping) {
        s->client_waits = false;
        open_connection(s);
    }
}

// ---- Deadlines ----

static void on_deadline(struct tcp_connection *c) {
    if (!c->lingering && !c->ending && c->pending_writes == 0 &&
        c->server->protocol->on_idle != NULL) {
        touch(c);
        c->server->protocol->on_idle(c);
    } else {
        tcp_abort(c, NULL);
    }
}

static void on_sweep(uv_timer_t *timer) {
    struct tcp_server *s = timer->data;
    uint64_t now = uv_now(&s->loop);
    for (struct tcp_connection *c = s->connections; c != NULL; c = c->next) {
        if (now >= c->deadline && c->holds == 1 && !tcp_is_closing(c)) {
            on_deadline(c);
        }
    }
}

// ---- Stop ----

static void close_all(struct tcp_server *s) {
    for (struct tcp_connection *c = s->connections; c != NULL; c = c->next) {
        tcp_abort(c, NULL);
    }
}

static void on_grace_over(uv_timer_t *timer) {
    close_all(timer->data);
}

// No new clients; those who are here get their answers within the grace time.
// Asked a second time, it ends at once.
static void on_stop(uv_async_t *stop) {
    struct tcp_server *s = stop->data;
    if (s->stopping) {
        close_all(s);
        return;
    }
    s->stopping = true;
    uv_close((uv_handle_t *)&s->listener, NULL);
    uv_timer_start(&s->grace, on_grace_over, (uint64_t)s->options->grace_ms, 0);
    for (struct tcp_connection *c = s->connections; c != NULL; c = c->next) {
        if (c->ending || tcp_is_closing(c)) {
            continue;
        }
        if (s->protocol->on_stopping != NULL) {
            s->protocol->on_stopping(c);
        } else {
            tcp_end(c);
        }
    }
}

// ---- Start ----

// Our connections must leave a few descriptors for everything else.
static long room_for_connections(const struct server_options *options) {
    struct rlimit limit;
    long max = options->max_connections;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 &&
        limit.rlim_cur != RLIM_INFINITY) {
        long room = (long)limit.rlim_cur - other_descriptors;
        room /= options->threads;
        max = room < max ? room : max;
    }
    return max < 1 ? 1 : max;
}

static int parse_address(const struct server_options *options, int port,
                         struct sockaddr_storage *address) {
    int error = uv_ip4_addr(options->host, port, (struct sockaddr_in *)address);
    if (error != 0) {
        error =
            uv_ip6_addr(options->host, port, (struct sockaddr_in6 *)address);
    }
    return error;
}

// With several loops each has a listener of its own on the same port, and the
// kernel spreads the clients over them.
static int share_port(uv_tcp_t *listener) {
    uv_os_fd_t fd;
    int on = 1;
    int error = uv_fileno((uv_handle_t *)listener, &fd);
    if (error == 0 &&
        setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on) != 0) {
        error = uv_translate_sys_error(errno);
    }
    return error;
}

static int listen_on(struct tcp_server *s, int port) {
    struct sockaddr_storage address;
    int error = parse_address(s->options, port, &address);
    if (error == 0) {
        error = uv_tcp_init_ex(&s->loop, &s->listener, address.ss_family);
    }
    if (error == 0 && s->options->threads > 1) {
        error = share_port(&s->listener);
    }
    if (error == 0) {
        error = uv_tcp_bind(&s->listener, (struct sockaddr *)&address, 0);
    }
    if (error == 0) {
        s->listener.data = s;
        error = uv_listen((uv_stream_t *)&s->listener, backlog, on_connection);
    }
    return error;
}

static int open_server(struct tcp_server *s,
                       const struct tcp_protocol *protocol,
                       const struct server_options *options, int port) {
    s->protocol = protocol;
    s->options = options;
    s->max = room_for_connections(options);
    int error = uv_loop_init(&s->loop);
    if (error != 0) {
        return error;
    }
    uv_timer_init(&s->loop, &s->sweep);
    uv_timer_init(&s->loop, &s->grace);
    error = uv_async_init(&s->loop, &s->stop, on_stop);
    if (error != 0) {
        return error;
    }
    s->stop.data = s->sweep.data = s->grace.data = s;
    // A loop runs for as long as it has handles that count. These three do not
    // count: when the listener and the last connection are closed, it is over.
    uv_unref((uv_handle_t *)&s->sweep);
    uv_unref((uv_handle_t *)&s->grace);
    uv_unref((uv_handle_t *)&s->stop);
    if (protocol->on_loop_start != NULL && !protocol->on_loop_start(&s->loop)) {
        return UV_ENOMEM;
    }
    s->started = true;
    return listen_on(s, port);
}

static void close_handle(uv_handle_t *handle, void *unused) {
    (void)unused;
    if (!uv_is_closing(handle)) {
        uv_close(handle, NULL);
    }
}

// Nobody uses the loop any more: close what is left, and give it all back.
static void close_server(struct tcp_server *s) {
    if (s->started && s->protocol->on_loop_stop != NULL) {
        s->protocol->on_loop_stop(&s->loop);
    }
    uv_walk(&s->loop, close_handle, NULL);
    uv_run(&s->loop, UV_RUN_DEFAULT);
    if (uv_loop_close(&s->loop) != 0) {
        fprintf(stderr, "%s: a handle was left open\n", s->options->program);
    }
}

// All loops of the program. The first one runs on the main thread and has the
// signals.
struct group {
    struct tcp_server *servers;
    int count;
    uv_signal_t interrupt, terminate;
    uv_async_t thread_done;
    atomic_int threads_running;
};

static void on_signal(uv_signal_t *signal, int number) {
    (void)number;
    struct group *g = signal->data;
    for (int i = 0; i < g->count; i++) {
        uv_async_send(&g->servers[i].stop);
    }
}

static void on_thread_done(uv_async_t *unused) {
    (void)unused;
}

static int watch_signals(struct group *g) {
    uv_loop_t *loop = &g->servers[0].loop;
    uv_signal_init(loop, &g->interrupt);
    uv_signal_init(loop, &g->terminate);
    g->interrupt.data = g->terminate.data = g;
    uv_unref((uv_handle_t *)&g->interrupt);
    uv_unref((uv_handle_t *)&g->terminate);
    int error = uv_async_init(loop, &g->thread_done, on_thread_done);
    if (error == 0) {
        uv_unref((uv_handle_t *)&g->thread_done);
        error = uv_signal_start(&g->interrupt, on_signal, SIGINT);
    }
    return error != 0 ? error
                      : uv_signal_start(&g->terminate, on_signal, SIGTERM);
}

static int open_group(struct group *g, const struct tcp_protocol *protocol,
                      const struct server_options *options) {
    int port = options->port;
    for (int i = 0; i < options->threads; i++) {
        int error = open_server(&g->servers[i], protocol, options, port);
        g->count++;
        if (error != 0) {
            return error;
        }
        port = port_of(&g->servers[i].listener);
    }
    const char *form = strchr(options->host, ':') ? "[%s]:%d" : "%s:%d";
    char address[sizeof options->host + 16];
    snprintf(address, sizeof address, form, options->host, port);
    int error = watch_signals(g);
    if (error == 0) {
        printf("Listening on: %s\n", address);
    }
    return error;
}

static void *run_thread(void *arg) {
    struct tcp_server *s = arg;
    uv_run(&s->loop, UV_RUN_DEFAULT);
    atomic_fetch_sub(&s->group->threads_running, 1);
    uv_async_send(&s->group->thread_done);
    return NULL;
}

// A thread that cannot be started leaves its loop unserved, so all stop.
static int start_threads(struct group *g) {
    int started = 0, error = 0;
    atomic_init(&g->threads_running, g->count - 1);
    for (int i = 1; i < g->count && error == 0; i++) {
        struct tcp_server *s = &g->servers[i];
        s->group = g;
        error = pthread_create(&s->thread, NULL, run_thread, s);
        started += error == 0;
    }
    if (error != 0) {
        atomic_fetch_sub(&g->threads_running, g->count - 1 - started);
        on_signal(&g->interrupt, 0);
    }
    return started;
}

static int run_group(struct group *g) {
    int started = start_threads(g);
    uv_loop_t *loop = &g->servers[0].loop;
    uv_run(loop, UV_RUN_DEFAULT);
    // Our own clients are gone. Stay for a second signal while others work.
    uv_ref((uv_handle_t *)&g->thread_done);
    while (atomic_load(&g->threads_running) > 0) {
        uv_run(loop, UV_RUN_ONCE);
    }
    for (int i = 1; i <= started; i++) {
        pthread_join(g->servers[i].thread, NULL);
    }
    return started == g->count - 1 ? EXIT_SUCCESS : EXIT_FAILURE;
}

int tcp_server_run(const struct tcp_protocol *protocol,
                   const struct server_options *options) {
    struct group g = {0};
    signal(SIGPIPE,
           SIG_IGN); // writing to a client who left is no reason to die
    setvbuf(stdout, NULL, _IOLBF, 0); // or a pipe would get the banner late
    g.servers = calloc((size_t)options->threads, sizeof *g.servers);
    if (g.servers == NULL) {
        fprintf(stderr, "%s: out of memory\n", options->program);
        return EXIT_FAILURE;
    }
    int error = open_group(&g, protocol, options);
    int status = EXIT_FAILURE;
    if (error == 0) {
        status = run_group(&g);
    } else {
        fprintf(stderr, "%s: %s:%d: %s\n", options->program, options->host,
                options->port, uv_strerror(error));
    }
    for (int i = 0; i < g.count; i++) {
        close_server(&g.servers[i]);
    }
    free(g.servers);
    return status;
}
