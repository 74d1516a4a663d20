#define _POSIX_C_SOURCE 200809L
// idle echo|http1|http2 PORT COUNT: opens COUNT connections, asks for one
// answer on each, prints how many there were, and holds all connections open
// until its stdin ends. Then it asks those that were answered once again.
#include "load.h"

#include <poll.h>
#include <stdio.h>
#include <unistd.h>

// Connections that come in batches do not overflow the server's backlog.
enum { batch = 200, max_clients = 20000, patience_ms = 2000 };

static struct pollfd polls[max_clients]; // events: 0 when it is answered
static struct load_search answers[max_clients];
static const struct load_request *request;

static void ask(long i, const char *bytes, size_t size) {
    polls[i].events = POLLIN;
    // A server that has ended this connection does not take it, and so does not
    // answer: that is counted.
    if (write(polls[i].fd, bytes, size) != (ssize_t)size) {
        polls[i].events = 0;
    }
}

static void open_one(long i, long port) {
    polls[i].fd = load_connect(port);
    answers[i].text = request->answer;
    ask(i, request->bytes, request->size);
}

// RETURNS whether this was the end of an answer.
static bool read_from(long i) {
    char bytes[4096];
    ssize_t n = read(polls[i].fd, bytes, sizeof bytes);
    uint64_t before = answers[i].found;
    if (n <= 0) {
        polls[i].events = 0;
        return false;
    }
    load_look(&answers[i], bytes, (size_t)n);
    if (answers[i].found == before) {
        return false;
    }
    polls[i].events = 0;
    return true;
}

// Until all are answered, or nothing comes any more. RETURNS how many were.
static long read_answers(long first, long count) {
    long answered = 0;
    while (answered < count &&
           poll(polls + first, (nfds_t)count, patience_ms) > 0) {
        bool some = false;
        for (long i = first; i < first + count; i++) {
            if (polls[i].events != 0 && polls[i].revents != 0) {
                answered += read_from(i);
                some = true;
            }
        }
        if (!some) { // what is left was ended by the server
            break;
        }
    }
    return answered;
}

static void say_after(long count) {
    for (long i = 0; i < count && request->after != NULL; i++) {
        if (answers[i].found > 0) {
            load_send(polls[i].fd, request->after, request->after_size);
        }
    }
}

static long ask_again(long count) {
    long answered = 0;
    for (long first = 0; first < count; first += batch) {
        long size = count - first < batch ? count - first : batch;
        long asked = 0;
        for (long i = first; i < first + size; i++) {
            polls[i].events = 0;
            if (answers[i].found > 0) {
                ask(i, request->again, request->again_size);
                asked++;
            }
        }
        answered += asked > 0 ? read_answers(first, size) : 0;
    }
    return answered;
}

int main(int argc, char **argv) {
    load_begin(argc, 3, "idle echo|http1|http2 PORT COUNT");
    long port = load_number(argv[2]), count = load_number(argv[3]);
    long answered = 0;
    request = load_request(load_protocol(argv[1]));
    count = count < max_clients ? count : max_clients;
    for (long first = 0; first < count; first += batch) {
        long size = count - first < batch ? count - first : batch;
        for (long i = first; i < first + size; i++) {
            open_one(i, port);
        }
        answered += read_answers(first, size);
    }
    say_after(count);
    printf("answered %ld\n", answered);
    fflush(stdout);
    load_wait_for_script();
    printf("again %ld\n", ask_again(count));
    return 0;
}
