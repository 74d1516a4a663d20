#define _POSIX_C_SOURCE 200809L
// Chapter 06: an HTTP/1.1 server. It prints each request and greets whoever
// asks, whatever the method and the path. New against chapter 05: the bytes
// mean something, so they go through a parser before anybody answers.
//
//     ./http1                serves on 127.0.0.1:3000 until Ctrl-C
//     ./http1 127.0.0.1:0    on any free port
//     ./http1 --help         more
#include "http1_connection.h"
#include "printout.h"
#include "server_options.h"

// ---- The printout ----

static void print_fields(struct printout *out, struct http1_span fields) {
    struct http1_span name, value;
    const char *between = "";
    print(out, "Headers: {");
    while (http1_next_field(&fields, &name, &value)) {
        print(out, between);
        print_quoted(out, name.at, name.size);
        print(out, ": ");
        print_quoted(out, value.at, value.size);
        between = ", ";
    }
    print(out, "}\n");
}

static void print_body(struct printout *out,
                       const struct http1_request *request) {
    print(out, "Body: ");
    print_quoted(out, request->body.at, request->body.size);
    if (request->body_size > request->body.size) {
        print(out, "... (");
        print_number(out, request->body_size);
        print(out, " bytes)");
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
    printout_begin(&out);
    print(&out, "Received a request\n");
    print_fields(&out, request->head.fields);
    print_body(&out, request);
    printout_end(&out);
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
