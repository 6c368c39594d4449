#include "simulations/describe.h"

#include <stdio.h>

#include "node/wire/msg.h"

#define PUT(...) (void)snprintf(out, DESCRIBE_MAX, __VA_ARGS__)

/* Two bytes of an id are enough to tell things of one world apart. */
static unsigned brief(const uint8_t *id)
{
    return (unsigned)id[0] << 8 | id[1];
}

static uint32_t claimed(const struct msg *m)
{
    uint32_t n = 0;

    for (size_t i = 0; i < m->u.have.count; i++)
        for (uint32_t k = 0; k < m->u.have.windows[i].bit_count; k++)
            n += m->u.have.windows[i].bits[k / 8] >> (7 - k % 8) & 1;
    return n;
}

static void describe(const struct msg *m, char *out)
{
    switch (m->type) {
    case MSG_HELLO:
        PUT("HELLO port=%u", m->u.hello.listen_port);
        break;
    case MSG_ASK:
        PUT("ASK r=%u c=%04x", m->u.ask.request, brief(m->u.ask.course.b));
        break;
    case MSG_RECORDS:
        PUT("RECORDS r=%u n=%zu", m->u.records.request, m->u.records.count);
        break;
    case MSG_HAVE:
        if (m->u.have.all)
            PUT("HAVE e=%04x all of %u", brief(m->u.have.edition.b),
                m->u.have.slots);
        else
            PUT("HAVE e=%04x %u of %u", brief(m->u.have.edition.b), claimed(m),
                m->u.have.slots);
        break;
    case MSG_WANT:
        PUT("WANT e=%04x r=%u slots=%zu first=%u", brief(m->u.want.edition.b),
            m->u.want.request, m->u.want.count, m->u.want.slots[0]);
        break;
    case MSG_CHUNK:
        PUT("CHUNK r=%u len=%zu", m->u.chunk.request, m->u.chunk.stored.len);
        break;
    case MSG_REFUSE:
        PUT("REFUSE r=%u n=%u why=%d", m->u.refuse.request, m->u.refuse.count,
            (int)m->u.refuse.reason);
        break;
    case MSG_PEERS:
        PUT("PEERS c=%04x n=%zu", brief(m->u.peers.course.b), m->u.peers.count);
        break;
    case MSG_CANCEL:
        PUT("CANCEL r=%u n=%u", m->u.cancel.request, m->u.cancel.count);
        break;
    case MSG_UNSUPPORTED:
        PUT("UNSUPPORTED type=%u", m->u.unsupported.type);
        break;
    }
}

void describe_frame(const uint8_t *data, size_t len, char out[DESCRIBE_MAX])
{
    struct msg m;

    if (msg_decode(data, len, &m, NULL) == 0)
        describe(&m, out);
    else
        PUT("garbage type=%u len=%zu", len != 0 ? data[0] : 0u, len);
}

const char *describe_notice(enum core_notice n)
{
    switch (n) {
    case NOTICE_EDITION:
        return "edition known";
    case NOTICE_MANIFEST:
        return "manifest known";
    case NOTICE_PROGRESS:
        return "progress";
    case NOTICE_COMPLETE:
        return "complete";
    case NOTICE_NO_PEERS:
        return "no peers";
    case NOTICE_NO_SOURCE:
        return "no source";
    case NOTICE_BAD_EDITION:
        return "bad edition";
    case NOTICE_UNKNOWN_COURSE:
        return "unknown course";
    case NOTICE_WITHDRAWN:
        return "withdrawn";
    }
    return "?";
}
