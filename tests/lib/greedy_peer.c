/* greedy_peer: makes a learner that asks for far more than it needs, each time
 * it asks for chunks. LYCEUM_GREEDY says for what: "again": the same chunks,
 * 1,000 times; "strange": 1,024 chunks of an edition that nobody has, and a
 * course that nobody knows. Then the real request. Linked with
 * -Wl,--wrap=transport_send into a whole `lyceum`, for the end-to-end tests. */
#include <stdlib.h>
#include <string.h>

#include "node/driver/transport.h"
#include "node/wire/msg.h"

#define TIMES 1000u
#define FIRST_REQUEST 0x40000000u /* far from those that the core counts */

int __real_transport_send(struct transport *t, conn_no conn,
                          const uint8_t *data, size_t len);
int __wrap_transport_send(struct transport *t, conn_no conn,
                          const uint8_t *data, size_t len);

static void send_it(struct transport *t, conn_no conn, struct msg *m)
{
    static uint32_t request = FIRST_REQUEST;
    struct buf frame = BUF_INIT;

    if (m->type == MSG_WANT)
        m->u.want.request = request;
    else
        m->u.ask.request = request;
    request += MSG_WANT_MAX; /* a slot is answered by request + its place */
    if (msg_encode(m, &frame, NULL) == 0)
        (void)__real_transport_send(t, conn, frame.base, frame.len);
    buf_deinit(&frame);
}

static void ask_for_strange(struct transport *t, conn_no conn, struct msg m)
{
    struct msg ask = {.type = MSG_ASK};

    memset(ask.u.ask.course.b, 0x5a, sizeof ask.u.ask.course.b);
    memset(m.u.want.edition.b, 0xa5, sizeof m.u.want.edition.b);
    m.u.want.count = MSG_WANT_MAX;
    for (uint32_t i = 0; i < MSG_WANT_MAX; i++)
        m.u.want.slots[i] = i;
    for (int i = 0; i < 4; i++)
        send_it(t, conn, &m);
    send_it(t, conn, &ask);
}

int __wrap_transport_send(struct transport *t, conn_no conn,
                          const uint8_t *data, size_t len)
{
    const char *how = getenv("LYCEUM_GREEDY");
    struct msg m;

    if (how != NULL && msg_decode(data, len, &m, NULL) == 0 &&
        m.type == MSG_WANT) {
        if (strcmp(how, "strange") == 0)
            ask_for_strange(t, conn, m);
        for (uint32_t i = 0; i < TIMES && strcmp(how, "again") == 0; i++)
            send_it(t, conn, &m);
    }
    return __real_transport_send(t, conn, data, len);
}
