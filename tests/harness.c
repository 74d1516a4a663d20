#define _DEFAULT_SOURCE // for wait4, which counts CPU seconds
// Starting programs, collecting their lines, and talking to servers. Every wait
// in here is bounded.
#include "harness.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { max_args = 8, patience_ms = 5000, longest_play = 120 };

static struct play *plays[harness_max_plays];
static size_t play_count_all;

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void die(const char *what) {
    fprintf(stderr, "harness: %s: %s\n", what, strerror(errno));
    exit(2);
}

static void pause_ms(long ms) {
    nanosleep(&(struct timespec){.tv_nsec = ms * 1000000}, NULL);
}

static void path_of(char path[512], const char *program) {
    const char *build = getenv("BUILD");
    if (program[0] == '/') {
        snprintf(path, 512, "%s", program);
    } else {
        snprintf(path, 512, "%s/%s", build != NULL ? build : ".", program);
    }
}

// ---- Plays ----

static void exec_program(const char *program, char *args[]) {
    char path[512];
    path_of(path, program);
    args[0] = path;
    execv(path, args);
    die(path);
}

static void collect_args(va_list list, char *args[max_args]) {
    int n = 1;
    char *arg;
    while (n < max_args - 1 && (arg = va_arg(list, char *)) != NULL) {
        args[n++] = arg;
    }
    args[n] = NULL;
}

struct play *play_start(const char *program, ...) {
    char *args[max_args];
    va_list list;
    va_start(list, program);
    collect_args(list, args);
    va_end(list);
    struct play *p = calloc(1, sizeof *p);
    int out[2], err[2];
    if (p == NULL || pipe(out) != 0 || pipe(err) != 0) {
        die("play_start");
    }
    p->name = program;
    p->start = now();
    p->pid = fork();
    if (p->pid == 0) {
        dup2(out[1], 1);
        dup2(err[1], 2);
        close(out[0]);
        close(err[0]);
        close(out[1]);
        close(err[1]);
        exec_program(program, args);
    }
    close(out[1]);
    close(err[1]);
    p->pipes[0] = out[0];
    p->pipes[1] = err[0];
    fcntl(out[0], F_SETFD, FD_CLOEXEC);
    fcntl(err[0], F_SETFD, FD_CLOEXEC);
    plays[play_count_all++] = p;
    return p;
}

static void add_line(struct play *p, const char *text, size_t n, int which) {
    if (p->count == harness_max_lines) {
        return;
    }
    struct line *line = &p->lines[p->count++];
    line->text = strndup(text, n);
    line->at = now() - p->start;
    line->is_error = which == 1;
}

static void take_bytes(struct play *p, int which) {
    char *partial = p->partial[which];
    size_t *size = &p->partial_size[which];
    ssize_t n = read(p->pipes[which], partial + *size,
                     sizeof p->partial[which] - *size);
    if (n <= 0) {
        close(p->pipes[which]);
        p->pipes[which] = -1;
        return;
    }
    *size += (size_t)n;
    char *start = partial, *end;
    while ((end = memchr(start, '\n', *size)) != NULL) {
        add_line(p, start, (size_t)(end - start), which);
        *size -= (size_t)(end + 1 - start);
        start = end + 1;
    }
    memmove(partial, start, *size);
    if (*size == sizeof p->partial[which]) {
        *size = 0; // a line without end: no program of ours prints one
    }
}

static void reap(struct play *p) {
    struct rusage usage;
    int status;
    if (wait4(p->pid, &status, 0, &usage) != p->pid) {
        die("wait4");
    }
    p->seconds = now() - p->start;
    p->status = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    p->cpu_seconds =
        (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
        (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
    p->pid = 0;
}

static void kill_late(double begin) {
    if (now() - begin < longest_play) {
        return;
    }
    for (size_t i = 0; i < play_count_all; i++) {
        if (plays[i]->pid > 0) {
            kill(plays[i]->pid, SIGKILL);
        }
    }
}

void plays_wait(void) {
    double begin = now();
    for (;;) {
        struct pollfd fds[2 * harness_max_plays];
        struct play *owner[2 * harness_max_plays];
        int which[2 * harness_max_plays];
        nfds_t n = 0;
        for (size_t i = 0; i < play_count_all; i++) {
            struct play *p = plays[i];
            if (p->pid > 0 && p->pipes[0] < 0 && p->pipes[1] < 0) {
                reap(p);
            }
            for (int w = 0; w < 2; w++) {
                if (p->pipes[w] >= 0) {
                    fds[n] = (struct pollfd){p->pipes[w], POLLIN, 0};
                    owner[n] = p;
                    which[n++] = w;
                }
            }
        }
        if (n == 0) {
            return;
        }
        if (poll(fds, n, 1000) < 0 && errno != EINTR) {
            die("poll");
        }
        for (nfds_t i = 0; i < n; i++) {
            if (fds[i].revents != 0) {
                take_bytes(owner[i], which[i]);
            }
        }
        kill_late(begin);
    }
}

// ---- Questions about a play ----

static bool matches(const char *line, const char *text) {
    size_t n = strlen(text);
    if (n > 0 && text[n - 1] == '*') {
        return strncmp(line, text, n - 1) == 0;
    }
    return strcmp(line, text) == 0;
}

int play_find(const struct play *p, const char *text) {
    for (size_t i = 0; i < p->count; i++) {
        if (matches(p->lines[i].text, text)) {
            return (int)i;
        }
    }
    return -1;
}

int play_count(const struct play *p, const char *text) {
    int n = 0;
    for (size_t i = 0; i < p->count; i++) {
        n += matches(p->lines[i].text, text);
    }
    return n;
}

static void show(const struct play *p) {
    fprintf(stderr, "---- %s ended with %d after %.2f s ----\n", p->name,
            p->status, p->seconds);
    for (size_t i = 0; i < p->count; i++) {
        fprintf(stderr, "%8.4f %s\n", p->lines[i].at, p->lines[i].text);
    }
}

void expect_status(const struct play *p, int status) {
    if (p->status != status) {
        show(p);
    }
    ck_assert_int_eq(p->status, status);
}

void expect_line(const struct play *p, const char *text) {
    if (play_find(p, text) < 0) {
        show(p);
        ck_abort_msg("no line '%s'", text);
    }
}

void expect_lines(const struct play *p, const char *const lines[]) {
    size_t i = 0;
    for (; lines[i] != NULL; i++) {
        if (i >= p->count || !matches(p->lines[i].text, lines[i])) {
            show(p);
            ck_abort_msg("line %zu is not '%s'", i + 1, lines[i]);
        }
    }
    if (i != p->count) {
        show(p);
        ck_abort_msg("more than %zu lines", i);
    }
}

void expect_order(const struct play *p, const char *first, const char *second) {
    expect_line(p, first);
    expect_line(p, second);
    if (play_find(p, first) >= play_find(p, second)) {
        show(p);
        ck_abort_msg("'%s' is not before '%s'", first, second);
    }
}

void expect_seconds(const struct play *p, double least, double most) {
    if (p->seconds < least || p->seconds > most) {
        show(p);
        ck_abort_msg("%f s is not between %f and %f", p->seconds, least, most);
    }
}

double elapsed_in(const struct play *p) {
    int i = play_find(p, "time elapsed *");
    if (i < 0) {
        show(p);
        ck_abort_msg("no 'time elapsed'");
    }
    char *end;
    double seconds = strtod(p->lines[i].text + strlen("time elapsed "), &end);
    ck_assert_str_eq(end, "s");
    return seconds;
}

// ---- A part of a program ----

static void run_in_fork(void does(void), const int err[2]) {
    dup2(err[1], 2);
    close(err[0]);
    close(err[1]);
    alarm(60);
    does();
    _exit(99); // it came back
}

void expect_end(void does(void), int status, const char *says) {
    char text[1024] = "", line[1024] = "";
    size_t size = 0;
    ssize_t n;
    int err[2], end;
    if (pipe(err) != 0) {
        die("expect_end");
    }
    pid_t child = fork();
    if (child == 0) {
        run_in_fork(does, err);
    }
    close(err[1]);
    while ((n = read(err[0], text + size, sizeof text - 1 - size)) > 0) {
        size += (size_t)n;
    }
    close(err[0]);
    ck_assert_int_eq(waitpid(child, &end, 0), child);
    if (says != NULL) {
        snprintf(line, sizeof line, "%s\n", says);
    }
    ck_assert_str_eq(text, line);
    ck_assert_msg(WIFEXITED(end), "ended by signal %d", WTERMSIG(end));
    ck_assert_int_eq(WEXITSTATUS(end), status);
}

// ---- Servers ----

char *server_log(const struct server *s) {
    FILE *f = fopen(s->log, "r");
    char *text = calloc(1, 1 << 20);
    if (f == NULL || text == NULL) {
        die(s->log);
    }
    (void)!fread(text, 1, (1 << 20) - 1, f);
    fclose(f);
    return text;
}

static int port_in(const struct server *s) {
    char *log = server_log(s);
    char *line = strstr(log, "Listening on: ");
    int port = 0;
    if (line != NULL && strchr(line, '\n') != NULL) {
        *strchr(line, '\n') = '\0';
        port = atoi(strrchr(line, ':') + 1);
    }
    free(log);
    return port;
}

struct server server_start(const char *program, ...) {
    struct server s = {.log = "/tmp/workbook-test-XXXXXX"};
    char *args[max_args];
    va_list list;
    va_start(list, program);
    collect_args(list, args);
    va_end(list);
    int fd = mkstemp(s.log);
    if (fd < 0) {
        die(s.log);
    }
    char address[] = "127.0.0.1:0";
    int n = 0;
    while (args[++n] != NULL) {
    }
    args[n] = address;
    args[n + 1] = NULL;
    s.pid = fork();
    if (s.pid == 0) {
        dup2(fd, 1);
        dup2(fd, 2);
        close(fd);
        exec_program(program, args);
    }
    close(fd);
    for (int i = 0; i < 1000 && (s.port = port_in(&s)) == 0; i++) {
        pause_ms(10);
    }
    ck_assert_msg(s.port != 0, "%s does not listen", program);
    return s;
}

int server_stop(struct server *s, int signal) {
    int status = 0;
    kill(s->pid, signal);
    for (int i = 0; i < 1500; i++) {
        if (waitpid(s->pid, &status, WNOHANG) == s->pid) {
            unlink(s->log);
            return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
        }
        pause_ms(10);
    }
    kill(s->pid, SIGKILL);
    waitpid(s->pid, &status, 0);
    unlink(s->log);
    return -1;
}

void expect_logged(const struct server *s, const char *text) {
    for (int i = 0; i < patience_ms / 10; i++) {
        char *log = server_log(s);
        bool found = strstr(log, text) != NULL;
        free(log);
        if (found) {
            return;
        }
        pause_ms(10);
    }
    char *log = server_log(s);
    ck_abort_msg("the server did not print '%s' but:\n%s", text, log);
}

double server_cpu(const struct server *s) {
    char path[64];
    unsigned long user = 0, kernel = 0;
    snprintf(path, sizeof path, "/proc/%d/stat", (int)s->pid);
    FILE *f = fopen(path, "r");
    // Fields 14 and 15; the name in field 2 has no space in it.
    if (f == NULL || fscanf(f,
                            "%*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s "
                            "%*s %lu %lu",
                            &user, &kernel) != 2) {
        die(path);
    }
    fclose(f);
    return (double)(user + kernel) / (double)sysconf(_SC_CLK_TCK);
}

long server_memory(const struct server *s) {
    char path[64], line[256];
    long kib = -1;
    snprintf(path, sizeof path, "/proc/%d/status", (int)s->pid);
    FILE *f = fopen(path, "r");
    if (f == NULL) {
        die(path);
    }
    while (kib < 0 && fgets(line, sizeof line, f) != NULL) {
        (void)sscanf(line, "VmRSS: %ld", &kib);
    }
    fclose(f);
    return kib;
}

// ---- Clients ----

int client_connect(const struct server *s) {
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)s->port)};
    inet_pton(AF_INET, "127.0.0.1", &address.sin_addr);
    struct timeval patience = {.tv_sec = patience_ms / 1000};
    if (fd < 0 ||
        setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience) ||
        setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience) ||
        connect(fd, (struct sockaddr *)&address, sizeof address) != 0) {
        ck_abort_msg("connect: %s", strerror(errno));
    }
    return fd;
}

void client_send(int fd, const void *bytes, size_t size) {
    const char *at = bytes;
    while (size > 0) {
        ssize_t n = send(fd, at, size, MSG_NOSIGNAL);
        if (n <= 0) {
            ck_abort_msg("send: %s", strerror(errno));
        }
        at += n;
        size -= (size_t)n;
    }
}

void client_say(int fd, const char *text) {
    client_send(fd, text, strlen(text));
}

size_t client_read(int fd, char *buffer, size_t room, size_t until) {
    size_t size = 0;
    while (size < until && size + 1 < room) {
        ssize_t n = recv(fd, buffer + size, room - 1 - size, 0);
        if (n < 0) {
            ck_abort_msg("recv after %zu bytes: %s", size, strerror(errno));
        }
        if (n == 0) {
            break;
        }
        size += (size_t)n;
    }
    buffer[size] = '\0';
    return size;
}

char *shell(const char *format, ...) {
    char command[2048];
    va_list list;
    va_start(list, format);
    vsnprintf(command, sizeof command, format, list);
    va_end(list);
    FILE *f = popen(command, "r");
    char *text = calloc(1, 1 << 20);
    if (f == NULL || text == NULL) {
        die(command);
    }
    (void)!fread(text, 1, (1 << 20) - 1, f);
    pclose(f);
    return text;
}

int run_suite(const char *name, void add_tests(TCase *tests)) {
    Suite *suite = suite_create(name);
    TCase *tests = tcase_create(name);
    tcase_set_timeout(tests, 60);
    add_tests(tests);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
