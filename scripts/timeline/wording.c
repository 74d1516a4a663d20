#define _POSIX_C_SOURCE 200809L
// See wording.h. The one legend of the workbook is the two tables here.
#include "wording.h"
#include "need.h"

#include <stdlib.h>
#include <string.h>

// ---- Numbers ----

void put_time(FILE *out, double us) {
    if (us >= 100e6) {
        fprintf(out, "%.0f s", us / 1e6);
    } else if (us >= 99.5e3) {
        fprintf(out, "%.2f s", us / 1e6);
    } else if (us >= 1e3) {
        fprintf(out, "%.0f ms", us / 1e3);
    } else {
        fprintf(out, "%.0f us", us);
    }
}

void put_number(FILE *out, double number) {
    char digits[40];
    int length = snprintf(digits, sizeof digits, "%.0f", number);
    for (int i = 0; i < length; i++) {
        fputs(i > 0 && (length - i) % 3 == 0 ? "," : "", out);
        fputc(digits[i], out);
    }
}

void put_count(FILE *out, double count, const char *what) {
    put_number(out, count);
    fprintf(out, " %s%s", what, count == 1 ? "" : "s");
}

double scale_step(double total, int most) {
    static const double steps[] = {1, 2, 5};
    for (double ten = 1;; ten *= 10) {
        for (int i = 0; i < 3; i++) {
            if (total / (steps[i] * ten) <= most) {
                return steps[i] * ten;
            }
        }
    }
}

void format_tick(char *text, size_t size, double time, double step) {
    if (step >= 1e6) {
        snprintf(text, size, "%.0f s", time / 1e6);
    } else if (step >= 1e5) {
        snprintf(text, size, "%.1f s", time / 1e6);
    } else if (step >= 1e3) {
        snprintf(text, size, "%.0f ms", time / 1e3);
    } else {
        snprintf(text, size, "%.0f us", time);
    }
}

// ---- The run ----

void put_title(FILE *out, const struct trace *t) {
    bool both = t->program[0] != '\0' && t->act[0] != '\0';
    bool none = t->program[0] == '\0' && t->act[0] == '\0';
    fprintf(out, "%s%s%s", t->program, both ? " " : "", t->act);
    fputs(none ? "a run without a name" : "", out);
}

static void put_end(FILE *out, const struct trace *t) {
    if (!t->ended) {
        fputs("; the run was cut short", out);
    } else if (t->status != 0) {
        fprintf(out, "; it ended with status %d", t->status);
    }
    if (t->unread > 0) {
        fputs("; ", out);
        put_count(out, (double)t->unread, "line");
        fputs(" could not be read", out);
    }
}

void put_totals(FILE *out, const struct trace *t) {
    put_time(out, t->wall + t->left_out);
    fputs(" by the clock", out);
    if (t->left_out > 0) {
        fputs(" (", out);
        put_time(out, t->left_out);
        fputs(" without a client left out)", out);
    }
    if (t->cpu >= 0) {
        fputs(", ", out);
        put_time(out, t->cpu);
        fputs(" of CPU", out);
    }
    if (t->polls > 0) {
        fputs(", ", out);
        put_count(out, t->polls, "poll");
    }
    put_end(out, t);
    fputs(".", out);
}

// ---- The legend ----

static const struct {
    char glyph;
    const char *meaning;
    const char *verb;
} state_table[states] = {
    [ASLEEP] = {'=', "asleep", "slept"},
    [WAITING] = {'.', "waiting for a thread", "waited for a thread"},
    [CPU] = {'#', "using the CPU", "used the CPU"},
    [READY] = {'?', "in line, but nobody runs it", "stood in line"},
    [PARKED] = {'~', "waiting, in nobody's way", "waited in nobody's way"},
};

static const struct {
    char glyph;
    const char *meaning;
} mark_table[marks] = {
    [MARK_NONE] = {' ', ""},
    [MARK_BORDER] = {'|', ""},
    [MARK_POLL] = {'+', "a poll or callback"},
    [MARK_BYTES_OUT] = {'<', "bytes out"},
    [MARK_BYTES_IN] = {'>', "bytes in"},
    [MARK_START] = {'o', "start"},
    [MARK_END] = {'*', "end"},
    [MARK_STOLEN] = {'^', "stolen"},
    [MARK_CANCELLED] = {'x', "cancelled"},
    [MARK_PANIC] = {'!', "panic"},
};

const char *where_inside(const char *name) {
    bool is_future =
        strncmp(name, "task", 4) == 0 || strncmp(name, "future", 6) == 0;
    return is_future ? "inside" : "in a callback for";
}

char state_glyph(enum state state) {
    return state == NO_STATE ? ' ' : state_table[state].glyph;
}

char mark_glyph(enum mark mark) {
    return mark_table[mark].glyph;
}

const char *state_meaning(enum state state) {
    return state == NO_STATE ? "not there" : state_table[state].meaning;
}

const char *state_verb(enum state state) {
    return state == NO_STATE ? "was not there" : state_table[state].verb;
}

const char *mark_meaning(enum mark mark) {
    return mark_table[mark].meaning;
}

void format_partner(char *text, size_t size, const struct span *s) {
    if (s->inside != NULL) {
        snprintf(text, size, "in %s", s->inside);
    } else if (s->with != NULL) {
        snprintf(text, size, "%s", s->with);
    } else if (s->awaits != NULL) {
        snprintf(text, size, "for %s", s->awaits);
    } else {
        text[0] = '\0';
    }
}

// ---- Lines ----

static bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

// A name and its number, a number and its unit: "task 1", "from 2.00 s".
static bool belong_together(const char *word, const char *next) {
    size_t unit = strspn(next, "mus");
    bool is_unit = unit > 0 && strchr(" .,;", next[unit]) != NULL;
    return is_digit(next[0]) || (is_digit(word[0]) && is_unit);
}

// How much of the text must stand in one line. Names can be all digits, so
// there is an end to it.
static int piece_of(const char *text) {
    const size_t longest = 30;
    size_t piece = strcspn(text, " ");
    size_t start = 0;
    while (piece < longest && text[piece] == ' ' &&
           belong_together(text + start, text + piece + 1)) {
        start = piece + 1;
        piece = start + strcspn(text + start, " ");
    }
    return (int)piece;
}

void put_wrapped(FILE *out, const char *text, int width, int indent) {
    int column = 0;
    int line_start = 0;
    while (*text != '\0') {
        int piece = piece_of(text);
        if (column > line_start && column + 1 + piece > width) {
            fprintf(out, "\n%*s", indent, "");
            column = line_start = indent;
        } else if (column > line_start) {
            fputc(' ', out);
            column++;
        }
        fprintf(out, "%.*s", piece, text);
        column += piece;
        text += piece;
        text += strspn(text, " ");
    }
    fputc('\n', out);
}

void put_paragraph(FILE *out, paragraph *put, const struct trace *t, int width,
                   int indent) {
    char *text = NULL;
    size_t size = 0;
    FILE *line = need(open_memstream(&text, &size));
    put(line, t);
    fclose(line);
    put_wrapped(out, text, width, indent);
    free(text);
}
