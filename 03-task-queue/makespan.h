// The act `stealing`: one load of unequal tasks on three executors.
#ifndef MAKESPAN_H
#define MAKESPAN_H

// Prints who ran what, and how long each executor took for all of it, which is
// called its makespan. RETURNS 0 if every task was done.
int play_stealing(void);

#endif
