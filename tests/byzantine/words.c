#include "tests/byzantine/words.h"

#include <stdio.h>
#include <stdlib.h>

#include "node/wire/msg.h"

#define JUNK (96u * 1024u)

/* What msg.h only borrows. */
static uint8_t junk[JUNK];

static uint32_t below(struct words *w, uint32_t n)
{
    return (uint32_t)rng_below(&w->rng, n);
}

static void fill(struct words *w, uint8_t *p, size_t n)
{
    for (size_t i = 0; i < n; i++)
        p[i] = (uint8_t)rng_next(&w->rng);
}

static struct span some(struct words *w, uint32_t max)
{
    uint32_t n = below(w, max + 1);

    fill(w, junk, n < 64 ? n : 64); /* the rest is what was there */
    return (struct span){junk, n};
}

/* Three in four are real. */
static void pick(struct words *w, const uint8_t real[32], uint8_t out[32])
{
    memcpy(out, real, 32);
    if (below(w, 4) == 0)
        fill(w, out, 32);
}

/* Small, as those in use are, or anything. */
static uint32_t request(struct words *w)
{
    return below(w, 2) == 0 ? below(w, 400) : (uint32_t)rng_next(&w->rng);
}

void words_hello(struct buf *out)
{
    struct msg m = {.type = MSG_HELLO};

    m.u.hello.version = 1;
    m.u.hello.network = (struct span){(const uint8_t *)"main", 4};
    m.u.hello.agent = (struct span){(const uint8_t *)"byzantine", 9};
    m.u.hello.listen_port = 4242;
    out->len = 0;
    if (msg_encode(&m, out, NULL) != 0)
        abort();
}

static void hello(struct words *w, struct msg *m)
{
    m->u.hello.version = below(w, 3);
    m->u.hello.network =
        (struct span){(const uint8_t *)"main", 3 + below(w, 2)};
    m->u.hello.listen_port = (uint16_t)request(w);
}

static void records(struct words *w, struct msg *m)
{
    m->u.records.request = request(w);
    m->u.records.count = below(w, 5);
    for (size_t i = 0; i < m->u.records.count; i++)
        m->u.records.list[i] = some(w, 900);
}

static void have(struct words *w, struct msg *m)
{
    static const uint32_t bits[] = {8, 64, 256, 4096};

    pick(w, w->edition.b, m->u.have.edition.b);
    m->u.have.slots = below(w, 2) == 0 ? below(w, WORDS_SLOTS_MAX) + 1
                                       : below(w, 1u << 22) + 1;
    m->u.have.all = below(w, 3) == 0;
    m->u.have.count = below(w, 3);
    for (uint32_t i = 0; i < m->u.have.count; i++)
        m->u.have.windows[i] =
            (struct msg_window){i * 4096, bits[below(w, 4)], some(w, 0).p};
}

static void want(struct words *w, struct msg *m)
{
    pick(w, w->edition.b, m->u.want.edition.b);
    m->u.want.request = request(w);
    m->u.want.count = below(w, 40) + 1;
    for (size_t i = 0; i < m->u.want.count; i++)
        m->u.want.slots[i] = below(w, WORDS_SLOTS_MAX);
}

static void peers(struct words *w, struct msg *m)
{
    static const char *const hosts[] = {"127.0.0.1", "0.0.0.0",   "255.1.1.1",
                                        "::1",       "224.0.0.1", "10.0.0.9",
                                        "x",         "localhost"};

    pick(w, w->course.b, m->u.peers.course.b);
    m->u.peers.count = below(w, MSG_PEERS_MAX + 1);
    for (size_t i = 0; i < m->u.peers.count; i++) {
        const char *host = hosts[below(w, 8)];

        fill(w, m->u.peers.list[i].node.b, 32);
        m->u.peers.list[i].host =
            (struct span){(const uint8_t *)host, strlen(host)};
        m->u.peers.list[i].port = (uint16_t)rng_next(&w->rng);
    }
}

static void make(struct words *w, struct msg *m)
{
    m->type = (enum msg_type)(1 + below(w, 10));
    switch (m->type) {
    case MSG_HELLO:
        hello(w, m);
        break;
    case MSG_ASK:
        m->u.ask.request = request(w);
        pick(w, w->course.b, m->u.ask.course.b);
        break;
    case MSG_RECORDS:
        records(w, m);
        break;
    case MSG_HAVE:
        have(w, m);
        break;
    case MSG_WANT:
        want(w, m);
        break;
    case MSG_CHUNK:
        m->u.chunk.request = request(w);
        m->u.chunk.stored = some(w, JUNK - 1);
        break;
    case MSG_REFUSE:
        m->u.refuse.request = request(w);
        m->u.refuse.count = below(w, 300) + 1;
        m->u.refuse.reason = (enum refuse_reason)(1 + below(w, 3));
        break;
    case MSG_PEERS:
        peers(w, m);
        break;
    case MSG_CANCEL:
        m->u.cancel.request = request(w);
        m->u.cancel.count = request(w);
        break;
    case MSG_UNSUPPORTED:
        m->u.unsupported.type = (uint8_t)rng_next(&w->rng);
        break;
    }
}

void words_valid(struct words *w, struct buf *out)
{
    int rc;

    do { /* what breaks a rule of form is not sent, but made again */
        struct msg m = {0};

        out->len = 0;
        make(w, &m);
        rc = msg_encode(&m, out, NULL);
    } while (rc != 0);
}

void words_mutate(struct words *w, struct buf *out)
{
    static const size_t lengths[] = {0,     1,       2,       65536,
                                     65537, 1048581, 1048582, 1200000};

    switch (below(w, 6)) {
    case 0:
    case 1: /* some bits */
        for (uint32_t i = 1 + below(w, 8); i > 0; i--)
            out->base[below(w, (uint32_t)out->len)] ^=
                (uint8_t)(1u << below(w, 8));
        break;
    case 2: /* less of it */
        out->len = below(w, (uint32_t)out->len);
        break;
    case 3: /* more of it */
        (void)buf_append(out, junk, below(w, 300) + 1);
        break;
    case 4: /* another type, also of those that are not used */
        out->base[0] = (uint8_t)rng_next(&w->rng);
        break;
    case 5: { /* the length, to where limits are */
        size_t n = lengths[below(w, 8)];

        while (out->len < n)
            (void)buf_append(out, junk,
                             n - out->len < JUNK ? n - out->len : JUNK);
        out->len = n;
        break;
    }
    }
}
