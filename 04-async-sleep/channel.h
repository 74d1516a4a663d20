// An unbounded channel: many threads send, one thread receives. Built first in
// chapter 03; in the Rust text this is the crate flume.
//
// What travels carries its own link, a struct channel_node inside it. So
// sending allocates nothing and cannot fail for want of memory.
#ifndef CHANNEL_H
#define CHANNEL_H

#include <pthread.h>
#include <stdbool.h>

struct channel_node {
    struct channel_node *next; // the channel's, from send until receive
};

struct channel {
    pthread_mutex_t mutex; // guards inbox, last, closed and asleep
    pthread_cond_t arrived;
    struct channel_node *inbox, **last; // sent, oldest first
    bool closed;
    bool asleep;                // the receiver waits and wants a signal
    struct channel_node *taken; // the receiver's alone, needs no lock
};

// Ended by channel_destroy.
void channel_init(struct channel *ch);

// The channel must be empty and nobody may be using it.
void channel_destroy(struct channel *ch);

// Any thread. True: the channel has node. False: the channel is closed and
// node stays yours.
bool channel_send(struct channel *ch, struct channel_node *node);

// The receiving thread. Waits for a node. RETURNS it, or NULL once the channel
// is closed and empty.
struct channel_node *channel_receive(struct channel *ch);

// Any thread. From now on nothing can be sent; what is inside still arrives.
void channel_close(struct channel *ch);

#endif
