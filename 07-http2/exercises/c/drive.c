#define _POSIX_C_SOURCE 200809L
// The scene of 07c: two sessions, a server's and a client's, and no network. The body comes
// in bits, with pauses in between in which nothing is new. It is played with windows of
// several sizes: so much may be on its way.
#include "exercise.h"

#include <stdio.h>
#include <stdlib.h>

enum { bits = 10, bit_size = 13, all = bits * bit_size };

static struct source source;
static int asked, empty_frames, bit_frames;
static size_t most; // bytes that were given, beyond the room
static bool ended, failed;
static char body[1024];
static size_t body_size;

// The buffer has more room than we tell, so that who gives too much only shows it.
static ssize_t watch_read(nghttp2_session *session, int32_t stream,
                          uint8_t *buffer, size_t room, uint32_t *flags,
                          nghttp2_data_source *from, void *user_data) {
    uint8_t bytes[16384];
    if (room > sizeof bytes) {
        room = sizeof bytes;
    }
    asked++;
    ssize_t n =
        on_read_answer(session, stream, bytes, room, flags, from, user_data);
    if (n > (ssize_t)room) {
        most = (size_t)n - room > most ? (size_t)n - room : most;
        n = (ssize_t)room;
    }
    if (n > 0) {
        memcpy(buffer, bytes, (size_t)n);
    }
    return n;
}

static int on_request(nghttp2_session *session, const nghttp2_frame *frame,
                      void *user_data) {
    (void)user_data;
    if (frame->hd.type == NGHTTP2_HEADERS) {
        nghttp2_nv status = {(uint8_t *)":status", (uint8_t *)"200", 7, 3, 0};
        nghttp2_data_provider provider = {{.ptr = &source}, watch_read};
        source.session = session;
        source.stream = frame->hd.stream_id;
        return nghttp2_submit_response(session, frame->hd.stream_id, &status, 1,
                                       &provider);
    }
    return 0;
}

static int on_frame(nghttp2_session *session, const nghttp2_frame *frame,
                    void *user_data) {
    (void)session;
    (void)user_data;
    if (frame->hd.type == NGHTTP2_DATA) {
        bool last = (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;
        ended |= last;
        empty_frames += frame->hd.length == 0 && !last;
        bit_frames += frame->hd.length > 0;
    }
    failed |= frame->hd.type == NGHTTP2_RST_STREAM ||
              frame->hd.type == NGHTTP2_GOAWAY;
    return 0;
}

static int on_data(nghttp2_session *session, uint8_t flags, int32_t stream,
                   const uint8_t *bytes, size_t size, void *user_data) {
    (void)session;
    (void)flags;
    (void)stream;
    (void)user_data;
    if (body_size + size < sizeof body) {
        memcpy(body + body_size, bytes, size);
    }
    body_size += size;
    return 0;
}

static void move(nghttp2_session *from, nghttp2_session *to) {
    const uint8_t *bytes;
    ssize_t n;
    for (int i = 0; i < 300 && (n = nghttp2_session_mem_send(from, &bytes)) > 0;
         i++) {
        failed |= nghttp2_session_mem_recv(to, bytes, (size_t)n) < 0;
    }
}

static char wanted[all + 1];
static bool ends_alone; // that it was the last bit is known only later

static void add_bit(int number) {
    char bit[32];
    snprintf(bit, sizeof bit, "bit %05d of ", rand() % 100000);
    memcpy(wanted + number * bit_size, bit, bit_size);
    memcpy(source.bytes + source.size, bit, bit_size);
    source.size += bit_size;
    source.is_last = number == bits - 1 && !ends_alone;
    source_has_more(&source);
}

static void must(int error) {
    if (error != 0) {
        abort();
    }
}

static void begin(nghttp2_session *server, nghttp2_session *client,
                  uint32_t window) {
    const nghttp2_settings_entry little = {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE,
                                           window};
    const nghttp2_nv request[] = {
        {(uint8_t *)":method", (uint8_t *)"GET", 7, 3, 0},
        {(uint8_t *)":scheme", (uint8_t *)"http", 7, 4, 0},
        {(uint8_t *)":path", (uint8_t *)"/", 5, 1, 0},
        {(uint8_t *)":authority", (uint8_t *)"a", 10, 1, 0}};
    source = (struct source){0};
    asked = empty_frames = bit_frames = 0;
    most = body_size = 0;
    ended = failed = false;
    must(nghttp2_submit_settings(client, 0, &little, 1));
    must(nghttp2_submit_settings(server, 0, NULL, 0));
    if (nghttp2_submit_request(client, NULL, request, 4, NULL, NULL) < 0) {
        abort();
    }
}

// pauses: turns in which nothing is new, after each bit.
static void play(uint32_t window, int pauses) {
    nghttp2_session_callbacks *calls[2];
    nghttp2_session *server, *client;
    must(nghttp2_session_callbacks_new(&calls[0]));
    must(nghttp2_session_callbacks_new(&calls[1]));
    nghttp2_session_callbacks_set_on_frame_recv_callback(calls[0], on_request);
    nghttp2_session_callbacks_set_on_frame_recv_callback(calls[1], on_frame);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(calls[1],
                                                              on_data);
    must(nghttp2_session_server_new(&server, calls[0], NULL));
    must(nghttp2_session_client_new(&client, calls[1], NULL));
    begin(server, client, window);
    for (int i = 0; i < bits; i++) {
        for (int j = 0; j < pauses; j++) {
            move(client, server);
            move(server, client);
        }
        add_bit(i);
    }
    for (int j = 0; j < 40; j++) {
        move(server, client);
        move(client, server);
    }
    if (ends_alone) {
        source.is_last = true;
        source_has_more(&source);
        move(server, client);
    }
    printf("window %u, %d pauses%s: %zu bytes of %d, %s, %s\n",
           (unsigned)window, pauses, ends_alone ? ", the end alone" : "",
           body_size, all,
           body_size == all && memcmp(body, wanted, all) == 0 ? "the same"
                                                              : "not the same",
           failed  ? "and it failed"
           : ended ? "and the end"
                   : "and no end");
    printf("empty frames %d, beyond the room %zu, asked %d times\n",
           empty_frames, most, asked);
    nghttp2_session_del(server);
    nghttp2_session_del(client);
    nghttp2_session_callbacks_del(calls[0]);
    nghttp2_session_callbacks_del(calls[1]);
}

int main(void) {
    play(65535, 3);
    play(8, 3);
    play(65535, 1);
    ends_alone = true;
    play(65535, 3);
    return 0;
}
