#define _POSIX_C_SOURCE 200809L
// storm echo|http1|http2 PORT SECONDS: clients who connect and reset, one after
// another: at once, in the middle of a request, after a whole one, and with
// answers under way that they do not read. It prints how many.
#include "load.h"

#include <stdio.h>
#include <unistd.h>

enum { burst = 64 };

static void visit(const struct load_request *request, long port, int how) {
    int fd = load_connect(port);
    switch (how) {
    case 0:
        break;
    case 1:
        load_send(fd, request->bytes, request->size / 2);
        break;
    case 2:
        load_send(fd, request->bytes, request->size);
        break;
    case 3: // the server may have ended us half way: it is HTTP/2
        for (int i = 0; i < burst && write(fd, request->bytes, request->size) ==
                                         (ssize_t)request->size;
             i++) {
        }
        break;
    }
    load_reset(fd);
}

int main(int argc, char **argv) {
    load_begin(argc, 3, "storm echo|http1|http2 PORT SECONDS");
    const struct load_request *request = load_request(load_protocol(argv[1]));
    long port = load_number(argv[2]), clients = 0;
    double end = load_now() + (double)load_number(argv[3]);
    for (; load_now() < end; clients++) {
        visit(request, port, (int)(clients % 4));
    }
    printf("clients %ld\n", clients);
    return 0;
}
