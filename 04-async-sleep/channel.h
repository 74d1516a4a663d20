// An unbounded channel: many threads send, one thread receives. Built first in
// chapter 03; in the Rust text this is the crate flume.
//
// What travels carries its own link, a struct channel_node inside it. So
// sending allocates nothing and cannot fail for want of memory.
//
// It is received in rounds: what has newly arrived, and behind it what the
// receiver itself has put back in the round before.
#ifndef CHANNEL_H
#define CHANNEL_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

struct channel_node {
    struct channel_node *next; // the channel's, from send until receive
};

struct channel_list {
    struct channel_node *first, **end; // end: where the next one is linked
};

struct channel {
    pthread_mutex_t mutex; // guards inbox, closed and asleep
    pthread_cond_t arrived;
    struct channel_list inbox; // sent and not yet taken, oldest first
    atomic_bool mail;          // inbox holds something; set under the lock
    bool closed;
    bool asleep; // the receiver waits and wants a signal

    // The receiver's alone, so they need no lock.
    struct channel_node *round;
    struct channel_list back;
};

// Ended by channel_destroy.
void channel_init(struct channel *ch);

// The channel must be empty and nobody may be using it.
void channel_destroy(struct channel *ch);

// Any thread. True: the channel has node. False: the channel is closed and
// node stays yours.
bool channel_send(struct channel *ch, struct channel_node *node);

// The receiving thread only. Waits for a node. RETURNS it, or NULL once the
// channel is closed and empty.
struct channel_node *channel_receive(struct channel *ch);

// The receiving thread only. Sends node to itself, even when the channel is
// closed.
void channel_put_back(struct channel *ch, struct channel_node *node);

// Any thread. From now on nothing can be sent; what is inside still arrives.
void channel_close(struct channel *ch);

#endif
