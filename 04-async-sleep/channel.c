#define _POSIX_C_SOURCE 200809L
// One lock, one condition, and a list linked through what is sent. The
// receiver takes the whole list at once: under load it locks once for many
// nodes, and senders seldom meet it at the lock.
#include "channel.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// These calls fail only when the program is wrong. It is not an assert,
// because -DNDEBUG would delete the call with it.
static void must(int error, const char *what) {
    if (error != 0) {
        fprintf(stderr, "channel: %s: %s\n", what, strerror(error));
        abort();
    }
}

void channel_init(struct channel *ch) {
    *ch = (struct channel){.mutex = PTHREAD_MUTEX_INITIALIZER,
                           .arrived = PTHREAD_COND_INITIALIZER,
                           .last = &ch->inbox};
}

void channel_destroy(struct channel *ch) {
    must(pthread_cond_destroy(&ch->arrived), "destroy condition");
    must(pthread_mutex_destroy(&ch->mutex), "destroy mutex");
}

// A signal is a system call even when nobody waits for long, so it is
// given only to a receiver that said it is asleep.
bool channel_send(struct channel *ch, struct channel_node *node) {
    node->next = NULL;
    must(pthread_mutex_lock(&ch->mutex), "lock");
    bool open = !ch->closed;
    if (open) {
        *ch->last = node;
        ch->last = &node->next;
        if (ch->asleep) {
            ch->asleep = false;
            must(pthread_cond_signal(&ch->arrived), "signal");
        }
    }
    must(pthread_mutex_unlock(&ch->mutex), "unlock");
    return open;
}

static struct channel_node *take_all(struct channel *ch) {
    must(pthread_mutex_lock(&ch->mutex), "lock");
    while (ch->inbox == NULL && !ch->closed) {
        ch->asleep = true;
        must(pthread_cond_wait(&ch->arrived, &ch->mutex), "wait");
    }
    struct channel_node *all = ch->inbox;
    ch->inbox = NULL;
    ch->last = &ch->inbox;
    must(pthread_mutex_unlock(&ch->mutex), "unlock");
    return all;
}

struct channel_node *channel_receive(struct channel *ch) {
    if (ch->taken == NULL) {
        ch->taken = take_all(ch);
    }
    struct channel_node *node = ch->taken;
    if (node != NULL) {
        ch->taken = node->next;
    }
    return node;
}

void channel_close(struct channel *ch) {
    must(pthread_mutex_lock(&ch->mutex), "lock");
    ch->closed = true;
    must(pthread_cond_broadcast(&ch->arrived), "broadcast");
    must(pthread_mutex_unlock(&ch->mutex), "unlock");
}
