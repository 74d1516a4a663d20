// An unbounded channel: many threads send, one thread receives. Built first in
// chapter 03; in the Rust text this is the crate flume. It does what put_back
// and take_out of chapter 02 do, and can be closed.
//
// What travels carries its own link, a struct channel_node inside it. So
// sending allocates nothing and cannot fail for want of memory.
#ifndef CHANNEL_H
#define CHANNEL_H

#include <stdbool.h>

struct channel_node {
    struct channel_node *next; // the channel's, from send until receive
};

struct channel *channel_new(void); // RETURNS: free, when it is empty

// Any thread. True: the channel has node. False: the channel is closed and
// node stays yours.
bool channel_send(struct channel *ch, struct channel_node *node);

// The receiving thread only. Waits for a node. RETURNS the one that was sent
// first, or NULL once the channel is closed and empty.
struct channel_node *channel_receive(struct channel *ch);

// Any thread, but not two at once. From now on nothing can be sent; what is
// inside still arrives.
void channel_close(struct channel *ch);

#endif
