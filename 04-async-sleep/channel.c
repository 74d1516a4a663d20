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
    struct channel_node asleep; // is the newest while the receiver sleeps
    struct channel_node last;   // is the newest for ever once it is closed
    struct channel_node *round; // the receiver's: taken and not yet received
    pthread_mutex_t mutex;      // guards nothing but the wait
    pthread_cond_t sent;
};

struct channel *channel_new(void) {
    struct channel *ch = malloc(sizeof *ch);
    must(ch == NULL ? ENOMEM : 0, "channel: new");
    *ch = (struct channel){.mutex = PTHREAD_MUTEX_INITIALIZER,
                           .sent = PTHREAD_COND_INITIALIZER};
    return ch;
}

// ---- Sending ----

// Whoever takes the receiver's mark away has to wake it.
bool channel_send(struct channel *ch, struct channel_node *node) {
    struct channel_node *top = atomic_load(&ch->newest);
    do {
        if (top == &ch->last) {
            return false;
        }
        node->next = top == &ch->asleep ? NULL : top;
    } while (!atomic_compare_exchange_weak(&ch->newest, &top, node));
    if (top == &ch->asleep) {
        must(pthread_mutex_lock(&ch->mutex), "channel: lock");
        must(pthread_mutex_unlock(&ch->mutex), "channel: unlock");
        must(pthread_cond_signal(&ch->sent), "channel: signal");
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

// The receiver leaves a mark only where there is nothing, in one step. So no
// sender can come unseen between its look and its sleep.
static void sleep_while_empty(struct channel *ch) {
    struct channel_node *nothing = NULL;
    if (atomic_compare_exchange_strong(&ch->newest, &nothing, &ch->asleep)) {
        must(pthread_mutex_lock(&ch->mutex), "channel: lock");
        while (atomic_load(&ch->newest) == &ch->asleep) {
            must(pthread_cond_wait(&ch->sent, &ch->mutex), "channel: wait");
        }
        must(pthread_mutex_unlock(&ch->mutex), "channel: unlock");
    }
}

// RETURNS all that is there, newest first, and waits until there is something;
// NULL: nothing will come. The mark of the end stays where it is, so the
// channel stays closed.
static struct channel_node *take_all(struct channel *ch) {
    struct channel_node *all;
    while ((all = atomic_load(&ch->newest)) == NULL) {
        sleep_while_empty(ch);
    }
    while (all != &ch->last &&
           !atomic_compare_exchange_weak(&ch->newest, &all, NULL)) {
    }
    if (all == &ch->last) {
        all = ch->last.next;
        ch->last.next = NULL;
    }
    return all;
}

struct channel_node *channel_receive(struct channel *ch) {
    if (ch->round == NULL) {
        ch->round = turned_round(take_all(ch));
    }
    struct channel_node *node = ch->round;
    ch->round = node != NULL ? node->next : NULL;
    return node;
}
