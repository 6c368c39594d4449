#include "simulations/sim_node_version.h"

#include <string.h>

#include "crypto/cbor.h"
#include "node/wire/msg.h"
#include "simulations/invariants.h"
#include "simulations/sim_node_internal.h"

#define MAP_OF_NONE 0xa0u
#define SMALL 23u       /* pairs of a map whose head is one byte */
#define KEY_BEFORE 0    /* below all that we know ... */
#define KEY_BEHIND 99   /* ... and above */
#define EXTRA_BYTES 64u /* at most, of both */
#define BEFORE_ANSWER 2 /* of a type, until UNSUPPORTED may have come */
#define HEARD_US UINT64_C(5000000) /* until the other has UNSUPPORTED */
#define NOT_KNOWN_MAX 10           /* SPEC 6, of whoever receives it */

/* Of a later version: those that PROTOCOL.md keeps, and those it does not. */
static const uint8_t strange_types[SIM_STRANGE_TYPES] = {0x0b, 0x20, 0x40,
                                                         0xfe};

static void send(struct sim_node *n, const struct sim_conn *to,
                 const struct buf *b)
{
    (void)sim_net_send(n->env->net, n->host, to->no, b->base, b->len, false);
}

/* ---- the later one ----------------------------------------------------------
 */

/* A map with something of each kind in it. */
static void put_something(struct sim_node *n, struct buf *out)
{
    switch (rng_below(&n->rng, 4)) {
    case 0:
        cbor_put_uint(out, rng_next(&n->rng));
        break;
    case 1:
        cbor_put_text(out, "of a later version", 18);
        break;
    case 2:
        cbor_put_array(out, 2);
        cbor_put_bool(out, true);
        cbor_put_bytes(out, n->key.b, 8);
        break;
    default:
        cbor_put_map(out, 1);
        cbor_put_uint(out, 1);
        cbor_put_array(out, 0);
    }
}

/* @frame: a control message; the same with keys that nobody knows yet. */
static void add_keys(struct sim_node *n, struct span frame, struct buf *out)
{
    unsigned coins = (unsigned)rng_below(&n->rng, 4);
    uint8_t pairs = (uint8_t)(frame.p[1] - MAP_OF_NONE);
    uint8_t head[2] = {frame.p[0], 0};

    if (pairs + 2u > SMALL || frame.len + EXTRA_BYTES > MSG_CONTROL_MAX)
        coins = 0;
    head[1] = (uint8_t)(MAP_OF_NONE + pairs + (coins & 1) + (coins >> 1));
    (void)buf_append(out, head, sizeof head);
    if ((coins & 1) != 0) {
        cbor_put_uint(out, KEY_BEFORE);
        put_something(n, out);
    }
    (void)buf_append(out, frame.p + 2, frame.len - 2);
    if ((coins & 2) != 0) {
        cbor_put_uint(out, KEY_BEHIND);
        put_something(n, out);
    }
}

/* Records of a type that nobody knows yet, among the others. */
static void add_record(struct sim_node *n, struct span *frame, struct buf *room)
{
    struct span omen = buf_span(&n->env->kit->omen);
    struct msg m;
    size_t at;

    if (frame->p[0] != MSG_RECORDS || omen.len == 0 ||
        frame->len + omen.len + EXTRA_BYTES > MSG_CONTROL_MAX ||
        msg_decode(frame->p, frame->len, &m, NULL) != 0 ||
        m.u.records.count == 0 || m.u.records.count == MSG_RECORDS_MAX)
        return;
    at = (size_t)rng_below(&n->rng, m.u.records.count + 1);
    for (size_t i = m.u.records.count++; i > at; i--)
        m.u.records.list[i] = m.u.records.list[i - 1];
    m.u.records.list[at] = omen;
    if (msg_encode(&m, room, NULL) == 0)
        *frame = buf_span(room);
}

static void say_strange(struct sim_node *n, struct sim_conn *to)
{
    size_t i = (size_t)rng_below(&n->rng, 2 * SIM_STRANGE_TYPES);
    struct buf b = BUF_INIT;

    if (i >= SIM_STRANGE_TYPES || to->talk.refused[i] ||
        to->talk.strange[i] == BEFORE_ANSWER)
        return;
    to->talk.strange[i]++;
    (void)buf_append(&b, &strange_types[i], 1);
    if (i != 0) /* nothing is said of the body of one */
        put_something(n, &b);
    send(n, to, &b);
    buf_deinit(&b);
}

static void say_later(struct sim_node *n, struct sim_conn *to,
                      struct span frame)
{
    struct buf room = BUF_INIT;
    struct buf b = BUF_INIT;

    if (to->talk.greeted)
        say_strange(n, to);
    add_record(n, &frame, &room);
    add_keys(n, frame, &b);
    send(n, to, &b);
    buf_deinit(&b);
    buf_deinit(&room);
}

/* It knows its own, and stops when the other does not. */
static bool hear_later(struct sim_conn *from, const uint8_t *data, size_t len)
{
    struct msg m;

    for (size_t i = 0; i < SIM_STRANGE_TYPES; i++) {
        if (data[0] == strange_types[i])
            return true;
        if (data[0] == MSG_UNSUPPORTED &&
            msg_decode(data, len, &m, NULL) == 0 &&
            m.u.unsupported.type == strange_types[i])
            from->talk.refused[i] = true;
    }
    return false;
}

/* ---- the earlier one --------------------------------------------------------
 */

/* As of any unknown type. Among the honest it does not come to the end, unless
 * a fault keeps UNSUPPORTED from the other. */
static bool hear_earlier(struct sim_node *n, struct sim_conn *from,
                         uint8_t type)
{
    uint64_t now_us = world_now_us(n->env->world);
    struct msg m = {.type = MSG_UNSUPPORTED};
    struct buf b = BUF_INIT;

    if (type != MSG_PEERS)
        return false;
    m.u.unsupported.type = type;
    if (from->talk.told_us == 0 && msg_encode(&m, &b, NULL) == 0) {
        send(n, from, &b);
        from->talk.told_us = now_us;
    }
    buf_deinit(&b);
    if (++from->talk.not_known <= NOT_KNOWN_MAX)
        return true;
    if (from->honest && from->talk.told_us > n->cfg.faults_until_us &&
        now_us - from->talk.told_us > HEARD_US)
        invariants_fail(n->env->invariants, "S13",
                        "%s of an earlier version has to end with %s", n->name,
                        from->name);
    sim_net_drop(n->env->net, n->host, from->no);
    return true;
}

/* ---- both -------------------------------------------------------------------
 */

void sim_node__say(struct sim_node *n, struct sim_conn *to, const uint8_t *data,
                   size_t len)
{
    struct span frame = {data, len};

    switch (n->cfg.version) {
    case SIM_VERSION_EARLIER:
        if (data[0] == MSG_PEERS)
            return; /* it does not know how to say that either */
        break;
    case SIM_VERSION_LATER:
        say_later(n, to, frame);
        to->talk.greeted = true;
        return;
    case SIM_VERSION_NOW:
        break;
    }
    (void)sim_net_send(n->env->net, n->host, to->no, data, len, false);
}

bool sim_node__hear(struct sim_node *n, struct sim_conn *from,
                    const uint8_t *data, size_t len)
{
    switch (n->cfg.version) {
    case SIM_VERSION_EARLIER:
        return hear_earlier(n, from, data[0]);
    case SIM_VERSION_LATER:
        return hear_later(from, data, len);
    case SIM_VERSION_NOW:
        break;
    }
    return false;
}
