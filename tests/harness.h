// The harness of the suites: it runs the chapters' programs, notes each line
// that they print with the time at which it came, and lets tests ask about it
// afterwards.
//
// Record first, assert later: a suite starts all its programs at once, because
// sleeping costs nothing, waits for all of them, and only then runs its tests.
#ifndef HARNESS_H
#define HARNESS_H

#include <check.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

enum { harness_max_lines = 2000, harness_max_plays = 40 };

// ---- Programs that end by themselves ----

struct line {
    char *text;
    double at;     // seconds since the program's start
    bool is_error; // came on stderr
};

struct play {
    const char *name;
    struct line lines[harness_max_lines];
    size_t count;
    int status;     // exit status; -1: killed by a signal or by our patience
    double seconds; // how long it ran
    double cpu_seconds;
    // The harness's own.
    pid_t pid;
    double start;
    int pipes[2];
    char partial[2][4096];
    size_t partial_size[2];
};

// Starts a program with up to six arguments, ended by NULL. The program is
// named as "01-threads/threads", below the directory in $BUILD.
struct play *play_start(const char *program, ...);

// Waits until all plays have ended; those that take longer than two minutes are
// killed and fail their tests.
void plays_wait(void);

// Index of the first line that equals text, or begins with it if text ends
// with '*'; -1: there is none.
int play_find(const struct play *p, const char *text);
int play_count(const struct play *p, const char *text);

void expect_status(const struct play *p, int status);
void expect_lines(const struct play *p, const char *const lines[]);
void expect_line(const struct play *p, const char *text);
void expect_order(const struct play *p, const char *first, const char *second);
void expect_seconds(const struct play *p, double least, double most);

// The seconds in the line "time elapsed 2.002991s".
double elapsed_in(const struct play *p);

// ---- A part of a program, in a process of its own ----

// Calls does in a fork. It must end the process with status, within a minute,
// and say nothing on stderr but the one line; says NULL: nothing at all.
void expect_end(void does(void), int status, const char *says);

// ---- Servers ----

struct server {
    pid_t pid;
    int port;
    char log[64]; // file with its stdout and stderr
};

// Starts a server on a free port with up to six more arguments, ended by NULL,
// and waits until it listens.
struct server server_start(const char *program, ...);

// Sends the signal, waits for the end. RETURNS the exit status.
int server_stop(struct server *s, int signal);

// RETURNS what it has printed so far; free it.
char *server_log(const struct server *s);
// Waits, at most five seconds, until it has printed text.
void expect_logged(const struct server *s, const char *text);

// Seconds of CPU that it has used so far, and its memory in KiB.
double server_cpu(const struct server *s);
long server_memory(const struct server *s);

// ---- Raw clients; each call gives up after five seconds ----

int client_connect(const struct server *s);
void client_send(int fd, const void *bytes, size_t size);
void client_say(int fd, const char *text);
// Reads until the server closes, or until `until` bytes have come. RETURNS how
// many; the bytes end with a '\0'.
size_t client_read(int fd, char *buffer, size_t room, size_t until);

// Runs a shell command. RETURNS its output; free it.
char *shell(const char *format, ...);

// Runs the suite. RETURNS the status for main.
int run_suite(const char *name, void add_tests(TCase *tests));

#endif
