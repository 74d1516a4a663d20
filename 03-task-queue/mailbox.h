// The act in which another thread calls a waker.
#ifndef MAILBOX_H
#define MAILBOX_H

int play_mailbox(void);

#endif
