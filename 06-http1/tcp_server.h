// A TCP server on libuv. What is said over a connection is a protocol: a table
// of functions that the server calls. Built first in chapter 05, and the same in
// 06 and 07. Its parts: server_loop.h.
//
//   BORROWS, CONSUMES, RETURNS say who owns what, as in the chapters before.
//
// All functions here are for the thread of the connection's loop.
#ifndef TCP_SERVER_H
#define TCP_SERVER_H

#include "server_options.h"

#include <stdbool.h>
#include <stddef.h>
#include <uv.h>

struct tcp_connection;

// Callbacks of a protocol, in the order of events; NULL where a comment says
// what happens instead.
struct tcp_protocol {
    // The protocol's own data for one connection: zeroed before on_open, freed
    // after on_close. See tcp_state.
    size_t state_size;

    // Before a loop's first connection, after its last: for what all of them
    // share; loop->data is free for it. False: no memory. NULL: nothing.
    bool (*on_loop_start)(uv_loop_t *loop);
    void (*on_loop_stop)(uv_loop_t *loop);

    // False: no memory, the connection ends at once. NULL: nothing to set up.
    bool (*on_open)(struct tcp_connection *c);

    // Bytes have come, size > 0. BORROWED: they are gone after the call. Not
    // called while output is pending, nor while the connection is paused.
    void (*on_bytes)(struct tcp_connection *c, const char *bytes, size_t size);

    // Pending output is out: go on producing. NULL: nothing more to send.
    void (*on_drained)(struct tcp_connection *c);

    // End of file: the client will send no more, but still reads. Answer what is
    // open and tcp_end. Called again when pending output is out. NULL: tcp_end.
    void (*on_eof)(struct tcp_connection *c);

    // The client did nothing for the idle time, or the time that
    // tcp_set_deadline gave is over. NULL: the connection closes.
    void (*on_idle)(struct tcp_connection *c);

    // The server is stopping: finish what is in flight, then tcp_end. Comes once;
    // if the connection is paused, after that. NULL: tcp_end.
    void (*on_stopping)(struct tcp_connection *c);

    // The connection is gone; free what the state owns. NULL: nothing.
    void (*on_close)(struct tcp_connection *c);
};

// Serves until SIGINT or SIGTERM. BORROWS both. RETURNS the exit status.
int tcp_server_run(const struct tcp_protocol *protocol,
                   const struct server_options *options);

void *tcp_state(struct tcp_connection *c);
uv_loop_t *tcp_loop(const struct tcp_connection *c);
const struct server_options *tcp_options(const struct tcp_connection *c);
int tcp_port(const struct tcp_connection *c); // the server's
bool tcp_is_stopping(const struct tcp_connection *c);

// Sends, or copies what the client does not take yet. BORROWS bytes. RETURNS
// false if output is now pending: then stop producing until on_drained. Until
// then nothing is read, so a client that does not take its answers cannot make
// the server grow.
bool tcp_write(struct tcp_connection *c, const void *bytes, size_t size);

// Nothing is pending, and the connection is not at its end. Otherwise tcp_write
// does nothing.
bool tcp_is_writable(const struct tcp_connection *c);

// tcp_end or tcp_abort was called, or the client has gone.
bool tcp_is_ending(const struct tcp_connection *c);

// After the last answer: the pending output still goes out, then the
// connection closes. Protocol callbacks other than on_close end here.
void tcp_end(struct tcp_connection *c);

// For a connection on which nothing sensible can follow: closes it at once and
// reports why. NULL: no report. on_close comes later, from the loop.
void tcp_abort(struct tcp_connection *c, const char *why);

// The client must have done what the protocol expects of it in ms milliseconds
// from now, however busy it is meanwhile; else on_idle is called. 0: it has,
// and may take the idle time for the next thing. While output is pending only
// the idle time counts, and the client must take all of it in that time.
void tcp_set_deadline(struct tcp_connection *c, long ms);

// The protocol is at work for this client, and wants to hear nothing of it until
// it is done: so a client cannot ask faster than it is answered. To write is
// allowed meanwhile. Pausing does nothing while output is pending; pause in
// on_drained then.
void tcp_pause(struct tcp_connection *c);
void tcp_resume(struct tcp_connection *c);

// Prints "Error serving connection: WHY", but not thousands a second.
void tcp_report(struct tcp_connection *c, const char *why);

#endif
