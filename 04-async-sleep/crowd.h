// Many sleepers at once, as tasks and as threads: what a sleeper costs.
#ifndef CROWD_H
#define CROWD_H

// Both let n sleepers sleep one to three seconds and print how long it took,
// how late the sleepers woke, and how much memory each one needed. They RETURN
// 0 if all who could be started have woken.
int crowd_of_tasks(long n);   // on the one worker of the executor
int crowd_of_threads(long n); // a thread for each

#endif
