#define _POSIX_C_SOURCE 200809L
// A list with one pointer that all threads share, to the newest node. A sender
// puts its node in front, in one atomic step, or looks again:
//
//     newest -> C -> B -> A
//
// The receiver takes the whole list, in one step too, and turns it round: A, B,
// C is one round, and what is sent meanwhile is the next. So the order is that
// of sending. Nobody but the receiver takes anything off, and it takes all. So
// no lock is needed: if the pointer is still what a sender has seen, then it is
// still right to put that node behind its own.
#include "channel.h"

#include "must.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>

struct channel {
    _Atomic(struct channel_node *) newest; // sent and not yet taken
    struct channel_node last;   // is the newest for ever once it is closed
    struct channel_node *round; // the receiver's: taken and not yet received
    atomic_int receiver;        // AWAKE, ASLEEP or NOTIFIED
    pthread_mutex_t mutex;
    pthread_cond_t notified;
};

struct channel *channel_new(void) {
    struct channel *ch = malloc(sizeof *ch);
    must(ch == NULL ? ENOMEM : 0, "channel: new");
    *ch = (struct channel){.mutex = PTHREAD_MUTEX_INITIALIZER,
                           .notified = PTHREAD_COND_INITIALIZER};
    return ch;
}

// ---- Where the receiver sleeps ----

// The receiver notes that it is about to sleep, and whoever notifies it sees
// that and calls it, or leaves a mark, and it does not sleep. Only a receiver
// that sleeps costs the sender a lock.
enum { AWAKE, ASLEEP, NOTIFIED };

static void notify(struct channel *ch) {
    if (atomic_exchange(&ch->receiver, NOTIFIED) == ASLEEP) {
        must(pthread_mutex_lock(&ch->mutex), "channel: lock");
        must(pthread_cond_signal(&ch->notified), "channel: signal");
        must(pthread_mutex_unlock(&ch->mutex), "channel: unlock");
    }
}

static void sleep_until_notified(struct channel *ch) {
    int awake = AWAKE;
    must(pthread_mutex_lock(&ch->mutex), "channel: lock");
    if (atomic_compare_exchange_strong(&ch->receiver, &awake, ASLEEP)) {
        while (atomic_load(&ch->receiver) == ASLEEP) {
            must(pthread_cond_wait(&ch->notified, &ch->mutex), "channel: wait");
        }
    }
    atomic_store(&ch->receiver, AWAKE);
    must(pthread_mutex_unlock(&ch->mutex), "channel: unlock");
}

// ---- Sending ----

// If there was a node already, whoever sent that has notified the receiver.
bool channel_send(struct channel *ch, struct channel_node *node) {
    struct channel_node *top = atomic_load(&ch->newest);
    do {
        if (top == &ch->last) {
            return false;
        }
        node->next = top;
    } while (!atomic_compare_exchange_weak(&ch->newest, &top, node));
    if (top == NULL) {
        notify(ch);
    }
    return true;
}

// The mark is sent like any other node, and nobody gets past it.
void channel_close(struct channel *ch) {
    (void)channel_send(ch, &ch->last); // false: it was closed already
}

// ---- Receiving ----

static struct channel_node *turned_round(struct channel_node *list) {
    struct channel_node *turned = NULL;
    while (list != NULL) {
        struct channel_node *next = list->next;
        list->next = turned;
        turned = list;
        list = next;
    }
    return turned;
}

// RETURNS all that is there, newest first; NULL: nothing. The mark stays where
// it is, so that the channel stays closed.
static struct channel_node *take_all(struct channel *ch) {
    struct channel_node *all = atomic_load(&ch->newest);
    while (all != NULL && all != &ch->last &&
           !atomic_compare_exchange_weak(&ch->newest, &all, NULL)) {
    }
    if (all == &ch->last) {
        all = ch->last.next;
        ch->last.next = NULL;
    }
    return all;
}

struct channel_node *channel_receive(struct channel *ch) {
    while (ch->round == NULL) {
        bool closed = atomic_load(&ch->newest) == &ch->last;
        ch->round = turned_round(take_all(ch));
        if (ch->round == NULL) {
            if (closed) {
                return NULL;
            }
            sleep_until_notified(ch);
        }
    }
    struct channel_node *node = ch->round;
    ch->round = node->next;
    return node;
}
