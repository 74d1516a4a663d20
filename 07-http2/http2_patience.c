#define _POSIX_C_SOURCE 200809L
// A bucket that leaks backwards: trouble empties it, time and answers fill it,
// and never above the rim.
#include "http2_patience.h"
#include "http2_limits.h"

static void add(struct http2_patience *p, uint64_t more) {
    uint64_t room = (uint64_t)(max_patience - p->left);
    p->left += (int)(more < room ? more : room);
}

void http2_patience_begin(struct http2_patience *p, uint64_t now) {
    p->left = max_patience;
    p->counted = now;
}

bool http2_patience_lose(struct http2_patience *p, uint64_t now, int cost) {
    uint64_t back = (now - p->counted) * patience_per_second / 1000;
    p->counted += back * 1000 / patience_per_second; // the rest counts later
    add(p, back);
    if (p->left < cost) {
        return false;
    }
    p->left -= cost;
    return true;
}

void http2_patience_regain(struct http2_patience *p, int more) {
    add(p, (uint64_t)more);
}
