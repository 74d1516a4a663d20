#define _POSIX_C_SOURCE 200809L
// All events, in memory and in the file. Two things make it a little special.
//
// A run may be killed at any time, and what it did until then should still be
// there. So the file is mapped into memory, and each line is written when its
// event begins: the kernel keeps it, whatever happens to us. A span that goes
// on stands there as a "B" event, with room left to make it an "X" event, with
// its duration, when it ends.
//
// A run may do something millions of times, and the file should still be small.
// So a span that is too short to be seen becomes a part of its neighbour. How
// short that is, the grain, doubles whenever the file is full.
#include "events.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    file_size = 63 * 1024,   // so that it stays below 64 KiB
    file_plenty = 57 * 1024, // so much may be left when room was made
    plenty_events = 1100,
    title_room = 24, // blanks for a name that may grow
    span_room = 64,  // blanks for what is known when a span ends
};

struct event trace_events[most_events];
int trace_event_count;
int64_t trace_grain = 1000;

static char *file; // NULL: there is none, or no more
static int fd, used;

// ---- Lines in the file ----

static int room_to_grow(const struct event *e) {
    if (e->kind == TITLE) {
        return title_room;
    }
    return e->kind == SPAN && e->end < 0 ? span_room : 0;
}

// The last line of all may move its end; any other has the width that it has.
static void give_place(struct event *e, const struct line *l) {
    if (e->width > 0 && e->at + e->width == used) {
        memset(file + e->at, ' ', (size_t)e->width);
        used = e->at;
        e->width = 0;
    }
    if (e->width == 0) {
        e->at = used;
        e->width = l->size + room_to_grow(e) + 1;
        used += e->width;
    }
}

void events_show(struct event *e) {
    struct line l;
    line_print(&l, e);
    give_place(e, &l);
    int size = l.size < e->width ? l.size : e->width - 1;
    memset(l.text + size, ' ', (size_t)(line_size - size));
    memcpy(file + e->at, l.text, (size_t)e->width - 1);
    file[e->at + e->width - 1] = '\n';
}

void events_erase(struct event *e) {
    e->kind = NOTHING;
    if (e == &trace_events[trace_event_count - 1]) {
        trace_event_count--;
    }
    memset(file + e->at, ' ', (size_t)e->width);
    file[e->at + e->width - 1] = '\n';
    used = e->at + e->width == used ? e->at : used;
}

// ---- Making room ----

bool events_same(const struct doing *a, const struct doing *b) {
    return a->state == b->state && a->about.name == b->about.name &&
           a->about.inside == b->about.inside &&
           a->about.waits_for == b->about.waits_for &&
           a->about.with == b->about.with;
}

void events_swallow(struct event *a, struct event *b) {
    for (int i = 0; i < states; i++) {
        a->took[i] += b->took[i];
    }
    if (a->took[b->is.state] > a->took[a->is.state]) {
        a->is = b->is;
    }
    a->polls += b->polls;
    if (b->cpu >= 0) {
        a->cpu = (a->cpu > 0 ? a->cpu : 0) + b->cpu;
    }
}

static bool is_short(const struct event *e) {
    return e->end >= 0 && e->end - e->start < trace_grain;
}

// The span that is going on was swallowed by the one before it.
static void reopen(struct event *before, const struct event *e, int place) {
    before->now = e->now;
    before->now_since = e->now_since;
    before->lane->open = place;
}

// kept is the lane's span before this one, the last that is still there.
static void merge_span(int i) {
    struct event *e = &trace_events[i];
    struct lane *lane = e->lane;
    struct event *before = lane->kept >= 0 ? &trace_events[lane->kept] : NULL;
    if (before != NULL && e->start - before->end < trace_grain) {
        const struct doing *is = e->end < 0 ? &e->now : &e->is;
        if (events_same(&before->is, is) || is_short(e)) {
            before->end = e->end;
            events_swallow(before, e);
            e->kind = NOTHING;
            if (lane->open == i) {
                reopen(before, e, lane->kept);
            }
            return;
        }
        if (is_short(before)) {
            e->start = before->start;
            events_swallow(e, before);
            before->kind = NOTHING;
        }
    }
    lane->kept = i;
}

// The same sign on the same lane within one grain is told once.
static void merge_sign(int i) {
    struct event *e = &trace_events[i];
    for (int j = i - 1; j >= 0; j--) {
        const struct event *f = &trace_events[j];
        if (f->kind == SIGN && f->lane == e->lane &&
            f->is.about.name == e->is.about.name) {
            e->kind = e->start - f->start < trace_grain ? NOTHING : SIGN;
            return;
        }
    }
}

static void coarsen(void) {
    trace_grain *= 2;
    for (int i = 0; i < trace_lane_count; i++) {
        trace_lanes[i].kept = -1;
    }
    for (int i = 0; i < trace_event_count; i++) {
        if (trace_events[i].kind == SPAN) {
            merge_span(i);
        } else if (trace_events[i].kind == SIGN) {
            merge_sign(i);
        }
    }
}

// An event moves to another place in the list, and its lane must know.
static void move(int from, int to) {
    struct event *e = &trace_events[from];
    if (e->kind == SPAN && e->lane->open == from) {
        e->lane->open = to;
    } else if (e->kind == TITLE) {
        e->lane->title = to;
    }
    trace_events[to] = *e;
}

// Closes the gaps between the events, and writes all of the file anew.
static void compact(void) {
    int count = 0;
    memset(file, ' ', file_size);
    file[0] = '[';
    file[1] = '\n';
    used = 2;
    for (int i = 0; i < trace_event_count; i++) {
        if (trace_events[i].kind != NOTHING) {
            move(i, count);
            trace_events[count].width = 0;
            events_show(&trace_events[count]);
            count++;
        }
    }
    trace_event_count = count;
}

static bool is_full(void) {
    return trace_event_count == most_events || used + 2 * line_size > file_size;
}

// At worst one span is left on each lane, and one sign of each kind.
static void make_room(void) {
    compact();
    for (int i = 0;
         i < 40 && (trace_event_count > plenty_events || used > file_plenty);
         i++) {
        coarsen();
        compact();
    }
}

struct event *events_add(void) {
    if (file != NULL && is_full()) {
        make_room();
    }
    if (file == NULL || is_full()) {
        return NULL;
    }
    struct event *e = &trace_events[trace_event_count++];
    *e = (struct event){.end = -1, .cpu = -1};
    return e;
}

// ---- The file ----

bool events_are_open(void) {
    return file != NULL;
}

// Where the program was started with stdout closed, the lowest descriptor that
// is free is stdout, and what the program prints would go into the trace.
static int above_standard(int low) {
    int high = fcntl(low, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
    int error = errno;
    close(low);
    errno = error;
    return high;
}

// A file of our own, since another run of the same act may still write into
// the one that is there. All of it is allocated now: without room on the disk,
// a store into the map would kill us.
static int open_file(const char *path) {
    struct stat old;
    if (lstat(path, &old) == 0 && S_ISREG(old.st_mode)) {
        (void)unlink(path); // if that fails, so does the open
    }
    int file_fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    file_fd = file_fd >= 0 ? above_standard(file_fd) : -1;
    if (file_fd >= 0) {
        int error = posix_fallocate(file_fd, 0, file_size);
        if (error != 0) {
            close(file_fd);
            errno = error;
            return -1;
        }
    }
    return file_fd;
}

bool events_open(const char *path) {
    fd = open_file(path);
    if (fd < 0) {
        return false;
    }
    void *map =
        mmap(NULL, file_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (map == MAP_FAILED) {
        return false;
    }
    file = map;
    compact();
    return true;
}

void events_forget(void) {
    file = NULL;
}

void events_close(void) {
    compact();
    munmap(file, file_size);
    file = NULL;
    (void)!ftruncate(fd, used); // else it has blanks at its end: no harm
    close(fd);
}
