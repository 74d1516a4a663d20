// The command line of the servers. See server_options.h; the lesson is
// elsewhere.
#include "server_options.h"

#include "tcp_limits.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// The options that take a number, and where it goes.
static const struct number_option {
    const char *name, *text;
    double usual, least, most;
    double scale; // from what is written to what is kept
    size_t offset;
} numbers[] = {
#define TO(member) offsetof(struct server_options, member)
    {"--threads", "event loops, a thread each", 1, 1, 64, 1, TO(threads)},
    {"--max-connections", "for each loop", default_max_connections, 1, 1e6, 1,
     TO(max_connections)},
    {"--idle-timeout", "seconds, until who does nothing is closed",
     default_idle_s, 0.1, 86400, 1000, TO(idle_ms)},
    {"--request-timeout", "seconds, until a request must be here whole",
     default_request_s, 0.1, 86400, 1000, TO(request_ms)},
    {"--grace", "seconds to wait for answers at the end", default_grace_s, 0,
     3600, 1000, TO(grace_ms)},
};
enum { number_count = sizeof numbers / sizeof numbers[0] };

static void set_number(struct server_options *o, const struct number_option *n,
                       double number) {
    *(long *)((char *)o + n->offset) = (long)(number * n->scale);
}

static void print_help(const struct server_options *o) {
    printf("usage: %s [ACT] [HOST:PORT] [OPTIONS]\n"
           "Serves on %s:%d until Ctrl-C. Port 0 takes any free port.\n\n",
           o->program, o->host, o->port);
    for (int i = 0; i < number_count; i++) {
        printf("  %-17s N   %s (%g)\n", numbers[i].name, numbers[i].text,
               numbers[i].usual);
    }
    printf("  --quiet               no line for each request\n"
           "  --list, --help\n\n");
}

// RETURNS 0, or 1 if what was printed could not be written: a full disk, or a
// reader who has gone.
static int print_list(const struct server_options *o,
                      const struct server_act *acts, size_t count) {
    for (size_t i = 0; i < count; i++) {
        printf("%-10s %s\n", acts[i].name, acts[i].what);
    }
    if (fflush(stdout) != 0 || ferror(stdout)) {
        fprintf(stderr, "%s: cannot write the output\n", o->program);
        return EXIT_FAILURE;
    }
    return EXIT_SUCCESS;
}

static int complain(const struct server_options *o, const char *what,
                    const char *arg) {
    fprintf(stderr, "%s: %s '%s' (try --help)\n", o->program, what, arg);
    return 2;
}

// [HOST:]PORT; an IPv6 host stands in brackets.
static bool parse_address(struct server_options *o, const char *text) {
    const char *colon = strrchr(text, ':');
    const char *port = colon != NULL ? colon + 1 : text;
    size_t digits = strspn(port, "0123456789");
    if (digits == 0 || digits > 5 || port[digits] != '\0' ||
        atoi(port) > 65535) {
        return false;
    }
    o->port = atoi(port);
    if (colon == NULL) {
        return true;
    }
    int brackets = text[0] == '[' && colon[-1] == ']';
    int length = (int)(colon - text) - 2 * brackets;
    int n = snprintf(o->host, sizeof o->host, "%.*s", length > 0 ? length : 0,
                     text + brackets);
    return n > 0 && n < (int)sizeof o->host;
}

// RETURNS -1, or 2 if there is no such option or the value makes no sense.
static int parse_option(struct server_options *o, const char *name,
                        const char *value) {
    const struct number_option *n = numbers, *past = n + number_count;
    char *end;
    while (n < past && strcmp(name, n->name) != 0) {
        n++;
    }
    if (n == past || value == NULL) {
        return complain(o, n == past ? "no such option" : "no value for", name);
    }
    double number = strtod(value, &end);
    if (end == value || *end != '\0' ||
        !(number >= n->least && number <= n->most) ||
        (n->scale == 1 && number != (long)number)) {
        return complain(o, "cannot use", value);
    }
    set_number(o, n, number);
    return -1;
}

// An act or an address: what is not one must be the other.
static int parse_word(struct server_options *o, const char *word,
                      const struct server_act *acts, size_t count) {
    for (size_t i = 0; i < count; i++) {
        if (strcmp(word, acts[i].name) == 0) {
            o->act = i;
            return -1;
        }
    }
    return parse_address(o, word)
               ? -1
               : complain(o, "neither an act nor HOST:PORT:", word);
}

int server_options_parse(struct server_options *o, int argc, char **argv,
                         const char *program, int default_port,
                         const struct server_act *acts, size_t count) {
    int status = -1;
    *o = (struct server_options){
        .program = program, .host = "127.0.0.1", .port = default_port};
    for (int i = 0; i < number_count; i++) {
        set_number(o, &numbers[i], numbers[i].usual);
    }
    for (int i = 1; i < argc && status == -1; i++) {
        if (strcmp(argv[i], "--help") == 0) {
            print_help(o);
            status = print_list(o, acts, count);
        } else if (strcmp(argv[i], "--list") == 0) {
            status = print_list(o, acts, count);
        } else if (strcmp(argv[i], "--quiet") == 0) {
            o->quiet = true;
        } else if (argv[i][0] == '-') {
            status = parse_option(o, argv[i], argv[i + 1]);
            i++;
        } else {
            status = parse_word(o, argv[i], acts, count);
        }
    }
    return status;
}
