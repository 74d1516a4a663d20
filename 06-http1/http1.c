#define _POSIX_C_SOURCE 200809L
// Chapter 06: an HTTP/1.1 server. It prints each request and greets whoever
// asks, whatever the method and the path. New against chapter 05: the bytes
// mean something, so they go through a parser before anybody answers.
//
//     ./http1                serves on 127.0.0.1:3000 until Ctrl-C
//     ./http1 127.0.0.1:0    on any free port
//     ./http1 --help         more
#include "http1_connection.h"
#include "server_options.h"

#include <stdio.h>
#include <string.h>

// ---- Printing what a stranger sent ----

// The lines of one request leave together: other threads print, too.
struct printout {
    size_t size;
    char bytes[4096];
};

static void print_char(struct printout *out, char c) {
    if (out->size == sizeof out->bytes) {
        fwrite(out->bytes, 1, out->size, stdout);
        out->size = 0;
    }
    out->bytes[out->size++] = c;
}

static void print(struct printout *out, const char *text) {
    for (; *text != '\0'; text++) {
        print_char(out, *text);
    }
}

// Bytes from a client may hold anything, also what a terminal obeys. So only
// printable ASCII is printed as it is, and the quotes are always the ends.
static void print_quoted(struct printout *out, struct http1_span s) {
    static const char digits[] = "0123456789abcdef";
    print_char(out, '"');
    for (size_t i = 0; i < s.size; i++) {
        unsigned char c = (unsigned char)s.at[i];
        if (c == '"' || c == '\\') {
            print_char(out, '\\');
            print_char(out, s.at[i]);
        } else if (c >= ' ' && c < 127) {
            print_char(out, s.at[i]);
        } else {
            print(out, "\\x");
            print_char(out, digits[c / 16]);
            print_char(out, digits[c % 16]);
        }
    }
    print_char(out, '"');
}

static void print_fields(struct printout *out, struct http1_span fields) {
    struct http1_span name, value;
    const char *between = "";
    print(out, "Headers: {");
    while (http1_next_field(&fields, &name, &value)) {
        print(out, between);
        print_quoted(out, name);
        print(out, ": ");
        print_quoted(out, value);
        between = ", ";
    }
    print(out, "}\n");
}

static void print_body(struct printout *out,
                       const struct http1_request *request) {
    print(out, "Body: ");
    print_quoted(out, request->body);
    if (request->body_size > request->body.size) {
        char rest[48];
        snprintf(rest, sizeof rest, "... (%llu bytes)",
                 (unsigned long long)request->body_size);
        print(out, rest);
    }
    print(out, "\n");
}

// ---- The handler ----

static const char *greet(const struct http1_request *request) {
    (void)request; // everybody is greeted
    return "Hello, World!";
}

static const char *handle(const struct http1_request *request) {
    struct printout out;
    out.size = 0;
    flockfile(stdout);
    print(&out, "Received a request\n");
    print_fields(&out, request->fields);
    print_body(&out, request);
    fwrite(out.bytes, 1, out.size, stdout);
    funlockfile(stdout);
    return greet(request);
}

int main(int argc, char **argv) {
    static const struct server_act acts[] = {
        {"hello", "greets every request"},
    };
    struct server_options options;
    int status = server_options_parse(&options, argc, argv, "http1", 3000, acts,
                                      sizeof acts / sizeof acts[0]);
    if (status >= 0) {
        return status;
    }
    return http1_run(options.quiet ? greet : handle, &options);
}
