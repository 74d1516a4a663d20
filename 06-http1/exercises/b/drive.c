#define _POSIX_C_SOURCE 200809L
// The scene of 06b: heads of requests in groups, and what their length must be.
#include "exercise.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static const char cl[] = "Content-Length", te[] = "Transfer-Encoding";

struct head {
    struct field fields[3];
    int64_t wanted;
};

static size_t fields_of(const struct head *h) {
    size_t count = 0;
    while (count < 3 && h->fields[count].name != NULL) {
        count++;
    }
    return count;
}

static void say(int64_t length) {
    if (length == CHUNKED) {
        printf("chunked");
    } else if (length == BAD) {
        printf("bad");
    } else {
        printf("%" PRId64, length);
    }
}

static void print_first(const struct head *h, int64_t got) {
    printf("; first \"");
    for (size_t i = 0; i < fields_of(h); i++) {
        printf("%s%s: %s", i > 0 ? " and " : "", h->fields[i].name,
               h->fields[i].value);
    }
    printf("\" gave ");
    say(got);
    printf(", not ");
    say(h->wanted);
}

static void play(const char *what, const struct head *heads, size_t count) {
    const struct head *first = NULL;
    int64_t first_got = 0;
    size_t right = 0;
    for (size_t i = 0; i < count; i++) {
        int64_t got = body_length(heads[i].fields, fields_of(&heads[i]));
        right += got == heads[i].wanted;
        if (got != heads[i].wanted && first == NULL) {
            first = &heads[i];
            first_got = got;
        }
    }
    printf("%s: right %zu of %zu", what, right, count);
    if (first != NULL) {
        print_first(first, first_got);
    }
    printf("\n");
}

#define PLAY(what, heads) play(what, heads, sizeof(heads) / sizeof(heads)[0])

static void plain(void) {
    static const struct head heads[] = {
        {{{NULL, NULL}}, 0},
        {{{"Host", "a"}, {"Accept", "17"}}, 0},
        {{{cl, "0"}}, 0},
        {{{cl, "17"}}, 17},
        {{{"content-length", "8"}, {"Host", "a"}}, 8},
        {{{"Host", "a"}, {"CONTENT-LENGTH", "0042"}}, 42},
        {{{cl, "3000000000"}}, 3000000000},
        {{{cl, "9223372036854775807"}}, INT64_MAX},
        {{{cl, "00000000000000000000000000000123"}}, 123}};
    PLAY("one length or none", heads);
}

// Numbers that nobody knows beforehand.
static void any_number(void) {
    static char texts[20][24];
    static struct head heads[20];
    srand((unsigned)time(NULL) ^ (unsigned)clock());
    for (int i = 0; i < 20; i++) {
        heads[i].wanted = (int64_t)rand() * (i + 1);
        snprintf(texts[i], sizeof texts[i], "%" PRId64, heads[i].wanted);
        heads[i].fields[0] = (struct field){cl, texts[i]};
    }
    PLAY("any number", heads);
}

static void not_digits(void) {
    static const struct head heads[] = {
        {{{cl, "5abc"}}, BAD}, {{{cl, "abc"}}, BAD},  {{{cl, "+5"}}, BAD},
        {{{cl, "-1"}}, BAD},   {{{cl, "0x10"}}, BAD}, {{{cl, ""}}, BAD},
        {{{cl, "5 5"}}, BAD},  {{{cl, "5, 5"}}, BAD}, {{{cl, "1e3"}}, BAD},
        {{{cl, "5."}}, BAD},   {{{cl, " 5"}}, BAD},   {{{cl, "5\t"}}, BAD}};
    PLAY("not only digits", heads);
}

static void too_large(void) {
    static const struct head heads[] = {
        {{{cl, "9223372036854775808"}}, BAD},
        {{{cl, "9223372036854775810"}}, BAD},
        {{{cl, "18446744073709551621"}}, BAD},
        {{{cl, "99999999999999999999999999"}}, BAD},
        {{{cl, "340282366920938463463374607431768211461"}}, BAD}};
    PLAY("too large", heads);
}

static void several(void) {
    static const struct head heads[] = {
        {{{cl, "5"}, {cl, "5"}}, 5},
        {{{cl, "5"}, {"content-length", "05"}}, 5},
        {{{cl, "5"}, {cl, "6"}}, BAD},
        {{{cl, "6"}, {cl, "5"}, {cl, "6"}}, BAD},
        {{{cl, "0"}, {cl, "5"}}, BAD},
        {{{cl, "5"}, {"Host", "a"}, {cl, "x"}}, BAD}};
    PLAY("several lengths", heads);
}

static void coded(void) {
    static const struct head heads[] = {
        {{{te, "chunked"}}, CHUNKED},
        {{{"transfer-encoding", "Chunked"}, {"Host", "a"}}, CHUNKED},
        {{{te, "gzip"}}, BAD},
        {{{te, "identity"}}, BAD},
        {{{te, "xchunked"}}, BAD},
        {{{te, "chunked, gzip"}}, BAD},
        {{{te, "chunked"}, {te, "chunked"}}, BAD},
        {{{te, ""}}, BAD}};
    PLAY("a transfer coding", heads);
}

static void both(void) {
    static const struct head heads[] = {{{{cl, "5"}, {te, "chunked"}}, BAD},
                                        {{{te, "chunked"}, {cl, "5"}}, BAD},
                                        {{{te, "chunked"}, {cl, "0"}}, BAD}};
    PLAY("both at once", heads);
}

int main(void) {
    plain();
    any_number();
    not_digits();
    too_large();
    several();
    coded();
    both();
    return 0;
}
