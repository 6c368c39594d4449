/* upload: serving what others want: a bounded queue for each, and turns by
 * bytes among them (deficit round robin). */
#include "node/core/core_internal.h"

#include <stdlib.h>
#include <string.h>

#define QUANTUM (256 * 1024)
#define RETRY_MS 20
#define LOOK_AHEAD 32
#define STEPS_BACK_MAX 3
#define DRAIN_SPAN_MS 50
#define THIN_BPS (256u * 1024u) /* a line that is slower is shared in turns */
#define THIN_LEAST (48u * 1024u)
#define STUCK_MS 2000 /* who takes nothing for so long is no part of it */

static struct upload *up_at(const struct conn *p, size_t i)
{
    return &p->ups[(p->up_head + i) % p->up_cap];
}

static uint64_t frame_bytes(uint32_t len)
{
    return (uint64_t)len + MSG_CHUNK_HEAD;
}

/* ---- refusals, a run of request numbers in one message ------------ */

struct refusals {
    struct core *c;
    struct conn *p;
    uint32_t first, count;
    enum refuse_reason why;
};

static void refuse_flush(struct refusals *r)
{
    struct msg m = {.type = MSG_REFUSE};

    if (r->count == 0)
        return;
    m.u.refuse.request = r->first;
    m.u.refuse.count = r->count;
    m.u.refuse.reason = r->why;
    core__send(r->c, r->p, &m);
    r->count = 0;
}

static void refuse(struct refusals *r, uint32_t request, enum refuse_reason why)
{
    if (r->count != 0 && (why != r->why || request != r->first + r->count))
        refuse_flush(r);
    if (r->count++ == 0)
        r->first = request;
    r->why = why;
}

static void refuse_one(struct core *c, struct conn *p, uint32_t request,
                       enum refuse_reason why)
{
    struct refusals r = {.c = c, .p = p};

    refuse(&r, request, why);
    refuse_flush(&r);
}

/* ---- the queue ---------------------------------------------------- */

static bool grow_queue(struct conn *p)
{
    size_t cap = p->up_cap != 0 ? 2 * p->up_cap : 64;
    struct upload *grown = malloc(cap * sizeof *grown);

    if (grown == NULL)
        return false;
    for (size_t i = 0; i < p->up_count; i++)
        grown[i] = *up_at(p, i);
    free(p->ups);
    p->ups = grown;
    p->up_cap = cap;
    p->up_head = 0;
    return true;
}

static void pop(struct conn *p)
{
    p->up_bytes -= up_at(p, 0)->len;
    p->up_head = (p->up_head + 1) % p->up_cap;
    p->up_count--;
}

/* SPEC 6: "A server keeps at most 8 MiB of wanted bytes for a peer; beyond that
 * the oldest not yet begun are refused" */
static void make_room(struct refusals *r, uint32_t len)
{
    struct conn *p = r->p;

    while (p->up_count != 0 &&
           (p->up_bytes + len > r->c->cfg.limits.want_queue_bytes ||
            p->up_count >= r->c->cfg.limits.wanted_max)) {
        refuse(r, up_at(p, 0)->request, REFUSE_BUSY);
        pop(p);
    }
}

/* One slot asked for a thousand times is a thousand entries: bytes like any
 * other, at the asker's own turn. */
static void enqueue(struct refusals *r, const struct swarm *s, uint32_t slot,
                    uint32_t request)
{
    struct conn *p = r->p;
    struct upload u = {request, slot, s->no, s->table->refs[slot].stored_len};

    make_room(r, u.len);
    if (p->up_count == p->up_cap && !grow_queue(p)) {
        refuse(r, request, REFUSE_BUSY);
        return;
    }
    *up_at(p, p->up_count++) = u;
    p->up_bytes += u.len;
}

/* Back to where it came from: among the others by its number. */
static void put_back(struct core *c, struct conn *p, const struct swarm *s,
                     uint32_t slot, uint32_t request)
{
    struct upload u = {request, slot, s->no, s->table->refs[slot].stored_len};
    size_t i = 0;

    if (p->up_count == p->up_cap && !grow_queue(p)) {
        refuse_one(c, p, request, REFUSE_BUSY);
        return;
    }
    p->up_head = (p->up_head + p->up_cap - 1) % p->up_cap;
    p->up_count++;
    p->up_bytes += u.len;
    for (; i + 1 < p->up_count && up_at(p, i + 1)->request < request; i++)
        *up_at(p, i) = *up_at(p, i + 1);
    *up_at(p, i) = u;
}

/* ---- what goes first ---------------------------------------------- */

/* The next of the next few that this round has not seen; NONE: all of them were
 * sent to somebody. */
static size_t find_unsent(const struct core *c, const struct conn *p)
{
    const struct swarm *s = swarm__by_no(c, up_at(p, 0)->swarm);

    if (s->part_count < 2)
        return 0;
    for (size_t i = 0; i < p->up_count && i < LOOK_AHEAD; i++) {
        const struct upload *u = up_at(p, i);

        if (u->swarm == s->no && !bits_get(&s->sent, u->slot))
            return i;
    }
    return NONE;
}

/* Learners who ask for the same get different pieces first, and the rest from
 * each other. */
static void pull_unsent(const struct core *c, struct conn *p)
{
    size_t at = find_unsent(c, p);
    struct upload first;

    if (at == NONE)
        return;
    first = *up_at(p, at);
    for (; at != 0; at--)
        *up_at(p, at) = *up_at(p, at - 1);
    *up_at(p, 0) = first;
}

/* Who asks only for what others have been sent, and may get it from them by
 * now, lets those go first who do not; but not for long. */
static bool steps_back(const struct core *c, struct conn *p)
{
    if (p->up_count > LOOK_AHEAD || p->steps_back == STEPS_BACK_MAX ||
        find_unsent(c, p) != NONE) {
        p->steps_back = 0;
        return false;
    }
    p->steps_back++;
    return true;
}

/* A round: until everything has been sent to somebody. */
static void note_sent(struct swarm *s, uint32_t slot)
{
    if (bits_get(&s->sent, slot))
        return;
    bits_set(&s->sent, slot);
    if (++s->sent_count < s->have_count)
        return;
    memset(s->sent.w, 0, bits_words(s->sent.count) * sizeof *s->sent.w);
    s->sent_count = 0;
}

/* ---- what peers say ----------------------------------------------- */

/* It may have been put away: then it is loaded, and the peer asks again. */
static void want_unknown(struct core *c, struct conn *p, const struct msg *m)
{
    bool coming = records__serve(c, p, &m->u.want.edition);
    struct msg out = {.type = MSG_REFUSE};

    out.u.refuse.request = m->u.want.request;
    out.u.refuse.count = (uint32_t)m->u.want.count;
    out.u.refuse.reason = coming ? REFUSE_BUSY : REFUSE_NOT_HERE;
    core__send(c, p, &out);
}

void upload__want(struct core *c, struct conn *p, const struct msg *m)
{
    struct swarm *s = swarm__by_edition(c, &m->u.want.edition);
    struct refusals r = {.c = c, .p = p};

    if (s == NULL) {
        want_unknown(c, p, m);
        return;
    }
    s->used_ms = c->now_ms;
    for (size_t i = 0; i < m->u.want.count; i++) {
        uint32_t slot = m->u.want.slots[i];
        uint32_t request = m->u.want.request + (uint32_t)i;

        if (slot < s->table->count && bits_get(&s->have, slot))
            enqueue(&r, s, slot, request);
        else
            refuse(&r, request, REFUSE_NOT_HERE);
    }
    refuse_flush(&r);
    c->pump_up = true;
}

void upload__cancel(struct core *c, struct conn *p, const struct msg *m)
{
    struct refusals r = {.c = c, .p = p};
    size_t kept = 0;

    if (!peer__spend(c, p))
        return; /* then it gets what it asked for */
    /* SPEC 6: "those requests are not wanted any more: each that is not under
     * way is answered by REFUSE" */
    for (size_t i = 0; i < p->up_count; i++) {
        struct upload u = *up_at(p, i);

        if (u.request - m->u.cancel.request < m->u.cancel.count) {
            p->up_bytes -= u.len;
            refuse(&r, u.request, REFUSE_BUSY);
        } else {
            *up_at(p, kept++) = u;
        }
    }
    p->up_count = kept;
    refuse_flush(&r);
}

void upload__drop_all(struct core *c, struct conn *p)
{
    c->unsent_bytes -= p->unsent_bytes;
    p->unsent_bytes = 0;
    p->up_count = 0;
    p->up_bytes = 0;
    c->pump_up = true;
}

void upload__forget_swarm(struct core *c, swarm_no no)
{
    for (struct conn *p = c->conns; p != NULL; p = p->next) {
        struct refusals r = {.c = c, .p = p};
        size_t kept = 0;

        for (size_t i = 0; i < p->up_count; i++) {
            struct upload u = *up_at(p, i);

            if (u.swarm == no) {
                p->up_bytes -= u.len;
                refuse(&r, u.request, REFUSE_BUSY);
            } else {
                *up_at(p, kept++) = u;
            }
        }
        p->up_count = kept;
        refuse_flush(&r);
    }
}

/* ---- what the driver says ----------------------------------------- */

static void less_unsent(struct core *c, struct conn *p, uint64_t bytes)
{
    if (bytes > p->unsent_bytes)
        bytes = p->unsent_bytes;
    p->unsent_bytes -= bytes;
    c->unsent_bytes -= bytes;
    c->pump_up = true;
}

/* The clock of a rate starts with work. */
static void begin_drain(const struct core *c, struct drain *d)
{
    d->since_ms = c->now_ms;
    d->bytes = 0;
}

/* Return: is it long enough to say how fast? */
static bool count_drain(const struct core *c, struct drain *d, uint32_t bytes)
{
    uint64_t span = c->now_ms - d->since_ms;

    d->bytes += bytes;
    if (span < DRAIN_SPAN_MS)
        return false;
    d->bps = d->bytes * 1000 / span;
    begin_drain(c, d);
    return true;
}

/* What went too quickly to be measured may be twice as much the next time. */
static void measure(struct core *c, struct conn *p, uint32_t bytes)
{
    (void)count_drain(c, &c->drain, bytes);
    if (!count_drain(c, &p->drain, bytes) && bytes >= p->unsent_bytes &&
        p->drain.bps < 8 * p->drain.bytes)
        p->drain.bps = 8 * p->drain.bytes;
}

/* A quarter of a second's worth: what is handed over cannot be taken back, nor
 * can anything overtake it. */
static uint64_t unsent_max(const struct core *c, const struct conn *p)
{
    const struct core_limits *l = &c->cfg.limits;
    uint64_t some = p->drain.bps / 4;

    if (some < l->unsent_start_bytes)
        some = l->unsent_start_bytes;
    return some < l->unsent_peer_bytes ? some : l->unsent_peer_bytes;
}

/* On a thin line even one chunk for each peer is a queue of many seconds: then
 * the same holds for all together. One who reads slowly on purpose cannot make
 * a fast line thin for long: as soon as somebody else has his turn, it is not.
 */
static bool line_is_full(const struct core *c)
{
    uint64_t held = 0;

    if (c->drain.bps == 0 || c->drain.bps >= THIN_BPS)
        return false;
    for (const struct conn *p = c->conns; p != NULL; p = p->next)
        if (c->now_ms - p->moved_ms < STUCK_MS)
            held += p->unsent_bytes;
    return held >= c->drain.bps / 4 + THIN_LEAST;
}

void upload__sent(struct core *c, struct conn *p, uint32_t bytes)
{
    p->again_ms = 0;
    p->moved_ms = c->now_ms;
    measure(c, p, bytes);
    less_unsent(c, p, bytes);
}

void upload__served(struct core *c, const struct core_event *ev)
{
    struct conn *p = peer__find(c, ev->u.served.conn);
    struct swarm *s = swarm__by_no(c, ev->u.served.swarm);
    uint32_t slot = ev->u.served.slot;
    uint32_t request = ev->u.served.request;
    uint32_t len;

    if (s != NULL && (slot >= s->table->count || s->serving == 0))
        s = NULL;
    if (s != NULL)
        s->serving--;
    if (p == NULL || p->dropping)
        return;
    len = s != NULL ? s->table->refs[slot].stored_len : 0;
    if (ev->u.served.result == SERVE_OK) {
        p->known->sent_bytes += len;
        return;
    }
    less_unsent(c, p, frame_bytes(len));
    switch (ev->u.served.result) {
    case SERVE_OK:
    case SERVE_GONE:
        break;
    case SERVE_MISSING:
        refuse_one(c, p, request, REFUSE_NOT_HERE);
        if (s != NULL)
            swarm__lost(c, s, slot);
        break;
    case SERVE_AWAY:
        refuse_one(c, p, request, REFUSE_NOT_HERE);
        break;
    case SERVE_AGAIN:
        p->again_ms = c->now_ms + RETRY_MS;
        core__wake(c, p->again_ms);
        if (s != NULL)
            put_back(c, p, s, slot, request);
        else
            refuse_one(c, p, request, REFUSE_BUSY);
        break;
    }
}

/* ---- turns -------------------------------------------------------- */

static bool may_serve(struct core *c, const struct conn *p)
{
    const struct core_limits *l = &c->cfg.limits;

    return p->up_count != 0 && !p->dropping && c->now_ms >= p->again_ms &&
           p->unsent_bytes < unsent_max(c, p) &&
           c->unsent_bytes < l->unsent_total_bytes && !line_is_full(c) &&
           core__has_room(c);
}

/* Handed over: it goes, and counts, until EV_SENT. */
static void add_unsent(struct core *c, struct conn *p, uint64_t bytes)
{
    if (c->unsent_bytes == 0)
        begin_drain(c, &c->drain);
    if (p->unsent_bytes == 0) {
        begin_drain(c, &p->drain);
        p->moved_ms = c->now_ms;
    }
    p->unsent_bytes += bytes;
    c->unsent_bytes += bytes;
}

static void serve_turn(struct core *c, struct conn *p)
{
    p->deficit += QUANTUM;
    while (p->deficit > 0 && may_serve(c, p)) {
        struct core_effect *fx = core__effect(c, FX_SERVE);
        struct swarm *s;
        struct upload u;

        pull_unsent(c, p);
        u = *up_at(p, 0);
        s = swarm__by_no(c, u.swarm);
        s->serving++; /* it stays until EV_SERVED */
        note_sent(s, u.slot);
        fx->u.serve.conn = p->no;
        fx->u.serve.swarm = u.swarm;
        fx->u.serve.slot = u.slot;
        fx->u.serve.request = u.request;
        p->deficit -= (int64_t)frame_bytes(u.len);
        add_unsent(c, p, frame_bytes(u.len));
        pop(p);
    }
    if (p->deficit > 0)
        p->deficit = 0; /* nothing waits, or not for want of turns */
}

/* A quantum each, beginning behind the one that was served last, until nobody
 * may be served. */
void upload__pump(struct core *c)
{
    bool any = true;

    while (any) {
        struct conn *start = c->conns;
        size_t n = c->conn_count;

        any = false;
        while (start != NULL && start->no <= c->served_last)
            start = start->next;
        for (struct conn *p = start != NULL ? start : c->conns; n != 0; n--) {
            if (may_serve(c, p)) {
                any = true;
                c->served_last = p->no;
                if (!steps_back(c, p))
                    serve_turn(c, p);
            }
            p = p->next != NULL ? p->next : c->conns;
        }
    }
}
