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
}

static void open_door(uv_timer_t *retry) {
    struct server_loop *l = (struct server_loop *)retry->loop;
    if (!l->stopping && !uv_is_active((uv_handle_t *)&l->listener)) {
        uv_timer_stop(retry);
        server_loop_watch_door(l);
    }
}

// No memory, or no file left in the whole system. A moment later it will be the
// same, and the loop would call us in a circle. So we look away for a while.
static void rest(struct server_loop *l, int error) {
    guard_complain(l, "accepting", uv_strerror(error));
    uv_poll_stop(&l->listener);
    uv_timer_start(&l->admission.retry, open_door, retry_ms, 0);
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

void admission_after_leave(struct server_loop *l) {
    struct admission *a = &l->admission;
    a->crowd_seen = l->count >= a->crowd_seen ? l->count + 1 : a->crowd_seen;
    if (l->count == 0) {
#ifdef __GLIBC__
        if (a->crowd_seen >= crowd) {
            malloc_trim(0); // some milliseconds after ten thousand
        }
#endif
        a->crowd_seen = 0;
    }
    open_door(&a->retry);
}
