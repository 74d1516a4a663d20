#define _POSIX_C_SOURCE 200809L
// Draws what a run did, from the trace that the run left behind: who slept, who
// waited, who used the CPU, who stood in line.
//
//     timeline run.json              the picture, for a terminal
//     timeline a.json b.json         two runs on the same axis
//     timeline --words run.json      the same in sentences
//     timeline --svg run.json        the same for a page
//
// Read in this order: trace.h says what a trace is, crop.c what of it is left
// out, cells.c how time becomes columns, ascii.c draws them. notice.c says what there is to see, measure.c
// finds it. svg.c and words.c are the same once more for other readers.
#include "ascii.h"
#include "need.h"
#include "svg.h"
#include "trace.h"
#include "words.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct options {
    bool words;
    bool svg;
    enum { COLOUR_AUTO, COLOUR_ALWAYS, COLOUR_NEVER } colour;
};

static void print_help(void) {
    puts("usage: timeline [--words | --svg] [--color=auto|always|never] "
         "FILE.json...\n"
         "Draws runs from their traces; several are drawn on the same axis.\n\n"
         "--words  tell it in sentences\n"
         "--svg    draw it for a page\n"
         "--color  without it: in colour on a terminal, unless NO_COLOR is "
         "set");
}

static int complain(const char *what, const char *why) {
    fprintf(stderr, "timeline: %s: %s\n", what, why);
    return 2;
}

static bool read_colour(struct options *o, const char *when) {
    static const char *const names[] = {"auto", "always", "never"};
    for (int i = 0; i < 3; i++) {
        if (strcmp(when, names[i]) == 0) {
            o->colour = i;
            return true;
        }
    }
    return false;
}

static bool read_option(struct options *o, const char *arg) {
    if (strcmp(arg, "--words") == 0) {
        o->words = true;
        return !o->svg;
    }
    if (strcmp(arg, "--svg") == 0) {
        o->svg = true;
        return !o->words;
    }
    if (strncmp(arg, "--color=", 8) == 0) {
        return read_colour(o, arg + 8);
    }
    return false;
}

// Colour is for a terminal whose reader has not said no. See no-color.org.
static bool wants_colour(const struct options *o) {
    const char *no = getenv("NO_COLOR");
    const char *terminal = getenv("TERM");
    if (o->colour != COLOUR_AUTO) {
        return o->colour == COLOUR_ALWAYS;
    }
    return isatty(STDOUT_FILENO) == 1 && (no == NULL || no[0] == '\0') &&
           terminal != NULL && strcmp(terminal, "dumb") != 0;
}

static void draw(const struct options *o, const struct trace *traces,
                 size_t count) {
    if (o->words) {
        words_tell(stdout, traces, count);
    } else if (o->svg) {
        svg_draw(stdout, traces, count);
    } else {
        ascii_draw(stdout, traces, count, wants_colour(o));
    }
}

// RETURNS status, or 1 if the output could not be written.
static int after_output(int status) {
    if (fflush(stdout) != 0 || ferror(stdout)) {
        return complain("the output", "cannot write it") - 1;
    }
    return status;
}

// One file that cannot be read spoils the comparison, so nothing is drawn.
static int draw_files(const struct options *o, char **files, size_t count) {
    struct trace *traces = need(calloc(count, sizeof *traces));
    int status = 0;
    size_t read = 0;
    while (read < count && status == 0) {
        const char *error = trace_read(&traces[read], files[read]);
        status = error == NULL ? 0 : complain(files[read], error) - 1;
        read++;
    }
    if (status == 0) {
        draw(o, traces, count);
    }
    for (size_t i = 0; i < read; i++) {
        trace_free(&traces[i]);
    }
    free(traces);
    return after_output(status);
}

int main(int argc, char **argv) {
    struct options options = {0};
    int i = 1;
    for (; i < argc && argv[i][0] == '-'; i++) {
        if (strcmp(argv[i], "--help") == 0) {
            print_help();
            return after_output(0);
        }
        if (!read_option(&options, argv[i])) {
            return complain(argv[i], "cannot use this option (try --help)");
        }
    }
    if (i == argc) {
        return complain("no file", "which run shall be drawn? (try --help)");
    }
    return draw_files(&options, argv + i, (size_t)(argc - i));
}
