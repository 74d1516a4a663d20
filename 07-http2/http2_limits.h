// What one client may cost us, and why so much. Nothing else bounds what a
// connection holds: up to 4 MB while it is busy, 15 KB while it is new, and 40 KB
// when it has had many requests.
#ifndef HTTP2_LIMITS_H
#define HTTP2_LIMITS_H

enum {
    // Requests under way on one connection. RFC 9113 section 6.5.2 wants at least
    // 100. nghttp2 remembers as many streams that are closed, so that it knows a
    // frame that comes too late from one that was never allowed.
    max_requests = 100,

    // So much of the bodies may be on its way to us, for a stream and for all of
    // them: with less, a fast client waits for us to open the window. It costs no
    // memory, since bodies are not kept.
    receive_window = 1024 * 1024,

    // The header list of one request, counted as RFC 9113 section 6.5.2 says.
    // More gets status 431. Packed, a list can arrive four thousand times
    // smaller: a bomb. So reading it stops when even 431 is too much trouble.
    max_headers = 16 * 1024,
    max_headers_read = 64 * 1024,

    // All header text that a connection holds, with what each field costs
    // besides its text. As many requests as a browser may send at once need half
    // of it. Above, a request is refused and may be sent again. What nghttp2
    // unpacks can take seven times the memory of its text, at worst.
    max_header_text = 512 * 1024,
    cost_of_field = 128,

    // The part of a body that is kept and printed. The rest is only counted,
    // so a body may be as long as it likes.
    body_kept = 200,

    // A client must not make us work for nothing. Each frame that is neither a
    // new request nor a part of its body (a reset, a ping, settings, an opened
    // window, a request too many) costs a token, and a header list that is too
    // large costs what reading it has cost. Each second brings 100, and each
    // answer 2; so does a piece of an answer, if it is worth the two windows
    // opened for it. A client in its right mind never runs out of 1000.
    max_tokens = 1000,
    tokens_per_second = 100,
    tokens_per_answer = 2,
    tokens_for_large_list = 20,
    worthy_piece = 256,

    // A client has to get on with its requests, see http2_guard.c. So many
    // bytes of a body, or of an answer that it takes, are as good as a whole
    // request.
    bytes_of_progress = 64 * 1024,

    // Small blocks that are kept for the next request, see http2_memory.h: of
    // 8, 24 ... 504 bytes, and enough of each size for the requests that come
    // with one read. Little more than a megabyte at most, on each loop.
    kept_step = 16,
    kept_sizes = 32,
    kept_most = 128,

    // Output gathered for one write. A write costs as much as ten requests.
    write_size = 32 * 1024,
    // No client may make nghttp2 send a larger one.
    largest_frame = 9 + 16 * 1024,
};

#endif
