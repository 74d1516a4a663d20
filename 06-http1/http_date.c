#define _POSIX_C_SOURCE 200809L
// The date changes once a second, so its text is made once a second. Each
// thread has its own, since they run side by side.
#include "http_date.h"

#include <time.h>

const char *http_date(void) {
    static _Thread_local time_t made;
    static _Thread_local char text[40];
    time_t now = time(NULL);
    struct tm tm;
    if (now != made && gmtime_r(&now, &tm) != NULL) {
        strftime(text, sizeof text, "%a, %d %b %Y %H:%M:%S GMT", &tm);
        made = now;
    }
    return text;
}
