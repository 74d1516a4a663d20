#define _POSIX_C_SOURCE 200809L
// The table behind octets.h: 16 rows of 16 octets.
#include "octets.h"

#include <string.h>

enum {
    N = 0,          // nowhere
    V = OCTET_TEXT, // in text only
    B = OCTET_TEXT | OCTET_BLANK,
    U = OCTET_TEXT | OCTET_TARGET,
    H = U | OCTET_HOST,
    K = OCTET_TEXT | OCTET_TOKEN, // only '#'
    T = U | OCTET_TOKEN,
    A = U | OCTET_TOKEN | OCTET_HOST, // everywhere
    D = A | OCTET_DIGIT,
};

// clang-format off
const uint8_t octets[256] = {
    N, N, N, N, N, N, N, N, N, B, N, N, N, N, N, N, // controls, with the tab
    N, N, N, N, N, N, N, N, N, N, N, N, N, N, N, N,
    B, A, V, K, A, T, A, A, H, H, A, A, H, A, A, U, //   ! " # $ % & ' ( ) * + , - . /
    D, D, D, D, D, D, D, D, D, D, U, H, V, H, V, U, // 0 to 9 : ; < = > ?
    U, A, A, A, A, A, A, A, A, A, A, A, A, A, A, A, // @ A to O
    A, A, A, A, A, A, A, A, A, A, A, U, U, U, T, A, // P to Z [ \ ] ^ _
    T, A, A, A, A, A, A, A, A, A, A, A, A, A, A, A, // ` a to o
    A, A, A, A, A, A, A, A, A, A, A, U, T, U, A, N, // p to z { | } ~, and DEL
    V, V, V, V, V, V, V, V, V, V, V, V, V, V, V, V, // not ASCII
    V, V, V, V, V, V, V, V, V, V, V, V, V, V, V, V,
    V, V, V, V, V, V, V, V, V, V, V, V, V, V, V, V,
    V, V, V, V, V, V, V, V, V, V, V, V, V, V, V, V,
    V, V, V, V, V, V, V, V, V, V, V, V, V, V, V, V,
    V, V, V, V, V, V, V, V, V, V, V, V, V, V, V, V,
    V, V, V, V, V, V, V, V, V, V, V, V, V, V, V, V,
    V, V, V, V, V, V, V, V, V, V, V, V, V, V, V, V,
};
// clang-format on

int octet_hex(char octet) {
    return octet >= '0' && octet <= '9'   ? octet - '0'
           : octet >= 'a' && octet <= 'f' ? octet - 'a' + 10
           : octet >= 'A' && octet <= 'F' ? octet - 'A' + 10
                                          : -1;
}

struct span span_trim(struct span s) {
    span_cut_set(&s, OCTET_BLANK);
    while (s.size > 0 && octet_is(s.at[s.size - 1], OCTET_BLANK)) {
        s.size--;
    }
    return s;
}

bool span_next_member(struct span *list, struct span *member) {
    do {
        size_t size = 0;
        while (size < list->size && list->at[size] != ',') {
            size++;
        }
        *member = span_trim(span_cut(list, size));
    } while (span_cut_octet(list, ',') && member->size == 0);
    return member->size > 0;
}

// Eight octets at once: may one of them be a control character? A borrow may say
// so of the octet above one, and a tab is text; then they are looked at singly.
static bool may_have_control(uint64_t eight) {
    const uint64_t each = UINT64_MAX / 255; // times n: eight octets n
    uint64_t below = (eight - each * ' ') & ~eight;
    uint64_t del = eight ^ (each * 127); // zero where it was DEL
    del = (del - each) & ~del;
    return ((below | del) & (each * 128)) != 0;
}

size_t octets_of_text(const char *at, size_t size) {
    size_t n = 0;
    uint64_t eight;
    for (; size - n >= sizeof eight; n += sizeof eight) {
        memcpy(&eight, at + n, sizeof eight);
        if (may_have_control(eight)) {
            break;
        }
    }
    while (n < size && octet_is(at[n], OCTET_TEXT)) {
        n++;
    }
    return n;
}
