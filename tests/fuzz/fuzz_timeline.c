#define _POSIX_C_SOURCE 200809L
// Fuzzer for the renderer: whatever a file holds, the picture keeps within its
// columns and its characters, and the page has no markup that is not ours.
// modules: scripts/timeline trace crop json cells ascii words svg notice measure wording need
#include "ascii.h"
#include "need.h"
#include "svg.h"
#include "trace.h"
#include "words.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static void check(bool good) {
    if (!good) {
        abort();
    }
}

// Lines of printable ASCII, none longer than a page is wide.
static void check_lines(const char *text) {
    while (*text != '\0') {
        size_t length = strcspn(text, "\n");
        check(length <= 78);
        for (size_t i = 0; i < length; i++) {
            check(text[i] >= ' ' && text[i] < 127);
        }
        text += length + (text[length] == '\n');
    }
}

static void check_page(const char *svg) {
    size_t opened = 0;
    size_t closed = 0;
    for (; *svg != '\0'; svg++) {
        opened += *svg == '<';
        closed += *svg == '>';
        check(*svg == '\n' || (*svg >= ' ' && *svg < 127));
    }
    check(opened == closed);
}

static void draw(const struct trace *t) {
    char *text = NULL;
    char *page = NULL;
    size_t size = 0;
    FILE *out = need(open_memstream(&text, &size));
    ascii_draw(out, t, 1, false);
    words_tell(out, t, 1);
    fclose(out);
    check_lines(text);
    out = need(open_memstream(&page, &size));
    svg_draw(out, t, 1);
    fclose(out);
    check_page(page);
    free(page);
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    struct trace t;
    char *text = need(malloc(size + 2));
    text[0] = '['; // or most inputs would be refused at once
    memcpy(text + 1, bytes, size);
    if (trace_parse(&t, text, size + 1) == NULL) {
        draw(&t);
    }
    trace_free(&t);
    return 0;
}
