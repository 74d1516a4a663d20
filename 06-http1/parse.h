// The act `parse`: chapter 06's parser without a network.
#ifndef PARSE_H
#define PARSE_H

// Feeds the parser what comes on stdin, an octet at a time, and prints a row for
// each line, or octet of a body, that it takes, with the event that it tells.
// RETURNS the exit status: 1 if it refused what came, or if that ended in the middle
// of a request.
int parse_stdin(void);

#endif
