#define _POSIX_C_SOURCE 200809L
// Chapters 05 to 07: a lane for each loop, each connection and each thread of
// the pool. libuv calls our functions in the middle of its wait for events; so
// the calls that register them are caught, and what is registered is a function
// of ours that calls the chapter's. That one is remembered in the room which
// libuv leaves free in each handle and request.
#include "threads.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <uv.h>

// Which place of that room remembers what.
enum { OF_READ = 1, OF_EVENT = 2, OF_CLOSE = 3 };              // in a handle
enum { OF_OWNER = 2, OF_WORK = 3, OF_DONE = 4, OF_WRITE = 5 }; // in a request

// A pointer to a function is not a pointer to an object, so it is copied.
#define REMEMBER(place, function)                                              \
    memcpy(&(place), &(function), sizeof(function))
#define RECALL(function, place) memcpy(&(function), &(place), sizeof(function))

// ---- Connections ----

enum {
    most_connections = 16, // that have a lane of their own
    long_ns = 2 * 1000 * 1000,
    sign_ns = 1000 * 1000, // one sign a millisecond is enough
};

struct connection {
    _Atomic(const void *) handle; // NULL: free for the next one
    struct lane *lane;
    int64_t last_event, last_in, last_out; // touched by its loop only
    atomic_bool in_pool;
};

static struct connection connections[most_connections];
static int connection_count;
static atomic_flag mutex = ATOMIC_FLAG_INIT; // guards making one

static struct connection *find(const void *handle) {
    for (int i = 0; i < most_connections; i++) {
        if (atomic_load(&connections[i].handle) == handle) {
            return &connections[i];
        }
    }
    return NULL;
}

static struct connection *find_by_lane(const struct lane *lane) {
    for (int i = 0; i < most_connections && lane != NULL; i++) {
        if (atomic_load(&connections[i].handle) != NULL &&
            connections[i].lane == lane) {
            return &connections[i];
        }
    }
    return NULL;
}

// ---- Callbacks ----

// A loop that goes from one callback straight to the next has not looked for
// news in between: what the next one finds may have come at any time since.
static _Thread_local int64_t busy_since, last_end;

static struct about says(const char *name) {
    return (struct about){.name = name};
}

// The bytes that it is called for have lain there, at most since the loop was
// last free to take them.
static void was_unread(struct connection *c, int64_t now) {
    int64_t since = busy_since > c->last_event ? busy_since : c->last_event;
    if (now - since >= long_ns) {
        trace_enter(c->lane, READY, says("unread"), since);
    }
}

static void callback_begins(const char *name, struct connection *c) {
    struct thread *me = this_thread();
    int64_t now = look(me);
    if (now - last_end >= long_ns) {
        busy_since = now;
    }
    note_pause();
    me->task = c != NULL ? c->lane : NULL;
    me->inside = c != NULL ? trace_name(c->lane) : name;
    trace_enter(me->lane, ON_CPU, (struct about){name, NULL, NULL, me->task},
                now);
    if (c != NULL) {
        was_unread(c, now);
        trace_enter(c->lane, ON_CPU, (struct about){name, NULL, NULL, me->lane},
                    now);
    }
}

static void callback_ends(void) {
    struct thread *me = this_thread();
    struct connection *c = find_by_lane(me->task);
    int64_t now = look(me);
    if (c != NULL) {
        c->last_event = now;
        if (!atomic_load(&c->in_pool)) {
            trace_enter(c->lane, PARKED, says("idle"), now);
        }
    }
    me->task = NULL;
    me->inside = NULL;
    last_end = now;
    trace_enter(me->lane, PARKED, says("poll"), now);
}

// ---- The loop ----

static void name_loop(struct thread *me) {
    static struct lane *first;
    static int count;
    char name[32] = "loop";
    trace_lock(&mutex);
    if (++count == 1) {
        first = me->lane;
    } else {
        trace_rename(first, "loop 1");
        snprintf(name, sizeof name, "loop %d", count);
    }
    trace_rename(me->lane, name);
    trace_unlock(&mutex);
}

int __real_uv_run(uv_loop_t *loop, uv_run_mode mode);
int __wrap_uv_run(uv_loop_t *loop, uv_run_mode mode) {
    struct thread *me = this_thread();
    if (!me->is_loop) {
        me->is_loop = true;
        name_loop(me);
    }
    trace_enter(me->lane, PARKED, says("poll"), look(me));
    int result = __real_uv_run(loop, mode);
    go_on(me);
    return result;
}

// The servers poll nothing but the socket at which clients wait.
static void on_connection(uv_poll_t *listener, int error, int events) {
    uv_poll_cb callback;
    RECALL(callback, listener->u.reserved[OF_EVENT]);
    callback_begins("on_connection", NULL);
    callback(listener, error, events);
    callback_ends();
}

int __real_uv_poll_start(uv_poll_t *listener, int events, uv_poll_cb callback);
int __wrap_uv_poll_start(uv_poll_t *listener, int events, uv_poll_cb callback) {
    REMEMBER(listener->u.reserved[OF_EVENT], callback);
    return __real_uv_poll_start(listener, events, on_connection);
}

static void on_timer(uv_timer_t *timer) {
    uv_timer_cb callback;
    RECALL(callback, timer->u.reserved[OF_EVENT]);
    callback_begins("on_timer", NULL);
    callback(timer);
    callback_ends();
}

int __real_uv_timer_start(uv_timer_t *timer, uv_timer_cb callback, uint64_t ms,
                          uint64_t repeat);
int __wrap_uv_timer_start(uv_timer_t *timer, uv_timer_cb callback, uint64_t ms,
                          uint64_t repeat) {
    REMEMBER(timer->u.reserved[OF_EVENT], callback);
    return __real_uv_timer_start(timer, on_timer, ms, repeat);
}

// ---- Before and after the wait ----

// These come in every turn of the loop, and as a rule have nothing to do. In
// chapters 05 to 07 the executor runs its tasks here, and those have lanes.
static void round_begins(void) {
    int64_t now = look(this_thread());
    if (now - last_end >= long_ns) {
        busy_since = now;
    }
}

static void round_ends(void) {
    struct thread *me = this_thread();
    note_pause();
    last_end = look(me);
    trace_enter(me->lane, PARKED, says("poll"), last_end);
}

static void on_prepare(uv_prepare_t *handle) {
    uv_prepare_cb callback;
    RECALL(callback, handle->u.reserved[OF_EVENT]);
    round_begins();
    callback(handle);
    round_ends();
}

int __real_uv_prepare_start(uv_prepare_t *handle, uv_prepare_cb callback);
int __wrap_uv_prepare_start(uv_prepare_t *handle, uv_prepare_cb callback) {
    REMEMBER(handle->u.reserved[OF_EVENT], callback);
    return __real_uv_prepare_start(handle, on_prepare);
}

static void on_check(uv_check_t *handle) {
    uv_check_cb callback;
    RECALL(callback, handle->u.reserved[OF_EVENT]);
    round_begins();
    callback(handle);
    round_ends();
}

int __real_uv_check_start(uv_check_t *handle, uv_check_cb callback);
int __wrap_uv_check_start(uv_check_t *handle, uv_check_cb callback) {
    REMEMBER(handle->u.reserved[OF_EVENT], callback);
    return __real_uv_check_start(handle, on_check);
}

// ---- The life of a connection ----

static void connection_begins(const uv_tcp_t *client) {
    struct thread *me = this_thread();
    char name[32];
    int64_t now = look(me);
    trace_lock(&mutex);
    snprintf(name, sizeof name, "connection %d", ++connection_count);
    struct lane *lane = trace_lane(STREAMS, name);
    struct connection *c = find(NULL);
    if (c != NULL && !trace_is_shared(lane)) {
        c->lane = lane;
        c->last_event = now;
        c->last_in = c->last_out = 0;
        atomic_store(&c->in_pool, false);
        atomic_store(&c->handle, client);
    }
    trace_unlock(&mutex);
    if (now - busy_since >= long_ns) { // it may have come then
        trace_enter(lane, READY, says("not accepted"), busy_since);
    }
    trace_sign(lane, "start", NULL, NULL, now);
    trace_enter(lane, PARKED, says("idle"), now);
}

int __real_uv_tcp_open(uv_tcp_t *client, uv_os_sock_t socket);
int __wrap_uv_tcp_open(uv_tcp_t *client, uv_os_sock_t socket) {
    int error = __real_uv_tcp_open(client, socket);
    if (error == 0 && trace_is_on()) {
        connection_begins(client);
    }
    return error;
}

static void on_close(uv_handle_t *handle) {
    uv_close_cb callback;
    RECALL(callback, handle->u.reserved[OF_CLOSE]);
    callback_begins("on_close", NULL);
    callback(handle);
    callback_ends();
}

static void connection_ends(struct connection *c) {
    struct thread *me = this_thread();
    int64_t now = look(me);
    trace_sign(c->lane, "end", NULL, NULL, now);
    trace_leave(c->lane, now);
    if (me->task == c->lane) {
        me->task = NULL;
    }
    if (me->outer == c->lane) {
        me->outer = NULL;
    }
    atomic_store(&c->handle, NULL);
}

void __real_uv_close(uv_handle_t *handle, uv_close_cb callback);
void __wrap_uv_close(uv_handle_t *handle, uv_close_cb callback) {
    struct connection *c = find(handle);
    if (c != NULL) {
        connection_ends(c);
    }
    REMEMBER(handle->u.reserved[OF_CLOSE], callback);
    __real_uv_close(handle, callback != NULL ? on_close : NULL);
}

// ---- Bytes in ----

static void on_read(uv_stream_t *stream, ssize_t size, const uv_buf_t *buffer) {
    struct connection *c = find(stream);
    uv_read_cb callback;
    RECALL(callback, stream->u.reserved[OF_READ]);
    callback_begins("on_read", c);
    int64_t now = this_thread()->time;
    if (c != NULL && size > 0 && now - c->last_in >= sign_ns) {
        c->last_in = now;
        trace_sign(c->lane, "bytes in", NULL, NULL, now);
    }
    callback(stream, size, buffer);
    callback_ends();
}

int __real_uv_read_start(uv_stream_t *stream, uv_alloc_cb on_alloc,
                         uv_read_cb callback);
int __wrap_uv_read_start(uv_stream_t *stream, uv_alloc_cb on_alloc,
                         uv_read_cb callback) {
    REMEMBER(stream->u.reserved[OF_READ], callback);
    return __real_uv_read_start(stream, on_alloc, on_read);
}

// ---- Bytes out ----

static void bytes_out(const uv_stream_t *stream) {
    struct connection *c = find(stream);
    int64_t now = look(this_thread());
    if (c != NULL) {
        c->last_event = now;
    }
    if (c != NULL && now - c->last_out >= sign_ns) {
        c->last_out = now;
        trace_sign(c->lane, "bytes out", NULL, NULL, now);
    }
}

int __real_uv_try_write(uv_stream_t *stream, const uv_buf_t *buffers,
                        unsigned count);
int __wrap_uv_try_write(uv_stream_t *stream, const uv_buf_t *buffers,
                        unsigned count) {
    int sent = __real_uv_try_write(stream, buffers, count);
    if (sent > 0) {
        bytes_out(stream);
    }
    return sent;
}

static void on_write(uv_write_t *request, int error) {
    uv_write_cb callback;
    RECALL(callback, request->reserved[OF_WRITE]);
    callback_begins("on_write_done", find(request->handle));
    callback(request, error);
    callback_ends();
}

int __real_uv_write(uv_write_t *request, uv_stream_t *stream,
                    const uv_buf_t *buffers, unsigned count,
                    uv_write_cb callback);
int __wrap_uv_write(uv_write_t *request, uv_stream_t *stream,
                    const uv_buf_t *buffers, unsigned count,
                    uv_write_cb callback) {
    REMEMBER(request->reserved[OF_WRITE], callback);
    bytes_out(stream);
    return __real_uv_write(request, stream, buffers, count,
                           callback != NULL ? on_write : NULL);
}

// ---- Work in the pool ----

// The pool's threads are libuv's own; we see them when they first work for us.
static struct thread *pool_thread(void) {
    static atomic_int count;
    struct thread *me = this_thread();
    if (me->lane == NULL && trace_is_on()) {
        char name[32];
        snprintf(name, sizeof name, "pool %d", atomic_fetch_add(&count, 1) + 1);
        me->lane = trace_lane(THREADS, name);
        me->is_helper = true;
        trace_own(me->lane);
    }
    return me;
}

// In a thread of the pool. For whoever waits for it, this is in nobody's way.
static void on_work(uv_work_t *request) {
    struct thread *me = pool_thread();
    struct lane *owner = request->reserved[OF_OWNER];
    int64_t now = look(me);
    uv_work_cb work;
    RECALL(work, request->reserved[OF_WORK]);
    trace_enter(owner, PARKED,
                (struct about){"in the pool", NULL, NULL, me->lane}, now);
    me->works_for = owner;
    go_on(me);
    work(request);
    me->works_for = NULL;
    trace_enter(me->lane, PARKED, says("idle"), look(me));
}

static void on_work_done(uv_work_t *request, int error) {
    struct connection *c = find_by_lane(request->reserved[OF_OWNER]);
    uv_after_work_cb callback;
    RECALL(callback, request->reserved[OF_DONE]);
    if (c != NULL) {
        atomic_store(&c->in_pool, false);
    }
    callback_begins("on_work_done", c);
    callback(request, error);
    callback_ends();
}

int __real_uv_queue_work(uv_loop_t *loop, uv_work_t *request, uv_work_cb work,
                         uv_after_work_cb done);
int __wrap_uv_queue_work(uv_loop_t *loop, uv_work_t *request, uv_work_cb work,
                         uv_after_work_cb done) {
    struct thread *me = this_thread();
    struct connection *c = find_by_lane(me->task);
    REMEMBER(request->reserved[OF_WORK], work);
    REMEMBER(request->reserved[OF_DONE], done);
    request->reserved[OF_OWNER] = me->task;
    if (c != NULL) {
        atomic_store(&c->in_pool, true);
    }
    trace_enter(me->task, READY, says("queued"), look(me));
    return __real_uv_queue_work(loop, request, on_work,
                                done != NULL ? on_work_done : NULL);
}
