#define _POSIX_C_SOURCE 200809L
// The life of one connection, from the accept to the close. Nothing in here
// waits: each function is called because something has happened, does its
// piece, and returns to the loop. What must be remembered until the next event
// is in struct tcp_connection: that is all the stack that a connection has.
//
//   at        what it waits for            is read?      and then
//   READING   the client's next bytes      yes           stays, or any below
//   PAUSED    the protocol, at work        no            READING
//   WRITING   the client, to take output   no            READING
//   ENDING    the client, to take the      at last, and  CLOSING
//             last output, and to leave    unheeded
//   CLOSING   libuv, to be done with it    no            freed
//
// That nothing is read in WRITING is backpressure.
#include "tcp_connection.h"

#include "server_loop.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

// Output that the kernel did not take at once. Freed in on_write_done.
struct pending_write {
    uv_write_t request; // first, so that libuv's request is our write
    char bytes[];
};

// ---- Read ----

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buffer) {
    (void)suggested;
    struct tcp_connection *c = (struct tcp_connection *)handle;
    *buffer = uv_buf_init(c->loop->read_buffer, read_buffer_size);
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buffer) {
    struct tcp_connection *c = (struct tcp_connection *)stream;
    bool is_heeded = c->at != ENDING; // if not, we still hear that it leaves
    if (n == UV_EOF && is_heeded) {
        c->loop->protocol.on_eof(c);
    } else if (n < 0) {
        tcp_abort(c, is_heeded ? uv_strerror((int)n) : NULL);
    } else if (n > 0 && is_heeded) {
        guard_renew(c);
        c->loop->protocol.on_bytes(c, buffer->base, (size_t)n);
    }
}

static void start_reading(struct tcp_connection *c) {
    int error = uv_read_start((uv_stream_t *)&c->tcp, on_alloc, on_read);
    if (error != 0 && error != UV_EALREADY) {
        tcp_abort(c, uv_strerror(error));
    }
}

// It is the client's turn again. If it has half-closed, the kernel says so once
// more when we read.
static void go_on(struct tcp_connection *c) {
    if (c->loop->stopping) {
        tcp_connection_stop(c);
    }
    if (c->at == READING) {
        start_reading(c);
    }
}

void tcp_pause(struct tcp_connection *c) {
    if (c->at == READING) {
        c->at = PAUSED;
        uv_read_stop((uv_stream_t *)&c->tcp);
        guard_renew(c);
    }
}

void tcp_resume(struct tcp_connection *c) {
    if (c->at == PAUSED) {
        c->at = READING;
        guard_renew(c);
        go_on(c);
    }
}

// ---- Write ----

// The last output is out. Who may still have something to say gets a moment to
// read it and leave.
static void part(struct tcp_connection *c) {
    if (guard_ending(c)) {
        start_reading(c);
    } else {
        tcp_abort(c, NULL);
    }
}

static void on_write_done(uv_write_t *request, int error) {
    struct tcp_connection *c = (struct tcp_connection *)request->handle;
    free(request);
    if (error != 0) {
        tcp_abort(c, uv_strerror(error));
    } else if (c->at == ENDING) {
        part(c);
    } else if (c->at == WRITING) {
        c->at = READING;
        guard_renew(c);
        c->loop->protocol.on_drained(c);
        go_on(c);
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
    uv_buf_t buffer = uv_buf_init(w->bytes, (unsigned)size);
    int error = uv_write(&w->request, (uv_stream_t *)&c->tcp, &buffer, 1,
                         on_write_done);
    if (error != 0) {
        free(w);
        tcp_abort(c, uv_strerror(error));
        return;
    }
    c->at = WRITING;
    uv_read_stop((uv_stream_t *)&c->tcp);
    guard_renew(c);
}

bool tcp_is_writable(const struct tcp_connection *c) {
    return c->at == READING || c->at == PAUSED;
}

bool tcp_write(struct tcp_connection *c, const void *bytes, size_t size) {
    if (!tcp_is_writable(c)) {
        return false;
    }
    uv_buf_t buffer = uv_buf_init((char *)bytes, (unsigned)size);
    int sent = uv_try_write((uv_stream_t *)&c->tcp, &buffer, 1);
    size_t done = sent > 0 ? (size_t)sent : 0;
    if (sent < 0 && sent != UV_EAGAIN) {
        tcp_abort(c, uv_strerror(sent));
    } else if (done < size) {
        write_later(c, (const char *)bytes + done, size - done);
    }
    return tcp_is_writable(c);
}

// ---- Close ----

void tcp_end(struct tcp_connection *c) {
    if (c->at == WRITING) {
        c->at = ENDING; // and on_write_done goes on
    } else if (tcp_is_writable(c)) {
        c->at = ENDING;
        part(c);
    }
}

// Who is at work for it hears of the end.
static void on_close(uv_handle_t *handle) {
    struct tcp_connection *c = (struct tcp_connection *)handle;
    struct server_loop *l = c->loop;
    l->protocol.on_close(c);
    free(c);
    server_loop_one_left(l);
}

void tcp_abort(struct tcp_connection *c, const char *why) {
    if (c->at == CLOSING) {
        return;
    }
    c->at = CLOSING;
    if (why != NULL) {
        tcp_report(c, why);
    }
    uv_close((uv_handle_t *)&c->tcp, on_close);
}

// The protocol is told once, and not while it is at work: then go_on comes back.
void tcp_connection_stop(struct tcp_connection *c) {
    if (!c->stopping && (c->at == READING || c->at == WRITING)) {
        c->stopping = true;
        c->loop->protocol.on_stopping(c);
    }
}

// ---- Open ----

// The loop owns the memory from uv_tcp_init on: only on_close may free it.
static void begin(struct server_loop *l, struct tcp_connection *c, int socket) {
    c->loop = l;
    l->count++;
    uv_tcp_init(&l->uv, &c->tcp);
    tcp_set_deadline(c, 0); // nothing is expected yet but a sign of life
    int error = uv_tcp_open(&c->tcp, socket); // from now on it does not block
    if (error != 0) {
        close(socket);
        tcp_abort(c, uv_strerror(error));
    } else if (l->protocol.on_open != NULL && !l->protocol.on_open(c)) {
        tcp_abort(c, "out of memory");
    } else {
        start_reading(c);
    }
}

// Memory first: a client that we have no place for had better wait outside.
int tcp_connection_open(struct server_loop *l) {
    struct tcp_connection *c = calloc(1, sizeof *c + l->protocol.state_size);
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
