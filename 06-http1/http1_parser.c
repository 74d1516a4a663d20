// How an HTTP/1 request is read: line by line while the head comes in, then
// the body by its length or by its chunks. Sections are those of RFC 9112.
#include "http1_parser.h"

#include <string.h>
#include <strings.h>

void http1_parser_init(struct http1_parser *p) {
    // Not the headers: they are written before they are read, and clearing
    // them would cost more than parsing a small request.
    memset(&p->request, 0, offsetof(struct http1_request, headers));
    memset((char *)p + offsetof(struct http1_parser, line), 0,
           sizeof *p - offsetof(struct http1_parser, line));
}

// ---- Octets ----

// RFC 9110 section 5.6.2: what a method or a header's name is made of.
static const bool is_token[256] = {
    ['!'] = 1, ['#'] = 1, ['$'] = 1, ['%'] = 1, ['&'] = 1, ['\''] = 1,
    ['*'] = 1, ['+'] = 1, ['-'] = 1, ['.'] = 1, ['^'] = 1, ['_'] = 1,
    ['`'] = 1, ['|'] = 1, ['~'] = 1, ['0'] = 1, ['1'] = 1, ['2'] = 1,
    ['3'] = 1, ['4'] = 1, ['5'] = 1, ['6'] = 1, ['7'] = 1, ['8'] = 1,
    ['9'] = 1, ['A'] = 1, ['B'] = 1, ['C'] = 1, ['D'] = 1, ['E'] = 1,
    ['F'] = 1, ['G'] = 1, ['H'] = 1, ['I'] = 1, ['J'] = 1, ['K'] = 1,
    ['L'] = 1, ['M'] = 1, ['N'] = 1, ['O'] = 1, ['P'] = 1, ['Q'] = 1,
    ['R'] = 1, ['S'] = 1, ['T'] = 1, ['U'] = 1, ['V'] = 1, ['W'] = 1,
    ['X'] = 1, ['Y'] = 1, ['Z'] = 1, ['a'] = 1, ['b'] = 1, ['c'] = 1,
    ['d'] = 1, ['e'] = 1, ['f'] = 1, ['g'] = 1, ['h'] = 1, ['i'] = 1,
    ['j'] = 1, ['k'] = 1, ['l'] = 1, ['m'] = 1, ['n'] = 1, ['o'] = 1,
    ['p'] = 1, ['q'] = 1, ['r'] = 1, ['s'] = 1, ['t'] = 1, ['u'] = 1,
    ['v'] = 1, ['w'] = 1, ['x'] = 1, ['y'] = 1, ['z'] = 1,
};

static bool token(unsigned char c) {
    return is_token[c];
}

static bool visible(unsigned char c) {
    return c > ' ' && c < 127;
}

// What a header's value may hold: no control character but the tab.
static bool text(unsigned char c) {
    return c == '\t' || (c >= ' ' && c != 127);
}

static bool blank(char c) {
    return c == ' ' || c == '\t';
}

static size_t span_of(bool allowed(unsigned char), const char *s, size_t n) {
    size_t i = 0;
    while (i < n && allowed((unsigned char)s[i])) {
        i++;
    }
    return i;
}

static bool same(const char *s, size_t n, const char *word) {
    return n == strlen(word) && strncasecmp(s, word, n) == 0;
}

// ---- The request line, section 3 ----

static bool target_fits(const char *method, size_t method_size,
                        const char *target, size_t size) {
    if (target[0] == '/' || same(method, method_size, "CONNECT")) {
        return true;
    }
    if (size == 1 && target[0] == '*') {
        return same(method, method_size, "OPTIONS");
    }
    return (size > 7 && strncasecmp(target, "http://", 7) == 0) ||
           (size > 8 && strncasecmp(target, "https://", 8) == 0);
}

static int parse_version(struct http1_request *r, const char *s, size_t n) {
    if (n != 8 || memcmp(s, "HTTP/", 5) != 0 || s[6] != '.' || s[5] < '0' ||
        s[5] > '9' || s[7] < '0' || s[7] > '9') {
        return -400;
    }
    if (s[5] != '1') {
        return -505;
    }
    r->minor_version = s[7] != '0'; // 1.2 would be treated as 1.1
    return 0;
}

// method SP target SP version, with one space each.
static int parse_request_line(struct http1_parser *p, const char *head,
                              size_t n) {
    struct http1_request *r = &p->request;
    const char *line = head + p->line;
    size_t method = span_of(token, line, n);
    if (method == 0 || method == n || line[method] != ' ') {
        return -400;
    }
    const char *target = line + method + 1;
    size_t rest = n - method - 1;
    size_t size = span_of(visible, target, rest);
    if (size == 0 || size == rest || target[size] != ' ' ||
        !target_fits(line, method, target, size)) {
        return -400;
    }
    r->method = (struct http1_span){p->line, (uint32_t)method};
    r->target = (struct http1_span){(uint32_t)(target - head), (uint32_t)size};
    r->is_head = method == 4 && memcmp(line, "HEAD", 4) == 0;
    r->is_connect = method == 7 && memcmp(line, "CONNECT", 7) == 0;
    return parse_version(r, target + size + 1, rest - size - 1);
}

// ---- The headers that change how we read, sections 6 and 9 ----

static int on_host(struct http1_parser *p, const char *s, size_t n) {
    if (p->has_host || span_of(visible, s, n) != n ||
        memchr(s, ',', n) != NULL || memchr(s, '/', n) != NULL) {
        return -400;
    }
    p->has_host = true;
    return 0;
}

// One number; not two, not a list, no sign. Two readers that disagree about a
// body's length would disagree about where the next request begins.
static int on_content_length(struct http1_parser *p, const char *s, size_t n) {
    uint64_t length = 0;
    if (p->has_length || n == 0) {
        return -400;
    }
    for (size_t i = 0; i < n; i++) {
        if (s[i] < '0' || s[i] > '9') {
            return -400;
        }
        if (length <= HTTP1_MAX_BODY) { // more digits cannot make it fit
            length = length * 10 + (uint64_t)(s[i] - '0');
        }
    }
    p->has_length = true;
    p->request.content_length = length;
    return length > HTTP1_MAX_BODY ? -413 : 0;
}

static int on_transfer_encoding(struct http1_parser *p, const char *s,
                                size_t n) {
    if (p->request.chunked || p->request.minor_version == 0) {
        return -400;
    }
    if (!same(s, n, "chunked")) {
        return -501;
    }
    p->request.chunked = true;
    return 0;
}

static int on_connection(struct http1_parser *p, const char *s, size_t n) {
    for (size_t i = 0; i < n;) {
        size_t word = span_of(token, s + i, n - i);
        p->close_asked |= same(s + i, word, "close");
        p->keep_asked |= same(s + i, word, "keep-alive");
        i += word;
        if (i < n && s[i] != ',' && !blank(s[i])) {
            return -400;
        }
        i += i < n;
    }
    return 0;
}

static int on_expect(struct http1_parser *p, const char *s, size_t n) {
    if (!same(s, n, "100-continue")) {
        return -417;
    }
    p->request.expect_continue = p->request.minor_version > 0;
    return 0;
}

static int note_header(struct http1_parser *p, const char *name, size_t n,
                       const char *value, size_t size) {
    static const struct {
        const char *name;
        size_t length;
        int (*note)(struct http1_parser *, const char *, size_t);
    } known[] = {
        {"host", 4, on_host},
        {"expect", 6, on_expect},
        {"connection", 10, on_connection},
        {"content-length", 14, on_content_length},
        {"transfer-encoding", 17, on_transfer_encoding},
    };
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        if (n == known[i].length && strncasecmp(name, known[i].name, n) == 0) {
            return known[i].note(p, value, size);
        }
    }
    return 0;
}

// name ":" blanks value blanks, section 5. No blank before the colon, and no
// line that continues the one before: both have been used to smuggle.
static int parse_header(struct http1_parser *p, const char *head, size_t n) {
    struct http1_request *r = &p->request;
    const char *line = head + p->line;
    size_t name = span_of(token, line, n);
    if (name == 0 || name == n || line[name] != ':') {
        return -400;
    }
    size_t start = name + 1, end = n;
    while (start < end && blank(line[start])) {
        start++;
    }
    while (end > start && blank(line[end - 1])) {
        end--;
    }
    if (span_of(text, line + start, end - start) != end - start) {
        return -400;
    }
    if (r->header_count == http1_max_headers) {
        return -431;
    }
    r->headers[r->header_count++] = (struct http1_header){
        {p->line, (uint32_t)name},
        {p->line + (uint32_t)start, (uint32_t)(end - start)}};
    return note_header(p, line, name, line + start, end - start);
}

// The empty line: is it a request as a whole? RETURNS 0 or minus a status.
static int check_request(struct http1_parser *p) {
    struct http1_request *r = &p->request;
    if ((r->minor_version > 0 && !p->has_host) ||
        (r->chunked && p->has_length)) {
        return -400;
    }
    r->keep_alive = !p->close_asked && (r->minor_version > 0 || p->keep_asked);
    r->expect_continue &= r->chunked || r->content_length > 0;
    p->left = r->content_length;
    return 0;
}

// ---- The head, line by line ----

// One line without its end. RETURNS 0, minus a status, or 1 at the empty line.
static int parse_line(struct http1_parser *p, const char *head, size_t n) {
    if (!p->has_request_line) {
        // Section 2.2: an empty line before a request is skipped, once.
        if (n == 0) {
            return p->line == 0 ? 0 : -400;
        }
        p->has_request_line = true;
        return parse_request_line(p, head, n);
    }
    if (n == 0) {
        int error = check_request(p);
        return error != 0 ? error : 1;
    }
    return parse_header(p, head, n);
}

static int check_limits(const struct http1_parser *p, size_t size) {
    if (!p->has_request_line && size > http1_max_line) {
        return -414;
    }
    return size > http1_max_head ? -431 : 0;
}

int http1_parse_head(struct http1_parser *p, const char *head, size_t size) {
    for (;;) {
        const char *end = memchr(head + p->scanned, '\n', size - p->scanned);
        size_t so_far = end != NULL ? (size_t)(end - head) + 1 : size;
        int error = check_limits(p, so_far);
        if (error != 0) {
            return error;
        }
        if (end == NULL) {
            p->scanned = (uint32_t)size;
            return 0;
        }
        if (so_far < p->line + 2 || end[-1] != '\r') {
            return -400;
        }
        int result = parse_line(p, head, so_far - 2 - p->line);
        p->line = p->scanned = (uint32_t)so_far;
        if (result != 0) {
            return result < 0 ? result : (int)so_far;
        }
    }
}

// ---- The body, sections 6 and 7 ----

enum chunk_state {
    SIZE_FIRST, // the first digit of a chunk's size
    SIZE,       // more digits
    EXTENSION,  // ";" and what we ignore
    SIZE_LF,    // the end of the size line
    DATA,       // the chunk itself
    DATA_CR,    // the end of the chunk
    DATA_LF,
    TRAILER_FIRST, // a trailer, or the end
    TRAILER_NAME,
    TRAILER_VALUE,
    TRAILER_LF,
    END_LF, // the last byte
};

static int hex(unsigned char c) {
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static int add_digit(struct http1_parser *p, unsigned char c) {
    if (hex(c) < 0) {
        return -400;
    }
    p->left = p->left * 16 + (uint64_t)hex(c);
    p->chunk_state = SIZE;
    return p->total + p->left > HTTP1_MAX_BODY ? -413 : 0;
}

// After the size, or between extensions.
static int end_size(struct http1_parser *p, unsigned char c) {
    if (c == '\r') {
        p->chunk_state = SIZE_LF;
    } else if (c == ';' || p->chunk_state == EXTENSION) {
        p->chunk_state = EXTENSION;
        return text(c) ? 0 : -400;
    } else {
        return add_digit(p, c);
    }
    return 0;
}

static int expect_octet(struct http1_parser *p, unsigned char c, char wanted,
                        enum chunk_state next) {
    p->chunk_state = next;
    return c == (unsigned char)wanted ? 0 : -400;
}

static int trailer_octet(struct http1_parser *p, unsigned char c) {
    if (p->chunk_state == TRAILER_VALUE) {
        p->chunk_state = c == '\r' ? TRAILER_LF : TRAILER_VALUE;
        return c == '\r' || text(c) ? 0 : -400;
    }
    if (p->chunk_state == TRAILER_NAME && c == ':') {
        p->chunk_state = TRAILER_VALUE;
        return 0;
    }
    p->chunk_state = TRAILER_NAME;
    return token(c) ? 0 : -400;
}

// One octet that is not data. RETURNS 1 at the end of the body.
static int chunk_octet(struct http1_parser *p, unsigned char c) {
    switch ((enum chunk_state)p->chunk_state) {
    case SIZE_FIRST:
        p->left = 0;
        return add_digit(p, c);
    case SIZE:
    case EXTENSION:
        return end_size(p, c);
    case SIZE_LF:
        p->extra = 0;
        return expect_octet(p, c, '\n', p->left > 0 ? DATA : TRAILER_FIRST);
    case DATA:
        return -400; // not for this function
    case DATA_CR:
        return expect_octet(p, c, '\r', DATA_LF);
    case DATA_LF:
        p->extra = 0;
        return expect_octet(p, c, '\n', SIZE_FIRST);
    case TRAILER_FIRST:
        if (c == '\r') {
            p->chunk_state = END_LF;
            return 0;
        }
        return trailer_octet(p, c);
    case TRAILER_NAME:
    case TRAILER_VALUE:
        return trailer_octet(p, c);
    case TRAILER_LF:
        return expect_octet(p, c, '\n', TRAILER_FIRST);
    case END_LF:
        return c == '\n' ? 1 : -400;
    }
    return -400;
}

static int check_extra(struct http1_parser *p) {
    p->extra++;
    if (p->chunk_state >= TRAILER_FIRST) {
        return p->extra > http1_max_trailers ? -431 : 0;
    }
    return p->extra > http1_max_chunk_line ? -400 : 0;
}

static size_t take_data(struct http1_parser *p, size_t size) {
    size_t n = p->left < size ? (size_t)p->left : size;
    p->left -= n;
    p->total += n;
    return n;
}

static int parse_chunks(struct http1_parser *p, const char *bytes, size_t size,
                        size_t *used, const char **data, size_t *data_size) {
    while (*used < size) {
        if (p->chunk_state == DATA) {
            *data = bytes + *used;
            *data_size = take_data(p, size - *used);
            *used += *data_size;
            p->chunk_state = p->left > 0 ? DATA : DATA_CR;
            return 0;
        }
        int error = check_extra(p);
        int result = chunk_octet(p, (unsigned char)bytes[(*used)++]);
        if (error != 0 || result != 0) {
            return result < 0 || error == 0 ? result : error;
        }
    }
    return 0;
}

int http1_parse_body(struct http1_parser *p, const char *bytes, size_t size,
                     size_t *used, const char **data, size_t *data_size) {
    *used = *data_size = 0;
    *data = bytes;
    if (p->request.chunked) {
        return parse_chunks(p, bytes, size, used, data, data_size);
    }
    *used = *data_size = take_data(p, size);
    return p->left == 0 ? 1 : 0;
}
