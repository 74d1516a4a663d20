// What a request's line and fields mean for the way it is read. The parser
// knows the grammar of a request and asks here, line by line, whether it makes
// sense. Each of these RETURNS HTTP1_MORE to go on, or HTTP1_REFUSED.
#ifndef HTTP1_RULES_H
#define HTTP1_RULES_H

#include "http1_parser.h"

// Notes the status and the reason. RETURNS HTTP1_REFUSED.
enum http1_event http1_refuse(struct http1_parser *p, int status,
                              const char *why);

enum http1_event http1_check_line(struct http1_parser *p, struct span method,
                                  struct span target, struct span version);

enum http1_event http1_check_field(struct http1_parser *p, struct span name,
                                   struct span value);

// All fields are here. Decides how the body is framed and whether the
// connection stays.
enum http1_event http1_check_head(struct http1_parser *p);

// What stands behind a chunk's size.
enum http1_event http1_check_extensions(struct http1_parser *p,
                                        struct span extensions);

#endif
