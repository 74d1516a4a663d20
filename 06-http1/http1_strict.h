// What a line must be besides well formed, and how long. The parser knows the
// grammar of a request and asks here, line by line, whether it makes sense. Each
// http1_check_ RETURNS HTTP1_CARRY_ON or HTTP1_REFUSED.
#ifndef HTTP1_STRICT_H
#define HTTP1_STRICT_H

#include "http1_parser.h"

// Notes the status and the reason. RETURNS HTTP1_REFUSED.
enum http1_event http1_refuse(struct http1_parser *p, int status,
                              const char *why);

// How far into the input the line of a state may reach, in octets.
size_t http1_longest_line(enum http1_state state);

// Whoever goes further is refused. start: the input. RETURNS HTTP1_REFUSED.
enum http1_event http1_refuse_long_line(struct http1_parser *p,
                                        struct span start);

enum http1_event http1_check_line(struct http1_parser *p, struct span method,
                                  struct span target, struct span version);

// All fields but Content-Length.
enum http1_event http1_check_field(struct http1_parser *p, struct span name,
                                   struct span value);

// All fields are here. Decides how the body is framed and whether the
// connection stays.
enum http1_event http1_check_head(struct http1_parser *p);

// What stands behind a chunk's size.
enum http1_event http1_check_extensions(struct http1_parser *p,
                                        struct span extensions);

#endif
