#define _POSIX_C_SOURCE 200809L
// No timer fills it: how many tokens have come is found when some are taken.
#include "token_bucket.h"

#include "http2_limits.h"

void token_bucket_give(struct token_bucket *b, int more) {
    int room = max_tokens - b->tokens;
    b->tokens += more < room ? more : room;
}

bool token_bucket_take(struct token_bucket *b, uint64_t now, int cost) {
    uint64_t come = (now - b->counted) * tokens_per_second / 1000;
    b->counted += come * 1000 / tokens_per_second; // the rest counts later
    token_bucket_give(b, come < max_tokens ? (int)come : max_tokens);
    if (b->tokens < cost) {
        return false;
    }
    b->tokens -= cost;
    return true;
}
