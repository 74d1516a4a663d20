// A lane for each task: who spawned it, who polls it, and when it stands in
// line. Shared by the wrappers of 02, of 03 and 04, and of 07.
#ifndef TRACE_POLLS_H
#define TRACE_POLLS_H

#include <stdbool.h>

// Pending tasks stand in line by themselves, as in chapter 02, where nobody
// has to wake them.
void tasks_need_no_wake(void);

enum task_kind {
    A_TASK,
    A_FUTURE,  // awaited, and never spawned
    A_REQUEST, // answers a client
};

// A future begins its life as a task, before anybody can poll it.
void task_begins(const void *future, enum task_kind kind);

// On which queue it waits: of worker `home`, counted from 0; -1: no such thing.
void task_lives_at(const void *future, int home);

// The handle that the spawner got, by which it will wait for the task.
void task_has_handle(const void *future, const void *handle);

// The task's name by its handle, or NULL. The text stays.
const char *task_name_by_handle(const void *handle);

// Around a poll. waker is what its waker carries, or NULL. False: this poll is
// a part of another one, or nobody wants to know, and then there is no end.
bool poll_begins(const void *future, const void *waker);
void poll_ends(bool ready);

// The poll on this thread does not return: the task panicked.
void poll_panics(void);

// Somebody woke the task whose wakers carry this.
void task_is_woken(const void *waker);

// The future is gone. If it was not ready, it was cancelled.
void task_ends(const void *future);

// A new executor: tasks and workers are numbered from 1 again.
void tasks_begin_again(void);

// Tasks that run elsewhere than at home were stolen, from now on.
void tasks_can_be_stolen(bool they_can);

#endif
