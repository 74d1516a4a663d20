#define _POSIX_C_SOURCE 200809L
// The command line of chapters 01 to 04. See acts.h; the lesson is elsewhere.
#include "acts.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static const long largest_n = 10L * 1000 * 1000;

static void print_list(const struct act *acts, size_t count) {
    for (size_t i = 0; i < count; i++) {
        const struct act *a = &acts[i];
        char name[32];
        snprintf(name, sizeof name, "%s%s", a->name,
                 a->play_n != NULL ? " [N]" : "");
        printf("%-14s %4.1f s  %s\n", name, a->seconds, a->what);
    }
}

static void print_help(const char *program, const struct act *acts,
                       size_t count) {
    printf("usage: %s [ACT]\n"
           "Without ACT it plays all of them, in order.\n\n",
           program);
    print_list(acts, count);
}

static const struct act *find(const char *name, const struct act *acts,
                              size_t count) {
    for (size_t i = 0; i < count; i++) {
        if (strcmp(acts[i].name, name) == 0) {
            return &acts[i];
        }
    }
    return NULL;
}

// RETURNS status, or 1 if the output could not be written: a full disk, or a
// reader who has gone.
static int after_output(const char *program, int status) {
    if (fflush(stdout) != 0 || ferror(stdout)) {
        fprintf(stderr, "%s: cannot write the output\n", program);
        return EXIT_FAILURE;
    }
    return status;
}

static int play(const struct act *act, long n) {
    return act->play_n != NULL ? act->play_n(n) : act->play();
}

// Each act gets a process of its own, so that it starts from nothing:
// otherwise chapter 03 could not show what is not there before a first spawn.
static int play_apart(const char *program, const struct act *act) {
    int status = 0;
    pid_t child = fork();
    if (child == 0) {
        exit(after_output(program, play(act, act->n)));
    }
    if (child < 0 || waitpid(child, &status, 0) < 0) {
        perror(program);
        return EXIT_FAILURE;
    }
    if (WIFEXITED(status)) {
        return WEXITSTATUS(status);
    }
    fprintf(stderr, "%s: %s: ended by signal %d\n", program, act->name,
            WTERMSIG(status));
    return EXIT_FAILURE;
}

static int play_all(const char *program, const struct act *acts, size_t count) {
    int failed = 0;
    for (size_t i = 0; i < count; i++) {
        printf("%s== %s: %s ==\n", i == 0 ? "" : "\n", acts[i].name,
               acts[i].what);
        fflush(stdout); // or the child would write it once more
        failed |= play_apart(program, &acts[i]);
    }
    return failed;
}

// RETURNS a number from 1 to largest_n, or 0 if text is not one.
static long parse_n(const char *text) {
    char *end;
    long n = strtol(text, &end, 10);
    return *end == '\0' && n >= 1 && n <= largest_n ? n : 0;
}

static int complain(const char *program, const char *what, const char *arg) {
    fprintf(stderr, "%s: %s '%s' (try --help)\n", program, what, arg);
    return 2;
}

static int run(int argc, char **argv, const char *program,
               const struct act *acts, size_t count) {
    if (argc <= 1) {
        return play_all(program, acts, count);
    }
    bool list = strcmp(argv[1], "--list") == 0;
    bool help = strcmp(argv[1], "--help") == 0;
    if ((list || help) && argc > 2) {
        return complain(program, "cannot use", argv[2]);
    }
    if (list) {
        print_list(acts, count);
        return 0;
    }
    if (help) {
        print_help(program, acts, count);
        return 0;
    }
    if (argv[1][0] == '-') {
        return complain(program, "no such option", argv[1]);
    }
    const struct act *act = find(argv[1], acts, count);
    if (act == NULL) {
        return complain(program, "no such act", argv[1]);
    }
    long n = argc > 2 && act->play_n != NULL ? parse_n(argv[2]) : act->n;
    if (argc > 3 || (argc == 3 && n == 0)) {
        return complain(program, "cannot use", argv[argc - 1]);
    }
    return play(act, n);
}

int acts_main(int argc, char **argv, const char *program,
              const struct act *acts, size_t count) {
    // Line by line, also into a pipe: when a line comes is what we watch.
    setvbuf(stdout, NULL, _IOLBF, 0);
    int status = run(argc, argv, program, acts, count);
    return after_output(program, status);
}
