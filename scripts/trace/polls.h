// A lane for each task: who spawned it, who polls it, when it stands in line and
// when it waits. Shared by the wrappers of 02, of 03 and 04, and of 07.
#ifndef TRACE_POLLS_H
#define TRACE_POLLS_H

#include <stdbool.h>

enum {
    most_watched = 16, // tasks that have a lane of their own, at a time
};

// A task as the tracer knows it, or all those that share a lane.
struct watched;

// Between two polls a task stands in line, as in chapter 02, where nobody has to
// wake it.
void tasks_need_no_wake(void);

enum task_kind {
    A_TASK,
    A_FUTURE,  // awaited, and never spawned
    A_REQUEST, // answers a client
};

// A future begins its life as a task, before anybody can poll it. RETURNS NULL
// if nobody wants to know.
struct watched *task_begins(enum task_kind kind);

// Which of those with a lane of their own, from 0; -1: it shares one.
int task_number(const struct watched *w);

// On which queue it waits: of worker `home`, counted from 0.
void task_lives_at(struct watched *w, int home);

// The handle that the spawner got, by which it will wait for the task.
void task_has_handle(struct watched *w, const void *handle);

// The task's name, or NULL. The text stays.
const char *task_name(const struct watched *w);
const char *task_name_by_handle(const void *handle);

// Around a poll. waker tells apart whose wakers are called, see task_is_woken;
// or NULL. False: this poll is a part of another one, and then there is no end.
bool poll_begins(struct watched *w, const void *waker);
void poll_ends(bool ready);

// The poll on this thread does not return: the task panicked.
void poll_panics(void);

// Somebody calls the waker that the task was polled with, or is about to.
void task_is_woken(const void *waker);

// The future is gone. If it was not ready, it was cancelled.
void task_ends(struct watched *w);

// A new executor: tasks and workers are numbered from 1 again.
void tasks_begin_again(void);

// Tasks that run elsewhere than at home were stolen, from now on.
void tasks_can_be_stolen(bool they_can);

#endif
