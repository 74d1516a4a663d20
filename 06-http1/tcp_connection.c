#define _POSIX_C_SOURCE 200809L
// The life of one connection, from the accept to the close. Nothing in here
// waits: each function is called because something has happened, does its
// piece, and returns to the loop. What must be remembered until the next event
// is in struct tcp_connection: that is all the stack that a connection has.
#include "server_loop.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct tcp_connection {
    uv_tcp_t tcp; // first, so that libuv's handle is our connection
    struct server_loop *loop;
    struct deadline deadline;
    uint64_t limit; // what tcp_set_deadline has set, or DEADLINE_NEVER
    unsigned pending_writes;
    unsigned holds;   // one for libuv until on_close, one for each tcp_hold
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

void *tcp_state(struct tcp_connection *c) {
    return c->state;
}

struct tcp_connection *tcp_connection_of(void *state) {
    return (struct tcp_connection *)((char *)state -
                                     offsetof(struct tcp_connection, state));
}

static struct tcp_connection *connection_with(struct deadline *e) {
    return (struct tcp_connection *)((char *)e -
                                     offsetof(struct tcp_connection, deadline));
}

uv_loop_t *tcp_loop(struct tcp_connection *c) {
    return &c->loop->uv;
}

const struct server_options *tcp_options(const struct tcp_connection *c) {
    return c->loop->options;
}

int tcp_port(const struct tcp_connection *c) {
    return c->loop->port;
}

bool tcp_is_closing(const struct tcp_connection *c) {
    return uv_is_closing((const uv_handle_t *)&c->tcp);
}

bool tcp_is_writable(const struct tcp_connection *c) {
    return c->pending_writes == 0 && !c->ending && !tcp_is_closing(c);
}

static bool is_held(const struct tcp_connection *c) {
    return c->holds > 1;
}

// ---- Deadlines ----

static void set_deadline(struct tcp_connection *c, uint64_t ms) {
    struct deadlines *all = &c->loop->deadlines;
    uint64_t at = deadlines_now(all) + ms;
    if (c->pending_writes == 0 && c->limit < at) {
        at = c->limit; // it is the client's turn
    }
    deadlines_set(all, &c->deadline, at);
}

// The client did something.
static void touch(struct tcp_connection *c) {
    set_deadline(c, (uint64_t)c->loop->options->idle_ms);
}

void tcp_set_deadline(struct tcp_connection *c, long ms) {
    c->limit = ms > 0 ? deadlines_now(&c->loop->deadlines) + (uint64_t)ms
                      : DEADLINE_NEVER;
    touch(c);
}

// It has reset the connection. Who only half-closed it waits for an answer.
static bool has_left(const struct tcp_connection *c) {
    struct pollfd p = {.fd = -1, .events = 0}; // an error is always told
    return uv_fileno((const uv_handle_t *)&c->tcp, &p.fd) == 0 &&
           poll(&p, 1, 0) == 1 && (p.revents & (POLLERR | POLLHUP)) != 0;
}

static void look_after(struct tcp_connection *c) {
    if (has_left(c)) {
        tcp_abort(c, uv_strerror(UV_ECONNRESET));
    } else {
        set_deadline(c, held_look_ms);
    }
}

void tcp_connection_on_due(struct deadline *e) {
    struct tcp_connection *c = connection_with(e);
    if (tcp_is_closing(c)) {
        return;
    }
    if (is_held(c)) {
        look_after(c);
    } else if (c->pending_writes > 0) {
        tcp_abort(c, "the client does not take its answers");
    } else if (!c->ending && c->loop->protocol->on_idle != NULL) {
        tcp_set_deadline(c, 0);
        c->loop->protocol->on_idle(c);
    } else {
        tcp_abort(c, NULL);
    }
}

// ---- Open ----

static void on_close(uv_handle_t *handle);
static void start_reading(struct tcp_connection *c);

// Begins the life of a connection over this socket. The loop owns the memory
// from uv_tcp_init on: only on_close may free it.
static void begin(struct server_loop *l, struct tcp_connection *c, int socket) {
    c->loop = l;
    c->holds = 1;
    c->limit = DEADLINE_NEVER;
    l->count++;
    uv_tcp_init(&l->uv, &c->tcp);
    deadlines_add(&l->deadlines, &c->deadline);
    touch(c);
    int error = uv_tcp_open(&c->tcp, socket); // from now on it does not block
    if (error != 0) {
        close(socket);
        tcp_abort(c, uv_strerror(error));
    } else if (l->protocol->on_open != NULL && !l->protocol->on_open(c)) {
        tcp_abort(c, "out of memory");
    } else {
        start_reading(c);
    }
}

// Memory first: a client that we have no place for had better wait outside.
int tcp_connection_open(struct server_loop *l) {
    struct tcp_connection *c = calloc(1, sizeof *c + l->protocol->state_size);
    if (c == NULL) {
        return UV_ENOMEM;
    }
    int socket = accept(l->socket, NULL, NULL);
    if (socket < 0) {
        int error = uv_translate_sys_error(errno);
        free(c);
        return error;
    }
    // Or a program that somebody starts from here would keep it open.
    (void)fcntl(socket, F_SETFD, FD_CLOEXEC);
    begin(l, c, socket);
    return 0;
}

// ---- Read ----

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buffer) {
    (void)suggested;
    struct tcp_connection *c = (struct tcp_connection *)handle;
    *buffer = uv_buf_init(c->loop->read_buffer, read_buffer_size);
}

static void on_end_of_input(struct tcp_connection *c) {
    c->input_ended = true;
    if (c->lingering) {
        tcp_abort(c, NULL);
    } else if (c->loop->protocol->on_end != NULL && !c->ending) {
        c->loop->protocol->on_end(c);
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
        c->loop->protocol->on_bytes(c, buffer->base, (size_t)n);
    }
}

static void start_reading(struct tcp_connection *c) {
    int error = uv_read_start((uv_stream_t *)&c->tcp, on_alloc, on_read);
    if (error != 0 && error != UV_EALREADY) {
        tcp_abort(c, uv_strerror(error));
    }
}

// Output is out, or work is done: the client may speak again.
static void go_on(struct tcp_connection *c) {
    if (!tcp_is_writable(c) || is_held(c)) {
        return;
    }
    if (c->input_ended) {
        on_end_of_input(c);
    } else {
        start_reading(c);
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
    c->limit = DEADLINE_NEVER;
    set_deadline(c, linger_ms);
    start_reading(c);
}

static void on_drained(struct tcp_connection *c) {
    if (c->ending) {
        linger(c);
        return;
    }
    if (c->loop->protocol->on_drained != NULL) {
        c->loop->protocol->on_drained(c);
    }
    go_on(c);
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
    touch(c);
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

// ---- Work elsewhere ----

void tcp_hold(struct tcp_connection *c) {
    c->holds++;
    uv_read_stop((uv_stream_t *)&c->tcp);
    set_deadline(c, held_look_ms);
}

static void let_go(struct tcp_connection *c) {
    c->holds--;
    if (c->holds == 0) {
        free(c);
    }
}

void tcp_release(struct tcp_connection *c) {
    if (c->holds == 1) { // the client has left meanwhile: we are the last
        let_go(c);
        return;
    }
    let_go(c);
    if (tcp_is_closing(c)) {
        return;
    }
    touch(c);
    if (c->loop->stopping) {
        tcp_connection_stop(&c->deadline);
    }
    go_on(c);
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

void tcp_report(struct tcp_connection *c, const char *why) {
    server_loop_complain(c->loop, "serving", why);
}

void tcp_abort(struct tcp_connection *c, const char *why) {
    if (tcp_is_closing(c)) {
        return;
    }
    if (why != NULL) {
        tcp_report(c, why);
    }
    uv_close((uv_handle_t *)&c->tcp, on_close);
}

static void on_close(uv_handle_t *handle) {
    struct tcp_connection *c = (struct tcp_connection *)handle;
    struct server_loop *l = c->loop;
    if (l->protocol->on_close != NULL) {
        l->protocol->on_close(c);
    }
    deadlines_remove(&c->deadline);
    let_go(c);
    server_loop_one_left(l);
}

// The server stops. Who waits for work to be done still gets the answer: then
// tcp_release asks again.
void tcp_connection_stop(struct deadline *e) {
    struct tcp_connection *c = connection_with(e);
    if (c->ending || tcp_is_closing(c) || is_held(c)) {
        return;
    }
    if (c->loop->protocol->on_stopping != NULL) {
        c->loop->protocol->on_stopping(c);
    } else {
        tcp_end(c);
    }
}

void tcp_connection_abort(struct deadline *e) {
    tcp_abort(connection_with(e), NULL);
}
