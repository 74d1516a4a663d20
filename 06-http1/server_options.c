// The command line of the servers. See server_options.h; the lesson is
// elsewhere.
#include "server_options.h"

#include "tcp_limits.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char help[] =
    "usage: %s [ACT] [HOST:PORT] [OPTIONS]\n"
    "Serves on 127.0.0.1:%d until Ctrl-C. Port 0 takes any free port.\n\n"
    "  --quiet               no line for each request\n"
    "  --threads N           N event loops, a thread each (1)\n"
    "  --max-connections N   for each loop (10000)\n"
    "  --idle-timeout S      close clients that do nothing for S seconds (60)\n"
    "  --request-timeout S   a request must be here whole after S seconds "
    "(30)\n"
    "  --grace S             at the end, wait S seconds for answers (5)\n"
    "  --list, --help\n\n";

static void print_list(const struct server_act *acts, size_t count) {
    for (size_t i = 0; i < count; i++) {
        printf("%-10s %s\n", acts[i].name, acts[i].what);
    }
}

// RETURNS 0, or 1 if what was printed could not be written: a full disk, or a
// reader who has gone.
static int after_output(const struct server_options *o) {
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

static bool parse_number(const char *text, double least, double most,
                         double *number) {
    char *end;
    *number = strtod(text, &end);
    return end != text && *end == '\0' && *number >= least && *number <= most;
}

// [HOST:]PORT; an IPv6 host stands in brackets.
static bool parse_address(struct server_options *o, const char *text) {
    const char *colon = strrchr(text, ':');
    const char *port = colon != NULL ? colon + 1 : text;
    if (*port < '0' || *port > '9' || strlen(port) > 5) {
        return false;
    }
    o->port = atoi(port);
    if (strspn(port, "0123456789") != strlen(port) || o->port > 65535) {
        return false;
    }
    if (colon == NULL) {
        return true;
    }
    size_t length = (size_t)(colon - text);
    if (text[0] == '[' && length > 2 && colon[-1] == ']') {
        text++;
        length -= 2;
    }
    if (length == 0 || length >= sizeof o->host) {
        return false;
    }
    memcpy(o->host, text, length);
    o->host[length] = '\0';
    return true;
}

// The options that take a number, and where it goes.
struct number_option {
    const char *name;
    double least, most;
    double scale; // from what is written to what is kept
    long *to;
};

// RETURNS -1, or 2 if there is no such option or the value makes no sense.
static int parse_option(struct server_options *o, const char *name,
                        const char *value) {
    const struct number_option options[] = {
        {"--threads", 1, 64, 1, &o->threads},
        {"--max-connections", 1, 1e6, 1, &o->max_connections},
        {"--idle-timeout", 0.1, 86400, 1000, &o->idle_ms},
        {"--request-timeout", 0.1, 86400, 1000, &o->request_ms},
        {"--grace", 0, 3600, 1000, &o->grace_ms},
    };
    for (size_t i = 0; i < sizeof options / sizeof options[0]; i++) {
        const struct number_option *n = &options[i];
        double number;
        if (strcmp(name, n->name) != 0) {
            continue;
        }
        if (value == NULL) {
            return complain(o, "no value for", name);
        }
        if (!parse_number(value, n->least, n->most, &number)) {
            return complain(o, "cannot use", value);
        }
        *n->to = (long)(number * n->scale);
        return -1;
    }
    return complain(o, "no such option", name);
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
    if (parse_address(o, word)) {
        return -1;
    }
    return complain(o, "neither an act nor HOST:PORT:", word);
}

int server_options_parse(struct server_options *o, int argc, char **argv,
                         const char *program, int default_port,
                         const struct server_act *acts, size_t count) {
    *o = (struct server_options){.program = program,
                                 .host = "127.0.0.1",
                                 .port = default_port,
                                 .threads = 1,
                                 .max_connections = default_max_connections,
                                 .idle_ms = default_idle_ms,
                                 .request_ms = default_request_ms,
                                 .grace_ms = default_grace_ms};
    int status = -1;
    for (int i = 1; i < argc && status == -1; i++) {
        if (strcmp(argv[i], "--list") == 0) {
            print_list(acts, count);
            status = after_output(o);
        } else if (strcmp(argv[i], "--help") == 0) {
            printf(help, program, default_port);
            print_list(acts, count);
            status = after_output(o);
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
