#define _POSIX_C_SOURCE 200809L
// The scene of 05c: a loop, on which clients speak and leave. A timer beats every ten
// milliseconds, for as long as nothing holds the loop, and plays all of them.
#include "exercise.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { answering = 8, most_beats = 90 };

struct client {
    void *state;
    int said, answered; // messages
};

static uv_loop_t loop;
static pthread_t loop_thread;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER; // guards what follows
static struct client *clients[answering];
static int answers, wrong, unworked, from_elsewhere, worked_on_the_loop,
    workers, working;
static int beats, beats_meanwhile;
static pthread_t worked[32]; // the threads that did

uv_loop_t *loop_of(const struct client *c) {
    (void)c;
    return &loop;
}

void **state_of(struct client *c) {
    return &c->state;
}

// ---- The work ----

static void begin_work(void) {
    pthread_t me = pthread_self();
    bool is_known = false;
    pthread_mutex_lock(&mutex);
    worked_on_the_loop += pthread_equal(me, loop_thread) != 0;
    for (int i = 0; i < workers; i++) {
        is_known |= pthread_equal(me, worked[i]) != 0;
    }
    if (!is_known && workers < 32) {
        worked[workers++] = me;
    }
    working++;
    pthread_mutex_unlock(&mutex);
}

void work(char *bytes, size_t size) {
    struct timespec left = {.tv_nsec = 150 * 1000 * 1000};
    begin_work();
    while (nanosleep(&left, &left) != 0) {
    }
    for (size_t i = 0; i < size; i++) {
        bytes[i] = (char)(bytes[i] + 1);
    }
    pthread_mutex_lock(&mutex);
    working--;
    pthread_mutex_unlock(&mutex);
}

// ---- The clients ----

static void text_of(int client, int message, char text[32]) {
    snprintf(text, 32, "client %d, %d", client + 1, message);
}

static int number_of(const struct client *c) {
    for (int i = 0; i < answering; i++) {
        if (clients[i] == c) {
            return i;
        }
    }
    return -1;
}

// The bytes are borrowed: after the call others lie there.
static void say(struct client *c, int number) {
    static char buffer[32];
    text_of(number, ++c->said, buffer);
    on_bytes(c, buffer, strlen(buffer));
    memset(buffer, '?', sizeof buffer - 1);
}

void send_back(struct client *c, const char *bytes, size_t size) {
    char wanted[32];
    pthread_mutex_lock(&mutex);
    int number = number_of(c);
    c->answered++;
    text_of(number, c->answered, wanted);
    bool same = size == strlen(wanted);
    for (size_t i = 0; i < size && same; i++) {
        same = bytes[i] == (char)(wanted[i] + 1);
    }
    if (number >=
        0) { // and not the one who leaves, if it was quicker than that
        wrong += !same;
        unworked += size == strlen(wanted) && memcmp(bytes, wanted, size) == 0;
        answers++;
    }
    from_elsewhere += !pthread_equal(pthread_self(), loop_thread);
    pthread_mutex_unlock(&mutex);
}

static struct client *let_in(void) {
    struct client *c = calloc(1, sizeof *c);
    if (c == NULL) {
        abort();
    }
    return c;
}

static void leave(struct client *c) {
    on_left(c);
    free(c);
}

static void everybody_speaks(void) {
    for (int i = 0; i < answering; i++) {
        clients[i] = let_in();
        say(clients[i], i);
    }
}

// Whoever has its answer may speak again, and one does.
static void speak_again(int number) {
    struct client *c = clients[number];
    pthread_mutex_lock(&mutex);
    bool may = c->answered == 1 && c->said == 1;
    pthread_mutex_unlock(&mutex);
    if (may) {
        say(c, number);
    }
}

static void on_beat(uv_timer_t *timer) {
    static struct client *leaver;
    pthread_mutex_lock(&mutex);
    beats_meanwhile += working > 0;
    bool is_over = answers >= answering + 1;
    pthread_mutex_unlock(&mutex);
    beats++;
    if (beats == 1) {
        leaver = let_in();
        say(leaver, answering);
        everybody_speaks();
        leave(let_in()); // which has said nothing
    } else if (beats == 5) {
        leave(leaver); // while the pool works for it
    } else {
        speak_again(2);
    }
    if (beats == most_beats || (is_over && beats > 5)) {
        uv_close((uv_handle_t *)timer, NULL);
    }
}

int main(void) {
    uv_timer_t timer;
    loop_thread = pthread_self();
    if (uv_loop_init(&loop) != 0 || uv_timer_init(&loop, &timer) != 0 ||
        uv_timer_start(&timer, on_beat, 1, 10) != 0) {
        abort();
    }
    uv_run(&loop, UV_RUN_DEFAULT);
    pthread_mutex_lock(&mutex);
    printf("answers: %d of %d, wrong ones %d\n", answers, answering + 1, wrong);
    printf("worked on the loop's thread %d times, on %d others\n",
           worked_on_the_loop, workers - (worked_on_the_loop > 0));
    printf("answered before the work: %d\n", unworked);
    printf("answered from another thread %d times\n", from_elsewhere);
    printf("beats of the loop meanwhile: %d\n", beats_meanwhile);
    pthread_mutex_unlock(&mutex);
    for (int i = 0; i < answering; i++) {
        leave(clients[i]);
    }
    (void)uv_loop_close(&loop);
    return 0;
}
