#define _POSIX_C_SOURCE 200809L
// A client that cannot come in waits in the kernel, in the line that listen has
// made for it. All that we do is not to look at the door for a while.
#include "admission.h"

#include "server_loop.h"

#ifdef __GLIBC__
#include <malloc.h>
#endif
#include <sys/resource.h>

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

void admission_start(struct server_loop *l) {
    l->admission.most = room_for_connections(l->options);
    uv_timer_init(&l->uv, &l->admission.retry);
    l->admission.retry.data = l;
}

void admission_close(struct server_loop *l) {
    uv_timer_stop(&l->admission.retry);
}

static void open_door(struct server_loop *l) {
    uv_timer_stop(&l->admission.retry);
    server_loop_watch_door(l);
}

static void on_retry(uv_timer_t *retry) {
    open_door(retry->data);
}

// No memory, or no file left in the whole system. A moment later it will be the
// same, and the loop would call us in a circle. So we look away for a while.
static void rest(struct server_loop *l, int error) {
    guard_complain(l, "accepting", uv_strerror(error));
    uv_poll_stop(&l->listener);
    uv_timer_start(&l->admission.retry, on_retry, retry_ms, 0);
}

// EAGAIN, EINTR, ECONNABORTED: it has left again, or a signal came.
void admission_after_accept(struct server_loop *l, int error) {
    bool nobody =
        error == UV_EAGAIN || error == UV_EINTR || error == UV_ECONNABORTED;
    if (error != 0 && !nobody) {
        rest(l, error);
    } else if (l->count >= l->admission.most) {
        uv_poll_stop(&l->listener); // until somebody leaves
    }
}

static void give_memory_back(struct server_loop *l) {
#ifdef __GLIBC__
    if (l->admission.crowd_seen >= crowd) {
        malloc_trim(0); // some milliseconds after ten thousand
    }
#endif
    l->admission.crowd_seen = 0;
}

void admission_after_leave(struct server_loop *l) {
    struct admission *a = &l->admission;
    a->crowd_seen = l->count >= a->crowd_seen ? l->count + 1 : a->crowd_seen;
    if (l->count == 0) {
        give_memory_back(l);
    }
    if (!l->stopping && !uv_is_active((uv_handle_t *)&l->listener)) {
        open_door(l);
    }
}
