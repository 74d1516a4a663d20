// Calls that fail when a suite wants it, and memory that is counted. The linker
// sends the calls of the modules and of the suite here (see $(failing) in the
// Makefile): the call whose turn it is fails, and what is not given back is
// counted. Check allocates too, so nothing of Check is called where that counts.
//
// Included by one file of a program: it defines the functions.
#ifndef FAILING_H
#define FAILING_H

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

static _Thread_local int fail_malloc_at; // 1: the next one; 0 or less: none
static atomic_int fail_thread_at, fail_atexit_at, blocks;

void *__real_malloc(size_t size);
void *__wrap_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__wrap_calloc(size_t count, size_t size);
void __real_free(void *block);
void __wrap_free(void *block);

static bool malloc_fails(void) {
    if (fail_malloc_at-- == 1) {
        errno = ENOMEM;
        return true;
    }
    return false;
}

static void *count_block(void *block) {
    atomic_fetch_add(&blocks, block != NULL);
    return block;
}

// A sanitizer ends the program where malloc would say that this is too much.
void *__wrap_malloc(size_t size) {
    if (malloc_fails() || size > SIZE_MAX / 4) {
        errno = ENOMEM;
        return NULL;
    }
    return count_block(__real_malloc(size));
}

void *__wrap_calloc(size_t count, size_t size) {
    return malloc_fails() ? NULL : count_block(__real_calloc(count, size));
}

void __wrap_free(void *block) {
    atomic_fetch_sub(&blocks, block != NULL);
    __real_free(block);
}

int __real_pthread_create(pthread_t *thread, const pthread_attr_t *attr,
                          void *(*run)(void *), void *arg);
int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attr,
                          void *(*run)(void *), void *arg);
int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attr,
                          void *(*run)(void *), void *arg) {
    if (atomic_fetch_sub(&fail_thread_at, 1) == 1) {
        return EAGAIN;
    }
    return __real_pthread_create(thread, attr, run, arg);
}

int __real_atexit(void (*handler)(void));
int __wrap_atexit(void (*handler)(void));
int __wrap_atexit(void (*handler)(void)) {
    if (atomic_fetch_sub(&fail_atexit_at, 1) == 1) {
        return -1;
    }
    return __real_atexit(handler);
}

#endif
