/* adversary_attack: what adversaries send that nobody asked for. */
#include "simulations/adversary_internal.h"

#include <stdlib.h>
#include <string.h>

#include "crypto/edition.h"
#include "crypto/key.h"
#include "crypto/record.h"
#include "simulations/mem.h"

#define BURST 20
#define FLOOD_US 50000
#define NOISE_US 300000

static uint32_t word(struct adversary *a)
{
    return (uint32_t)rng_next(&a->rng);
}

static struct record_id some_edition(struct adversary *a)
{
    struct record_id id = a->env->kit->editions[0].id;

    if (rng_below(&a->rng, 4) == 0)
        id.b[rng_below(&a->rng, ID_BYTES)] ^= 1;
    return id;
}

static struct course_id some_course(struct adversary *a)
{
    struct course_id id = a->env->kit->course;

    if (rng_below(&a->rng, 4) != 0)
        id.b[rng_below(&a->rng, ID_BYTES)] ^= 1;
    return id;
}

static void make_want(struct adversary *a, struct msg *m)
{
    m->type = MSG_WANT;
    m->u.want.edition = some_edition(a);
    m->u.want.request = word(a);
    m->u.want.count = 1 + (size_t)rng_below(&a->rng, MSG_WANT_MAX);
    if (m->u.want.request > UINT32_MAX - MSG_WANT_MAX)
        m->u.want.request = 1;
    for (size_t i = 0; i < m->u.want.count; i++)
        m->u.want.slots[i] = word(a) % 512;
}

static void make_peers(struct adversary *a, struct msg *m)
{
    static const char *const hosts[] = {
        "127.0.0.1", "169.254.169.254", "0.0.0.0",  "224.0.0.1", "10.0.0.1",
        "::1",       "::ffff:7f00:1",   "10.9.9.9", "fe80::1",   "198.18.9.9"};

    m->type = MSG_PEERS;
    m->u.peers.course = a->env->kit->course;
    m->u.peers.count = 1 + (size_t)rng_below(&a->rng, MSG_PEERS_MAX);
    for (size_t i = 0; i < m->u.peers.count; i++) {
        const char *host =
            hosts[rng_below(&a->rng, sizeof hosts / sizeof hosts[0])];

        for (size_t k = 0; k < ID_BYTES; k++)
            m->u.peers.list[i].node.b[k] = (uint8_t)rng_next(&a->rng);
        m->u.peers.list[i].host.p = (const uint8_t *)host;
        m->u.peers.list[i].host.len = strlen(host);
        m->u.peers.list[i].port =
            (uint16_t)(rng_below(&a->rng, 2) == 0 ? 22 : 4001);
    }
}

/* A well-formed message that makes little sense. */
static void make_any(struct adversary *a, struct msg *m)
{
    memset(m, 0, sizeof *m);
    switch (rng_below(&a->rng, 8)) {
    case 0:
        m->type = MSG_ASK;
        m->u.ask.request = word(a);
        m->u.ask.course = some_course(a);
        break;
    case 1:
        m->type = MSG_HAVE;
        m->u.have.edition = some_edition(a);
        m->u.have.slots = a->env->kit->editions[0].table.count;
        m->u.have.all = rng_below(&a->rng, 2) == 0;
        break;
    case 2:
        m->type = MSG_REFUSE;
        m->u.refuse.request = word(a) % 64;
        m->u.refuse.count = 1 + word(a) % 64;
        m->u.refuse.reason = REFUSE_BUSY;
        break;
    case 3:
        m->type = MSG_CANCEL;
        m->u.cancel.request = word(a) % 64;
        m->u.cancel.count = 1 + word(a) % 64;
        break;
    case 4:
        m->type = MSG_CHUNK;
        m->u.chunk.request = word(a) % 64;
        m->u.chunk.stored.p = a->env->kit->editions[0].bytes[0];
        m->u.chunk.stored.len =
            a->env->kit->editions[0].table.refs[0].stored_len;
        break;
    case 5:
        make_peers(a, m);
        break;
    default:
        make_want(a, m);
        break;
    }
}

static void send_any(struct adversary *a, conn_no conn)
{
    struct msg m;

    make_any(a, &m);
    adversary__send(a, conn, &m);
}

static void flood(struct adversary *a, conn_no conn)
{
    uint8_t unknown[2] = {(uint8_t)(0x20 + rng_below(&a->rng, 64)), 0xa0};

    for (int i = 0; i < BURST; i++)
        send_any(a, conn);
    if (rng_below(&a->rng, 8) == 0)
        adversary__send_raw(a, conn, unknown, sizeof unknown);
}

/* A valid frame with a few bytes changed, cut or added; or mere noise. */
static void send_noise(struct adversary *a, conn_no conn)
{
    struct buf frame = BUF_INIT;
    uint8_t extra[64];
    struct msg m;

    make_any(a, &m);
    (void)msg_encode(&m, &frame, NULL);
    for (size_t i = 0; i < sizeof extra; i++)
        extra[i] = (uint8_t)rng_next(&a->rng);
    switch (rng_below(&a->rng, 4)) {
    case 0:
        frame.len = rng_below(&a->rng, frame.len + 1);
        break;
    case 1:
        (void)buf_append(&frame, extra, rng_below(&a->rng, sizeof extra));
        break;
    case 2:
        for (size_t i = 0; i < 3 && frame.len != 0; i++)
            frame.base[rng_below(&a->rng, frame.len)] ^= extra[i];
        break;
    default:
        frame.len = 0;
        (void)buf_append(&frame, extra, 1 + rng_below(&a->rng, 63));
        break;
    }
    adversary__send_raw(a, conn, frame.base, frame.len);
    buf_deinit(&frame);
}

static void poison(struct adversary *a, conn_no conn)
{
    struct msg m = {.type = MSG_PEERS};

    make_peers(a, &m);
    adversary__send(a, conn, &m);
}

struct span adversary__odd_record(struct adversary *a)
{
    const struct course_kit *k = a->env->kit;
    uint64_t pick = rng_below(&a->rng, k->odd_count + 2);

    return pick < k->odd_count ? buf_span(&k->odd[pick].record)
                               : buf_span(&k->editions[0].record);
}

/* Nobody has asked. */
static void push_odd(struct adversary *a, conn_no conn)
{
    struct msg m = {.type = MSG_RECORDS};

    m.u.records.list[0] = buf_span(&a->env->kit->course_record);
    m.u.records.list[1] = adversary__odd_record(a);
    m.u.records.count = 2;
    adversary__send(a, conn, &m);
}

static uint64_t attack_all(struct adversary *a)
{
    uint64_t pause_us = NOISE_US;

    for (size_t i = 0; i < a->visit_count; i++) {
        conn_no conn = a->visits[i].conn;

        switch (a->cfg.kind) {
        case ADVERSARY_FLOODER:
            flood(a, conn);
            pause_us = FLOOD_US;
            break;
        case ADVERSARY_MALFORMED:
            if (rng_below(&a->rng, 2) == 0)
                send_noise(a, conn);
            else
                send_any(a, conn);
            break;
        case ADVERSARY_REPLAYER:
            adversary__replay(a, conn);
            break;
        case ADVERSARY_SHIFTER:
            adversary__claim(a, conn, &a->env->kit->editions[0].id);
            break;
        case ADVERSARY_POISONER:
            poison(a, conn);
            break;
        case ADVERSARY_DOUBLE:
            push_odd(a, conn);
            break;
        case ADVERSARY_GARBAGE:
        case ADVERSARY_LIAR:
        case ADVERSARY_STALLER:
        case ADVERSARY_FORGER:
        case ADVERSARY_TRICKLER:
        case ADVERSARY_FREEZER:
        case ADVERSARY_FLEET:
        case ADVERSARY_KIND_COUNT:
            break;
        }
    }
    return pause_us;
}

static void on_attack(void *user, uint64_t arg)
{
    struct adversary *a = user;

    (void)arg;
    if (!adversary__over(a))
        world_after(a->env->world, attack_all(a), on_attack, a, 0);
}

void adversary__attack(struct adversary *a)
{
    switch (a->cfg.kind) {
    case ADVERSARY_FLOODER:
    case ADVERSARY_MALFORMED:
    case ADVERSARY_SHIFTER:
    case ADVERSARY_POISONER:
    case ADVERSARY_REPLAYER:
    case ADVERSARY_DOUBLE:
        world_after(a->env->world, rng_below(&a->rng, NOISE_US), on_attack, a,
                    0);
        break;
    case ADVERSARY_GARBAGE:
    case ADVERSARY_LIAR:
    case ADVERSARY_STALLER:
    case ADVERSARY_FORGER:
    case ADVERSARY_TRICKLER:
    case ADVERSARY_FREEZER:
    case ADVERSARY_FLEET:
    case ADVERSARY_KIND_COUNT:
        break;
    }
}

/* The newest edition once more, numbered higher, signed by a stranger. */
void adversary__forge(struct adversary *a)
{
    const struct buf *real = &a->env->kit->editions[0].record;
    struct edition_payload p;
    struct buf payload = BUF_INIT;
    struct identity *stranger;
    uint8_t seed[SEED_BYTES];
    struct record r;

    for (size_t i = 0; i < sizeof seed; i++)
        seed[i] = (uint8_t)rng_next(&a->rng);
    stranger = identity_from_seed(seed);
    if (stranger == NULL ||
        record_decode(real->base, real->len, COURSE_KIT_NETWORK, &r, NULL) !=
            0 ||
        edition_decode(r.payload, &p, NULL) != 0)
        abort();
    p.prev = r.id;
    p.seq += 1;
    if (edition_encode(&p, &payload, NULL) != 0 ||
        record_sign(stranger, RECORD_EDITION, COURSE_KIT_NETWORK,
                    buf_span(&payload), &a->forged, NULL, NULL) != 0)
        abort();
    buf_deinit(&payload);
    identity_free(stranger);
}
