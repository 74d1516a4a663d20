// A token bucket: what somebody may do costs tokens, time brings new ones, and
// the bucket holds only so many. So a burst is allowed, and a flood is not.
#ifndef TOKEN_BUCKET_H
#define TOKEN_BUCKET_H

#include <stdbool.h>
#include <stdint.h>

struct token_bucket {
    int tokens;
    uint64_t counted; // the time up to which new ones have come, milliseconds
};

// Times are of uv_now. RETURNS false if there were not that many left.
bool token_bucket_take(struct token_bucket *b, uint64_t now, int cost);

void token_bucket_give(struct token_bucket *b, int more);

#endif
