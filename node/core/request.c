/* request: what was asked of peers, and what comes back. What to ask is ask.c.
 */
#include "node/core/core_internal.h"

#include <stdlib.h>
#include <string.h>

#define RATE_SPAN_MS 250
#define LATE_OF 10 /* last answers looked at */
#define LATE_MAX 3 /* of them, then it is snubbed */
#define PROBE_EVERY_MS 60000
#define BUSY_PAUSE_MS 1000
#define BUSY_PAUSE_MAX_MS 10000
#define DISK_PAUSE_MS 1000
#define DISTRUST_OF 64
#define DISTRUST_PERCENT 5
#define UNASKED_MAX 3
#define UNASKED_COST 50
#define REDEEM_EVERY 8 /* good chunks in time, for one point of score */

/* ---- the list of a connection ------------------------------------- */

static struct request *at(const struct conn *p, size_t i)
{
    return &p->reqs[p->req_head + i];
}

struct request *request__at(const struct conn *p, size_t i)
{
    return at(p, i);
}

bool request__push(struct conn *p, const struct request *r)
{
    if (p->req_head + p->req_count == p->req_cap && p->req_head != 0) {
        memmove(p->reqs, p->reqs + p->req_head, p->req_count * sizeof *p->reqs);
        p->req_head = 0;
    }
    if (p->req_count == p->req_cap) {
        struct request *grown =
            core__grow(p->reqs, &p->req_cap, p->req_count, sizeof *p->reqs);

        if (grown == NULL)
            return false;
        p->reqs = grown;
    }
    p->reqs[p->req_head + p->req_count++] = *r;
    p->inflight_bytes += r->len;
    return true;
}

static void remove_at(struct conn *p, size_t i)
{
    p->inflight_bytes -= at(p, i)->len;
    if (i == 0)
        p->req_head++;
    else
        memmove(at(p, i), at(p, i) + 1,
                (p->req_count - i - 1) * sizeof *p->reqs);
    if (--p->req_count == 0)
        p->req_head = 0;
}

/* Answers come in the order of asking, mostly: the first is looked at first. */
static bool find_id(const struct conn *p, uint32_t id, size_t *out)
{
    size_t low = 0;
    size_t high = p->req_count;

    if (p->req_count != 0 && at(p, 0)->id == id)
        high = 0;
    while (low < high) {
        size_t mid = low + (high - low) / 2;

        if (at(p, mid)->id < id)
            low = mid + 1;
        else
            high = mid;
    }
    *out = low;
    return low < p->req_count && at(p, low)->id == id;
}

static uint64_t owed_by(const struct conn *p, const struct swarm *s, uint32_t e)
{
    uint64_t w = 0;

    for (size_t i = 0; i < p->req_count; i++) {
        const struct request *r = at(p, i);

        if (r->swarm == s && !r->cancelled && r->slot / EXTENT == e)
            w |= UINT64_C(1) << r->slot % EXTENT;
    }
    return w;
}

uint64_t request__owed_word(const struct core *c, const struct conn *p,
                            const struct swarm *s, uint32_t e)
{
    uint64_t w = 0;

    for (const struct conn *o = c->conns; o != NULL; o = o->next)
        if (node_id_eq(&o->node, &p->node))
            w |= owed_by(o, s, e);
    return w;
}

/* ---- copies on their way ------------------------------------------ */

static void end_life(struct core *c, struct request *r)
{
    if (!r->live)
        return;
    r->live = false;
    c->overdue_count++;
    c->unstored_bytes -= r->len;
    swarm__release(c, r->swarm, r->slot);
}

/* Answered, cancelled, or never to be answered. */
static void end_request(struct core *c, struct request *r)
{
    end_life(c, r);
    c->overdue_count -= !r->cancelled;
    r->cancelled = true;
}

void request__overdue(struct core *c, struct conn *p, size_t i)
{
    at(p, i)->late = true;
    end_life(c, at(p, i));
}

void request__drop_all(struct core *c, struct conn *p)
{
    for (size_t i = 0; i < p->req_count; i++)
        end_request(c, at(p, i));
    p->req_head = p->req_count = 0;
    p->inflight_bytes = 0;
}

static void send_cancel(struct core *c, struct conn *p, uint32_t id,
                        uint32_t count)
{
    struct msg m = {.type = MSG_CANCEL};

    if (count == 0)
        return;
    m.u.cancel.request = id;
    m.u.cancel.count = count;
    core__send(c, p, &m);
}

void request__give_up(struct core *c, struct conn *p, size_t i)
{
    end_request(c, at(p, i));
    send_cancel(c, p, at(p, i)->id, 1);
}

/* All of @p's requests for @slot of @s, or for any slot of it when NONE. */
static void cancel_of(struct core *c, struct conn *p, const struct swarm *s,
                      uint32_t slot)
{
    uint32_t first = 0;
    uint32_t count = 0;

    for (size_t i = 0; i < p->req_count; i++) {
        struct request *r = at(p, i);

        if (r->swarm != s || r->cancelled || (slot != NONE && r->slot != slot))
            continue;
        end_request(c, r);
        if (count != 0 && r->id != first + count) {
            send_cancel(c, p, first, count);
            count = 0;
        }
        if (count++ == 0)
            first = r->id;
    }
    send_cancel(c, p, first, count);
}

void request__cancel_swarm(struct core *c, struct swarm *s)
{
    for (struct conn *p = c->conns; p != NULL; p = p->next)
        cancel_of(c, p, s, NONE);
}

void request__forget_swarm(struct core *c, const struct swarm *s)
{
    for (struct conn *p = c->conns; p != NULL; p = p->next)
        for (size_t i = 0; i < p->req_count; i++)
            if (at(p, i)->swarm == s)
                at(p, i)->swarm = NULL;
}

void request__forget_old(struct core *c, struct conn *p, uint64_t age_ms)
{
    while (p->req_count != 0 && !at(p, 0)->live &&
           c->now_ms - at(p, 0)->sent_ms >= age_ms) {
        p->forgotten = at(p, 0)->id;
        end_request(c, at(p, 0));
        remove_at(p, 0);
    }
}

/* ---- how a peer does ---------------------------------------------- */

bool request__is_slow(const struct conn *p)
{
    return p->snubbed || (p->good == 0 && p->late_ring != 0) ||
           (p->req_count != 0 && at(p, 0)->late);
}

void request__note_late(struct core *c, struct conn *p, bool late)
{
    uint32_t mask = (1u << LATE_OF) - 1;

    p->late_ring = (p->late_ring << 1 | late) & mask;
    p->snubbed = __builtin_popcount(p->late_ring) >= LATE_MAX;
    if (late)
        p->probe_ms = c->now_ms + PROBE_EVERY_MS;
}

static void measure(struct core *c, struct conn *p, uint32_t len)
{
    uint64_t span = c->now_ms - p->rate_since_ms;
    uint64_t rate;

    p->rate_bytes += len;
    if (span < RATE_SPAN_MS)
        return;
    rate = p->rate_bytes * 1000 / span;
    p->rate_bps = p->rate_bps != 0 ? (p->rate_bps + rate) / 2 : rate;
    p->rate_bytes = 0;
    p->rate_since_ms = c->now_ms;
}

/* What the peer delivers in a second, or in two round trips. */
static uint64_t paying_window(const struct conn *p)
{
    uint64_t ms = 2 * (uint64_t)p->rtt_ms;

    return p->rate_bps * (ms > 1000 ? ms : 1000) / 1000;
}

static uint64_t window_max(const struct core *c, const struct conn *p)
{
    const struct core_limits *l = &c->cfg.limits;
    uint64_t max = l->window_lan_bytes;

    if (p->scope == SCOPE_PUBLIC && l->window_wan_bytes < max)
        max = l->window_wan_bytes;
    return max > l->window_start_bytes ? max : l->window_start_bytes;
}

/* Grows with what arrives for as long as that pays. A peer that was late gets
 * no more than it delivers, one that was busy no more than it bore. */
static void widen(struct core *c, struct conn *p, uint32_t len)
{
    uint64_t start = c->cfg.limits.window_start_bytes;
    uint64_t max = window_max(c, p);
    uint64_t paying = paying_window(p);

    p->window_bytes += len;
    if (p->rate_bps != 0 && p->window_bytes > paying)
        p->window_bytes = paying;
    if (p->window_bytes < start && p->late_ring == 0)
        p->window_bytes = start;
    if (p->ceiling_bytes < max)
        p->ceiling_bytes += len / 16 + 1;
    if (p->window_bytes > p->ceiling_bytes)
        p->window_bytes = p->ceiling_bytes;
    if (p->window_bytes > max)
        p->window_bytes = max;
}

static void redeem(struct conn *p)
{
    p->known->good++;
    if (++p->good % REDEEM_EVERY == 0 && p->known->score < 0)
        p->known->score++;
}

/* ---- chunks ------------------------------------------------------- */

/* SPEC 6: "an answer that nobody asked for on this connection is dropped and
 * held against the sender; three of them cost score" */
static void unasked(struct core *c, struct conn *p, uint32_t id)
{
    if (id <= p->forgotten)
        return;
    if (++p->unasked % UNASKED_MAX == 0)
        blame__penalty(c, p, UNASKED_COST);
}

static void begin_store(struct core *c, const struct conn *p,
                        const struct request *r)
{
    struct core_effect *fx = core__effect(c, FX_STORE);
    struct swarm *s = r->swarm;

    fx->u.store.conn = p->no;
    fx->u.store.swarm = s->no;
    fx->u.store.slot = r->slot;
    fx->u.store.body_offset = MSG_CHUNK_HEAD;
    swarm__hold(s, r->slot);
    s->storing++;
    s->storing_bytes += r->len;
    c->unstored_bytes += r->len;
}

static void note_arrival(struct core *c, struct conn *p,
                         const struct request *r)
{
    uint64_t took = c->now_ms - r->sent_ms;
    struct part *t = r->swarm != NULL ? swarm__part(r->swarm, p) : NULL;

    p->heard_ms = c->now_ms;
    p->known->received_bytes += r->len;
    measure(c, p, r->len);
    if (p->rtt_ms == 0 || took < p->rtt_ms)
        p->rtt_ms = p->known->rtt_ms = (uint32_t)(took != 0 ? took : 1);
    if (r->live)
        request__note_late(c, p, false);
    if (t != NULL) {
        t->answered++;
        t->pause_ms = 0;
    }
    widen(c, p, r->len);
}

void request__chunk(struct core *c, struct conn *p, const struct msg *m)
{
    struct request r;
    size_t i;

    if (!find_id(p, m->u.chunk.request, &i)) {
        unasked(c, p, m->u.chunk.request);
        return;
    }
    r = *at(p, i);
    remove_at(p, i);
    c->pump_one = p;
    if (m->u.chunk.stored.len != r.len) {
        end_request(c, &r);
        if (r.swarm != NULL)
            r.swarm->rejected_chunks++;
        blame__bad_chunk(c, p->known);
        return;
    }
    note_arrival(c, p, &r);
    /* Stored before the request's own copy ends, so that the slot is not open
     * in between. Up to two may be stored at once: each is judged. */
    if (r.swarm != NULL && !bits_get(&r.swarm->have, r.slot) &&
        r.swarm->copies[r.slot] < UINT8_MAX)
        begin_store(c, p, &r);
    end_request(c, &r);
}

static void stored_well(struct core *c, struct swarm *s, uint32_t slot)
{
    uint32_t len = s->table->refs[slot].stored_len;

    if (bits_get(&s->have, slot))
        return;
    s->fetched_chunks++;
    s->fetched_bytes += len;
    s->rate_bytes += len;
    if (s->copies[slot] > 1 || c->overdue_count != 0)
        for (struct conn *p = c->conns; p != NULL; p = p->next)
            cancel_of(c, p, s, slot);
    swarm__set_have(c, s, slot);
}

void request__stored(struct core *c, const struct core_event *ev)
{
    struct swarm *s = swarm__by_no(c, ev->u.stored.swarm);
    struct known *k = blame__by_conn(c, ev->u.stored.conn);
    struct conn *p = peer__find(c, ev->u.stored.conn);
    uint32_t slot = ev->u.stored.slot;

    if (s != NULL && slot < s->table->count && s->storing != 0 &&
        s->copies[slot] != 0) {
        uint32_t len = s->table->refs[slot].stored_len;

        s->storing--;
        s->storing_bytes -= len;
        c->unstored_bytes -= len;
        if (ev->u.stored.result == STORE_OK)
            stored_well(c, s, slot);
        swarm__release(c, s, slot);
        s->rejected_chunks += ev->u.stored.result == STORE_BAD;
        if (ev->u.stored.result == STORE_FAILED)
            s->pause_until_ms = c->now_ms + DISK_PAUSE_MS;
    }
    /* Blame does not need the swarm, nor the connection. */
    if (ev->u.stored.result == STORE_BAD && k != NULL)
        blame__bad_chunk(c, k);
    if (ev->u.stored.result == STORE_OK && p != NULL)
        redeem(p);
    if (c->starved)
        c->pump_all = true;
}

/* ---- refusals ----------------------------------------------------- */

static void judge_refusals(struct core *c, struct conn *p, struct part *t)
{
    uint32_t n = ++t->refused + t->answered;

    if (t->refused % 8 == 0)
        blame__penalty(c, p, 1);
    if (p->dropping || n < DISTRUST_OF)
        return;
    t->distrusted = t->refused * 100 > n * DISTRUST_PERCENT;
    t->refused = t->answered = 0;
}

static void be_gentle(struct core *c, struct conn *p, struct part *t)
{
    if (c->now_ms < t->pause_until_ms)
        return; /* one of many refused together */
    t->pause_ms = t->pause_ms != 0 ? 2 * t->pause_ms : BUSY_PAUSE_MS;
    if (t->pause_ms > BUSY_PAUSE_MAX_MS)
        t->pause_ms = BUSY_PAUSE_MAX_MS;
    t->pause_until_ms = c->now_ms + t->pause_ms;
    p->window_bytes = p->ceiling_bytes = p->window_bytes / 2;
}

static void one_refused(struct core *c, struct conn *p, uint32_t id,
                        enum refuse_reason why)
{
    struct request r;
    struct part *t;
    size_t i;

    if (!find_id(p, id, &i))
        return;
    r = *at(p, i);
    remove_at(p, i);
    c->pump_one = p;
    t = !r.cancelled ? swarm__part(r.swarm, p) : NULL;
    end_request(c, &r);
    if (t == NULL)
        return; /* we cancelled it ourselves */
    switch (why) {
    case REFUSE_BUSY:
        be_gentle(c, p, t);
        break;
    case REFUSE_NOT_HERE:
    case REFUSE_POLICY:
        swarm__part_lacks(r.swarm, t, r.slot); /* it said so itself */
        judge_refusals(c, p, t);
        break;
    }
}

void request__refused(struct core *c, struct conn *p, const struct msg *m)
{
    uint32_t n = m->u.refuse.count;

    if (n > c->cfg.limits.requests_max)
        n = c->cfg.limits.requests_max;
    for (uint32_t i = 0; i < n && !p->dropping; i++)
        one_refused(c, p, m->u.refuse.request + i, m->u.refuse.reason);
}
