// What is to be done when the program ends. Nothing in here is about async.
#ifndef AT_END_H
#define AT_END_H

#include <pthread.h>

// Has stop called when main returns or somebody calls exit; the one that came
// last is called first. Not in a fork of this process, which has none of its
// threads.
void at_end(void (*stop)(void));

// Joins the thread that runs work(NULL). If a future called exit, we are that
// thread, and cannot wait for ourselves; then this calls work(NULL), which must
// return when there is nothing left to do.
void end_thread(pthread_t thread, void *(*work)(void *));

#endif
