#define _POSIX_C_SOURCE 200809L
// A second of work for each message, in the wrong place.
#include "worker.h"

#include "clock.h"

#include <stdatomic.h>
#include <stdio.h>

static void say(const struct server_options *o, int number, const char *what) {
    if (!o->quiet) {
        printf("message %d: work %s\n", number, what);
        fflush(stdout); // at once, also into a pipe
    }
}

void one_second_of_work(const void *options) {
    static atomic_int messages; // of all threads
    int number = atomic_fetch_add(&messages, 1) + 1;
    say(options, number, "begins");
    sleep_seconds(1);
    say(options, number, "is done");
}

// The mistake. While this works, the loop does not come back to the kernel: it
// accepts nobody, reads from nobody, and no deadline is looked at.
static void on_bytes(struct tcp_connection *c, const char *bytes, size_t size) {
    one_second_of_work(tcp_options(c));
    (void)tcp_write(c, bytes, size);
}

const struct tcp_protocol blocking_worker = {.on_bytes = on_bytes};
