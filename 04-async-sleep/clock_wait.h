// A condition that waits until a time on the monotonic clock. POSIX has one, but
// macOS does not: it has one that waits for so long.
#ifndef CLOCK_WAIT_H
#define CLOCK_WAIT_H

#include <pthread.h>
#include <stdint.h>

// RETURNS 0 or an error number, as pthread_cond_init does.
int clock_wait_init(pthread_cond_t *condition);

// Waits as pthread_cond_timedwait does, with the mutex held. The deadline is one
// of monotonic_now, in nanoseconds. RETURNS ETIMEDOUT when it has passed, 0 when
// there was a signal or for no reason, or an error number.
int clock_wait_until(pthread_cond_t *condition, pthread_mutex_t *mutex,
                     int64_t deadline);

#endif
