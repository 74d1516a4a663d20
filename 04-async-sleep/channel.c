#define _POSIX_C_SOURCE 200809L
// One lock, one condition, and a list linked through what is sent. The
// receiver takes the whole list at once: under load it locks once for many
// nodes, and senders seldom meet it at the lock. A faster channel has no lock,
// only an atomic pointer to the newest node; it is much harder to get right.
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

static void append(struct channel_list *list, struct channel_node *node) {
    node->next = NULL;
    *list->end = node;
    list->end = &node->next;
}

static void make_empty(struct channel_list *list) {
    list->first = NULL;
    list->end = &list->first;
}

void channel_init(struct channel *ch) {
    *ch = (struct channel){.mutex = PTHREAD_MUTEX_INITIALIZER,
                           .arrived = PTHREAD_COND_INITIALIZER};
    make_empty(&ch->inbox);
    make_empty(&ch->back);
}

void channel_destroy(struct channel *ch) {
    must(pthread_cond_destroy(&ch->arrived), "destroy condition");
    must(pthread_mutex_destroy(&ch->mutex), "destroy mutex");
}

// A signal is a system call, so it is given only to a receiver that said it is
// asleep.
bool channel_send(struct channel *ch, struct channel_node *node) {
    must(pthread_mutex_lock(&ch->mutex), "lock");
    bool open = !ch->closed;
    if (open) {
        append(&ch->inbox, node);
        atomic_store_explicit(&ch->mail, true, memory_order_relaxed);
    }
    bool rouse = open && ch->asleep;
    if (rouse) {
        ch->asleep = false;
        must(pthread_cond_signal(&ch->arrived), "signal");
    }
    must(pthread_mutex_unlock(&ch->mutex), "unlock");
    return open;
}

// Waits until there is something, and takes all of it: under load the lock is
// taken once for many nodes, and senders seldom meet the receiver there.
static void next_round(struct channel *ch) {
    must(pthread_mutex_lock(&ch->mutex), "lock");
    while (ch->inbox.first == NULL && ch->back.first == NULL && !ch->closed) {
        ch->asleep = true;
        must(pthread_cond_wait(&ch->arrived, &ch->mutex), "wait");
    }
    *ch->inbox.end = ch->back.first;
    ch->round = ch->inbox.first;
    make_empty(&ch->inbox);
    atomic_store_explicit(&ch->mail, false, memory_order_relaxed);
    must(pthread_mutex_unlock(&ch->mutex), "unlock");
    make_empty(&ch->back);
}

// A look at mail without the lock may come a moment too early. Then the new
// node is found one round later.
struct channel_node *channel_receive(struct channel *ch) {
    if (ch->round == NULL) {
        if (ch->back.first != NULL &&
            !atomic_load_explicit(&ch->mail, memory_order_relaxed)) {
            ch->round = ch->back.first;
            make_empty(&ch->back);
        } else {
            next_round(ch);
        }
    }
    struct channel_node *node = ch->round;
    if (node != NULL) {
        ch->round = node->next;
    }
    return node;
}

void channel_put_back(struct channel *ch, struct channel_node *node) {
    append(&ch->back, node);
}

void channel_close(struct channel *ch) {
    must(pthread_mutex_lock(&ch->mutex), "lock");
    ch->closed = true;
    must(pthread_cond_broadcast(&ch->arrived), "broadcast");
    must(pthread_mutex_unlock(&ch->mutex), "unlock");
}
