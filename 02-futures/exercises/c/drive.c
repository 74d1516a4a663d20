// The scene of 02c polls by hand, and the parts write down what is done to them. A
// part is ready at its n-th poll. In the second round it is dropped half way.
#include "exercise.h"

#include <stdio.h>

struct part {
    struct future base;
    char name;
    int left; // polls until it is ready
    int late, drops;
};

static enum poll_result part_poll(struct future *self, void *out) {
    struct part *me = (struct part *)self;
    (void)out;
    me->late += me->left <= 0;
    printf(" %c", me->name);
    return --me->left <= 0 ? FUTURE_READY : FUTURE_PENDING;
}

static void part_drop(struct future *self) {
    ((struct part *)self)->drops++;
}

static struct part part(char name, int polls) {
    static const struct future_ops ops = {sizeof(struct part), 0, part_poll,
                                          part_drop};
    return (struct part){{&ops}, name, polls, 0, 0};
}

static void play(int round, int a_polls, int b_polls, int most) {
    struct part a = part('a', a_polls), b = part('b', b_polls);
    struct both f = both(&a.base, &b.base);
    enum poll_result result = FUTURE_PENDING;
    for (int i = 1; i <= most && result == FUTURE_PENDING; i++) {
        printf("round %d, poll %d:", round, i);
        result = future_poll(&f.base, NULL);
        printf(result == FUTURE_READY ? ", and both are ready\n" : "\n");
    }
    future_drop(&f.base);
    printf("round %d: polled when ready %d, drops %d and %d\n", round,
           a.late + b.late, a.drops, b.drops);
}

int main(void) {
    play(1, 3, 2, 9);
    play(2, 1, 3, 9);
    play(3, 2, 5, 3); // and nobody waits for its end
    return 0;
}
