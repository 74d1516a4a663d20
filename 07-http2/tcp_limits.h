// Every limit and deadline of the TCP server, and why this number. Where the comment
// begins with an option, the number is what holds if nobody gives that option. _s
// are seconds, _ms milliseconds.
#ifndef TCP_LIMITS_H
#define TCP_LIMITS_H

enum {
    // --max-connections, of each loop. An idle one costs some 320 bytes here
    // and a few thousand in the kernel, so ten thousand are no burden. A client
    // above that waits in the kernel until somebody leaves.
    default_max_connections = 10000,

    // --idle-timeout. A client may think between two messages, and may take the
    // 64 KiB that we keep for it slowly; but if it has vanished without a word,
    // only the clock can tell.
    default_idle_s = 60,

    // --request-timeout. To send a byte a second is not to be idle. So a
    // protocol can say by when something whole must be here: tcp_set_deadline.
    default_request_s = 30,

    // --grace. Who stops the server waits for the last answers so long.
    default_grace_s = 5,

    // So often we look after a client whose work is under way: it may have
    // reset the connection, and then its work is abandoned.
    paused_look_ms = 1000,

    // After our last word the client gets this long to read it and leave.
    linger_ms = 2 * 1000,
    // The same when the server stops: nobody shall wait for who is idle. A reset
    // would then need bytes that cross the answer on the wire.
    linger_at_stop_ms = 200,

    // One buffer for all connections of a loop: the kernel fills it, the
    // protocol looks at it, and it is free again when on_read returns. So an
    // idle connection has no buffer. It is as much as one read gets, and so as
    // much as echo keeps for a client that does not take its answers.
    read_buffer_size = 64 * 1024,

    // New clients that the kernel keeps for us while we are busy.
    backlog = 1024,

    // A client that cannot be let in, for lack of memory or of a descriptor
    // that another process holds: the next try is so much later. To try at once
    // again would keep the processor busy with nothing.
    retry_ms = 100,

    // Errors that one loop tells in a second; the others it only counts. Who
    // connects and resets can make 20,000 of them, and each line is a write
    // that everybody waits for.
    errors_per_second = 20,

    // When so many have been here and all have left, their memory goes back to
    // the system. glibc would keep it for the next crowd.
    crowd = 100,

    // Descriptors that are not connections: streams, files, what each loop
    // needs for itself. The process may have as many as `ulimit -n` says.
    other_descriptors = 24,
    loop_descriptors = 8,
};

#endif
