// The date that each answer carries (RFC 9110 section 6.6.1).
#ifndef HTTP_DATE_H
#define HTTP_DATE_H

// RETURNS such as "Sun, 06 Nov 1994 08:49:37 GMT": now. It stays as it is until
// this thread asks again.
const char *http_date(void);

#endif
