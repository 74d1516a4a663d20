#define _XOPEN_SOURCE 700 // for posix_openpt
// A reader at a terminal: an interactive bash on a pseudo terminal, in which we
// type. Ctrl-Z stops what is played, fg goes on with it, Ctrl-C ends it.
#include "harness.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

static struct terminal {
    int fd;
    pid_t shell;
    char text[1 << 16]; // all that has appeared
    size_t size;
    size_t seen; // so much of it was expected
} terminal;

// ---- The reader's shell ----

static void exec_shell(const char *name) {
    close(terminal.fd);
    setsid();
    int fd = open(name, O_RDWR);
    if (fd < 0 || ioctl(fd, TIOCSCTTY, 0) != 0 || dup2(fd, 0) < 0 ||
        dup2(fd, 1) < 0 || dup2(fd, 2) < 0 || chdir(getenv("ROOT")) != 0) {
        perror(name);
        _exit(1);
    }
    setenv("PS1", "ready> ", 1);
    setenv("TERM", "dumb", 1);
    unsetenv("MAKEFLAGS");
    unsetenv("MAKELEVEL");
    execlp("bash", "bash", "--norc", "--noprofile", "-i", (char *)NULL);
    perror("bash");
    _exit(1);
}

static void open_terminal(void) {
    terminal.fd = posix_openpt(O_RDWR | O_NOCTTY);
    if (terminal.fd < 0 || grantpt(terminal.fd) != 0 ||
        unlockpt(terminal.fd) != 0) {
        ck_abort_msg("there is no pseudo terminal");
    }
    terminal.shell = fork();
    if (terminal.shell == 0) {
        exec_shell(ptsname(terminal.fd));
    }
}

// When its terminal hangs up, a shell ends its jobs and itself.
static void close_terminal(void) {
    close(terminal.fd);
    waitpid(terminal.shell, NULL, 0);
}

static void type(const char *keys) {
    ck_assert_int_eq(write(terminal.fd, keys, strlen(keys)), (int)strlen(keys));
}

// RETURNS false if nothing came for so long, or nothing more will.
static bool read_more(int patience_ms) {
    struct pollfd p = {terminal.fd, POLLIN, 0};
    if (poll(&p, 1, patience_ms) <= 0) {
        return false;
    }
    ssize_t n = read(terminal.fd, terminal.text + terminal.size,
                     sizeof terminal.text - 1 - terminal.size);
    terminal.size += n > 0 ? (size_t)n : 0;
    terminal.text[terminal.size] = '\0';
    return n > 0;
}

// Waits until this appears after what was expected before.
static void expect(const char *text) {
    char *at;
    while ((at = strstr(terminal.text + terminal.seen, text)) == NULL) {
        if (!read_more(20000)) {
            ck_abort_msg("no '%s' appears in:\n%s", text, terminal.text);
        }
    }
    terminal.seen = (size_t)(at - terminal.text) + strlen(text);
}

static void expect_silence(int ms) {
    if (read_more(ms)) {
        ck_abort_msg("it does not stand still:\n%s", terminal.text);
    }
}

// ---- What is typed ----

// Builds nothing anew: it plays what this suite belongs to.
static void type_make(const char *what) {
    type("make -s \"BUILD=${BUILD#\"$ROOT/\"}\" \"CC=$CC\" "
         "\"SANITIZE=$SANITIZE\" ");
    type(what);
    type("\n");
}

static void stop_it(void) {
    type("\x1a");
    expect("Stopped");
    expect("ready> ");
}

static void go_on(void) {
    type("fg\n");
    expect("make -s"); // bash says with what
    expect("\n");
}

static void expect_success(void) {
    expect("ready> ");
    type("echo \"status:$?\"\n");
    expect("status:0");
    ck_assert_ptr_null(strstr(terminal.text, "***")); // no word from make
}

// ---- Tests ----

START_TEST(a_run_is_stopped_and_goes_on) {
    type_make("run-02 ACT=spawned");
    expect("number 1 is running");
    stop_it();
    expect_silence(2500); // it would end after two seconds
    go_on();
    expect("time elapsed");
    expect("Notice: ");
    expect_success();
}
END_TEST

// All acts of a chapter are played in a loop of the script.
START_TEST(the_next_act_comes_after_a_stop) {
    type_make("run-02");
    expect("== lazy");
    expect("number 1 is running");
    stop_it();
    go_on();
    expect("Notice: ");
    expect("== late-await");
    type("\x03");
    expect("ready> ");
}
END_TEST

static void expect_echo(const struct server *s) {
    char answer[16];
    int fd = client_connect(s);
    client_say(fd, "hello");
    ck_assert_uint_eq(client_read(fd, answer, sizeof answer, 5), 5);
    close(fd);
}

START_TEST(a_server_is_stopped_twice_and_serves) {
    type_make("run-05 ARGS=127.0.0.1:0");
    expect("Listening on: 127.0.0.1:");
    expect("\n");
    const char *line = strstr(terminal.text, "on: 127.0.0.1:");
    struct server s = {.port = atoi(line + strlen("on: 127.0.0.1:"))};
    for (int i = 0; i < 2; i++) {
        stop_it();
        go_on();
        expect_echo(&s);
    }
    type("\x03");
    expect("Notice: ");
    expect_success();
}
END_TEST

static void add_tests(TCase *tests) {
    tcase_add_checked_fixture(tests, open_terminal, close_terminal);
    tcase_add_test(tests, a_run_is_stopped_and_goes_on);
    tcase_add_test(tests, the_next_act_comes_after_a_stop);
    tcase_add_test(tests, a_server_is_stopped_twice_and_serves);
}

int main(void) {
    return run_suite("terminal", add_tests);
}
