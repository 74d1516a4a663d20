#define _POSIX_C_SOURCE 200809L
// All loops of the program, a thread for each; the first runs on the main thread.
// Each hears the signals that stop it, so they need not speak to each other.
#include "server_loop.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

// ---- Run ----

// And one turn more, so that the last tasks are dropped now, and their work leaves
// the pool, in which other loops may still wait.
static void *run_loop(void *loop) {
    server_loop_run(loop);
    uv_run(&((struct server_loop *)loop)->uv, UV_RUN_NOWAIT);
    return NULL;
}

// A thread that cannot be started leaves its loop unserved, so all stop.
static int run(struct server_loop *loops, int count) {
    int started = 1, error = 0;
    while (started < count && error == 0) {
        struct server_loop *l = &loops[started];
        error = pthread_create(&l->thread, NULL, run_loop, l);
        started += error == 0;
    }
    if (error != 0) {
        fprintf(stderr, "%s: cannot start a thread: %s\n",
                loops[0].options->program, strerror(error));
        raise(SIGTERM);
    }
    (void)run_loop(&loops[0]);
    for (int i = 1; i < started; i++) {
        pthread_join(loops[i].thread, NULL);
    }
    return error == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

// ---- Start ----

// RETURNS 0 or an error of libuv. *opened are open, also after an error.
static int open_loops(struct server_loop *loops, int *opened,
                      const struct tcp_protocol *protocol,
                      const struct server_options *options) {
    int port = options->port, error = 0;
    while (*opened < options->threads && error == 0) {
        struct server_loop *l = &loops[*opened];
        error = server_loop_open(l, protocol, options, port, *opened == 0);
        port = l->port; // if it was 0, this is the one that we got
        *opened += error == 0;
    }
    return error;
}

// A banner that nobody gets is an error: who started us waits for it.
static bool print_banner(const struct server_options *options, int port) {
    const char *form = strchr(options->host, ':') != NULL
                           ? "Listening on: [%s]:%d\n"
                           : "Listening on: %s:%d\n";
    if (printf(form, options->host, port) < 0 || fflush(stdout) != 0) {
        fprintf(stderr, "%s: cannot print the address: %s\n", options->program,
                strerror(errno));
        return false;
    }
    return true;
}

// Who starts us may have closed the streams. Then our first socket would be
// number 0, 1 or 2, and be printed to, and libuv refuses to close such a one.
// RETURNS 0 or an error of libuv.
static int fill_streams(void) {
    int fd;
    do {
        fd = open("/dev/null", O_RDONLY); // to print there is still an error
    } while (fd >= 0 && fd <= STDERR_FILENO);
    return fd >= 0 && close(fd) == 0 ? 0 : uv_translate_sys_error(errno);
}

// When its last watcher stops, libuv gives a signal back to the system, and a
// third Ctrl-C would kill us on our way out. So these two never stop, and nobody
// runs their loop. To block the signals would not do: libuv's pool does not.
static int keep_signals(void) {
    static uv_loop_t loop;
    static uv_signal_t signals[2];
    int error = uv_loop_init(&loop);
    return error != 0 ? error : server_loop_watch_signals(&loop, signals, NULL);
}

int tcp_server_run(const struct tcp_protocol *protocol,
                   const struct server_options *options) {
    int status = EXIT_FAILURE, opened = 0, error = fill_streams();
    // Writing to a client who has left is no reason to die.
    signal(SIGPIPE, SIG_IGN);
    struct server_loop *loops = calloc((size_t)options->threads, sizeof *loops);
    // A signal waits until all loops are open, or only some of them would hear it.
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &before);
    error = error != 0      ? error
            : loops == NULL ? UV_ENOMEM
                            : open_loops(loops, &opened, protocol, options);
    error = error != 0 ? error : keep_signals();
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (error != 0) {
        fprintf(stderr, "%s: %s:%d: %s\n", options->program, options->host,
                options->port,
                error == UV_EINVAL ? "not an IP address" : uv_strerror(error));
    } else if (print_banner(options, loops[0].port)) {
        status = run(loops, opened);
    }
    for (int i = 0; i < opened; i++) {
        server_loop_close(&loops[i]);
    }
    free(loops);
    return status;
}
