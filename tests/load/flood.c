#define _POSIX_C_SOURCE 200809L
// flood KIND PORT SECONDS: an HTTP/2 client who keeps the server busy with
// nothing, as fast as it can, until the server ends it or the time is over.
//   resets        requests that are reset at once
//   pings         each wants an answer
//   deaf-pings    and the answers are not read
//   settings      each wants an acknowledgement
//   empty         frames of a body without a single octet
//   continuation  headers that go on and on
//   priority      frames that change nothing
//   updates       a window that opens octet by octet
//   windows       requests for answers that the window does not let through
// It prints how many frames it sent and how it was ended.
#include "frames.h"
#include "load.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static struct frames out;
static uint32_t stream = 1; // the next one
static uint64_t frames;

static void add(enum frame_type type, int flags, uint32_t on, const void *bytes,
                size_t size) {
    frames_add(&out, type, flags, on, bytes, size);
    frames++;
}

// ---- One frame or two of each kind ----

static void request(int flags) {
    add(HEADERS, flags, stream, FRAMES_GET, sizeof FRAMES_GET - 1);
    stream += 2;
}

static void resets(void) {
    static const uint8_t cancel[4] = {0, 0, 0, 8};
    request(END_STREAM | END_HEADERS);
    add(RST_STREAM, 0, stream - 2, cancel, sizeof cancel);
}

static void pings(void) {
    add(PING, 0, 0, "pingpong", 8);
}

static void settings(void) {
    add(SETTINGS, 0, 0, NULL, 0);
}

static void empty(void) {
    if (stream == 1) {
        add(HEADERS, END_HEADERS, 1, FRAMES_POST, sizeof FRAMES_POST - 1);
        stream += 2;
    }
    add(DATA, 0, 1, NULL, 0);
}

static void continuation(void) {
    if (stream == 1) {
        request(END_STREAM);
    }
    add(CONTINUATION, 0, 1, "\0\1x\1y", 5); // the header x: y
}

static void priority(void) {
    static const uint8_t same[5] = {0, 0, 0, 0, 15};
    add(PRIORITY, 0, 1, same, sizeof same);
}

static void updates(void) {
    static const uint8_t one[4] = {0, 0, 0, 1};
    add(WINDOW_UPDATE, 0, 0, one, sizeof one);
}

static void windows(void) {
    static const uint8_t none[6] = {0, 4, 0, 0, 0, 0};
    if (stream == 1) {
        add(SETTINGS, 0, 0, none, sizeof none);
    }
    request(END_STREAM | END_HEADERS);
}

static const struct kind {
    const char *name;
    void (*add)(void);
    bool deaf;
} kinds[] = {
    {"resets", resets, false},     {"pings", pings, false},
    {"deaf-pings", pings, true},   {"settings", settings, false},
    {"empty", empty, false},       {"continuation", continuation, false},
    {"priority", priority, false}, {"updates", updates, false},
    {"windows", windows, false},
};

// ---- The client ----

static const char *goaway = "none"; // the error code that the server told
static char code[16];

static void on_frame(void *unused, const struct frame *f) {
    (void)unused;
    if (f->type == GOAWAY && f->size >= 8) {
        snprintf(code, sizeof code, "%u", frames_number(f->payload + 4));
        goaway = code;
    }
}

// RETURNS whether the connection goes on.
static bool step(const struct kind *kind, int fd, struct frame_reader *in) {
    struct pollfd p = {fd, (short)(kind->deaf ? POLLOUT : POLLIN | POLLOUT), 0};
    if (poll(&p, 1, 100) == 1 && !kind->deaf) {
        ssize_t n = frames_read(in, fd, on_frame, NULL);
        if (n == 0 || (n < 0 && errno != EAGAIN)) {
            return false;
        }
    }
    while (frames_have_room(&out)) {
        kind->add();
    }
    return frames_send(&out, fd) == 0;
}

// What the server said before it reset us may still be there.
static void read_rest(int fd, struct frame_reader *in) {
    while (frames_read(in, fd, on_frame, NULL) > 0) {
    }
}

static void flood(const struct kind *kind, int fd, double seconds) {
    static struct frame_reader in;
    double start = load_now();
    bool open = true;
    frames_add_preface(&out);
    add(SETTINGS, 0, 0, NULL, 0);
    load_do_not_block(fd);
    while (open && load_now() < start + seconds) {
        open = step(kind, fd, &in);
    }
    read_rest(fd, &in);
    printf("frames %llu seconds %.2f goaway %s ended %s\n",
           (unsigned long long)frames, load_now() - start, goaway,
           open ? "no" : "yes");
}

int main(int argc, char **argv) {
    load_begin(argc, 3, "flood KIND PORT SECONDS");
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        if (strcmp(kinds[i].name, argv[1]) == 0) {
            flood(&kinds[i], load_connect(load_number(argv[2])),
                  (double)load_number(argv[3]));
            return 0;
        }
    }
    fprintf(stderr, "flood: no such kind: %s\n", argv[1]);
    return 2;
}
