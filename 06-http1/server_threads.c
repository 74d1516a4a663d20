#define _POSIX_C_SOURCE 200809L
// All loops of the program, a thread for each; the first runs on the main thread.
// Each hears the signals that stop it, so they need not speak to each other.
#include "server_loop.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct loop_thread {
    struct server_loop loop;
    pthread_t thread;
};

struct tcp_server {
    struct loop_thread *loops;
    int count;
};

// ---- Run ----

static void *run_thread(void *loop) {
    server_loop_run(loop);
    return NULL;
}

// A thread that cannot be started leaves its loop unserved, so all stop.
// RETURNS how many were started.
static int start_threads(struct tcp_server *s) {
    int started = 0, error = 0;
    while (started < s->count - 1 && error == 0) {
        struct loop_thread *t = &s->loops[started + 1];
        error = pthread_create(&t->thread, NULL, run_thread, &t->loop);
        started += error == 0;
    }
    if (error != 0) {
        fprintf(stderr, "%s: cannot start a thread: %s\n",
                s->loops[0].loop.options->program, strerror(error));
        raise(SIGTERM);
    }
    return started;
}

static int run(struct tcp_server *s) {
    int started = start_threads(s);
    server_loop_run(&s->loops[0].loop);
    for (int i = 1; i <= started; i++) {
        pthread_join(s->loops[i].thread, NULL);
    }
    return started == s->count - 1 ? EXIT_SUCCESS : EXIT_FAILURE;
}

// ---- Start ----

static int open_loops(struct tcp_server *s, const struct tcp_protocol *protocol,
                      const struct server_options *options) {
    int port = options->port, error = 0;
    while (s->count < options->threads && error == 0) {
        struct server_loop *l = &s->loops[s->count].loop;
        error = server_loop_open(l, protocol, options, port, s->count == 0);
        port = l->port; // if it was 0, this is the one that we got
        s->count += error == 0;
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

// SIG_BLOCK or SIG_UNBLOCK. A blocked signal is kept until it is unblocked.
static void mask_signals(int how) {
    sigset_t both;
    sigemptyset(&both);
    sigaddset(&both, SIGINT);
    sigaddset(&both, SIGTERM);
    pthread_sigmask(how, &both, NULL);
}

// When its last watcher stops, libuv gives a signal back to the system, and a
// third Ctrl-C would kill us on our way out. So these two never stop, and nobody
// runs their loop. To block the signals would not do: libuv's pool does not.
static int keep_signals(void) {
    static uv_loop_t loop;
    static uv_signal_t interrupt, terminate;
    int error = uv_loop_init(&loop);
    if (error == 0) {
        (void)uv_signal_init(&loop, &interrupt);
        (void)uv_signal_init(&loop, &terminate);
        error = uv_signal_start(&interrupt, NULL, SIGINT);
    }
    return error != 0 ? error : uv_signal_start(&terminate, NULL, SIGTERM);
}

int tcp_server_run(const struct tcp_protocol *protocol,
                   const struct server_options *options) {
    struct tcp_server s = {0};
    int status = EXIT_FAILURE, error = fill_streams();
    // Writing to a client who has left is no reason to die.
    signal(SIGPIPE, SIG_IGN);
    s.loops = calloc((size_t)options->threads, sizeof *s.loops);
    mask_signals(SIG_BLOCK); // or only those loops would hear one that are open
    if (error == 0) {
        error = s.loops != NULL ? open_loops(&s, protocol, options) : UV_ENOMEM;
    }
    if (error == 0) {
        error = keep_signals();
    }
    mask_signals(SIG_UNBLOCK);
    if (error != 0) {
        fprintf(stderr, "%s: %s:%d: %s\n", options->program, options->host,
                options->port,
                error == UV_EINVAL ? "not an IP address" : uv_strerror(error));
    } else if (print_banner(options, s.loops[0].loop.port)) {
        status = run(&s);
    }
    for (int i = 0; i < s.count; i++) {
        server_loop_close(&s.loops[i].loop);
    }
    free(s.loops);
    return status;
}
