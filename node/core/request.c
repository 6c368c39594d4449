/* request: asking peers for slots, and what becomes of it. */
#include "node/core/core_internal.h"

#include <stdlib.h>
#include <string.h>

#define RATE_SPAN_MS 250
#define PROBE_EVERY_MS 60000
#define BUSY_PAUSE_MS 1000
#define DISK_PAUSE_MS 1000
#define DISTRUST_OF 64
#define DISTRUST_PERCENT 5
#define ENDGAME_AGE_MS 500
#define ENDGAME_BATCH 4

/* ---- the list of a connection
 * ------------------------------------------------------ */

static struct request *at(struct conn *p, size_t i)
{
    return &p->reqs[p->req_head + i];
}

static bool push(struct conn *p, const struct request *r)
{
    if (p->req_head + p->req_count == p->req_cap) {
        if (p->req_head > p->req_count) { /* room in front: move up */
            memmove(p->reqs, p->reqs + p->req_head,
                    p->req_count * sizeof *p->reqs);
            p->req_head = 0;
        } else {
            size_t cap = p->req_cap ? 2 * p->req_cap : 64;
            struct request *grown = realloc(p->reqs, cap * sizeof *grown);

            if (grown == NULL)
                return false;
            p->reqs = grown;
            p->req_cap = cap;
        }
    }
    p->reqs[p->req_head + p->req_count++] = *r;
    return true;
}

static void remove_at(struct conn *p, size_t i)
{
    p->inflight_bytes -= at(p, i)->len;
    if (i == 0) {
        p->req_head++;
    } else {
        memmove(at(p, i), at(p, i) + 1,
                (p->req_count - i - 1) * sizeof *p->reqs);
    }
    if (--p->req_count == 0)
        p->req_head = 0;
}

static size_t find_id(struct conn *p, uint32_t id)
{
    size_t i = 0;

    while (i < p->req_count && at(p, i)->id != id)
        i++;
    return i;
}

/* ---- slots given back
 * ------------------------------------------------------------------ */

/* One of the up to two requests of a slot is over without its chunk. */
static void give_back(struct core *c, struct swarm *s, uint32_t slot)
{
    c->unstored_bytes -= s->table->refs[slot].stored_len;
    if (bits_get(&s->second, slot))
        bits_clear(&s->second, slot);
    else
        bits_clear(&s->asked, slot);
    c->pump_down = true;
}

void request__drop_all(struct core *c, struct conn *p)
{
    while (p->req_count != 0) {
        struct request r = *at(p, p->req_count - 1);

        if (r.swarm != NULL)
            give_back(c, r.swarm, r.slot);
        remove_at(p, p->req_count - 1);
    }
}

static void send_cancel(struct core *c, struct conn *p, uint32_t id)
{
    struct msg m = {.type = MSG_CANCEL};

    m.u.cancel.request = id;
    m.u.cancel.count = 1;
    core__send(c, p, &m);
}

void request__forget_swarm(struct core *c, struct swarm *s)
{
    for (struct conn *p = c->conns; p != NULL; p = p->next)
        for (size_t i = 0; i < p->req_count; i++) {
            struct request *r = at(p, i);

            if (r->swarm != s)
                continue;
            give_back(c, s, r->slot);
            r->swarm = NULL; /* it may still come */
            send_cancel(c, p, r->id);
        }
    s->late_count = 0;
}

/* The slot is here: who else was asked need not send it. */
static void cancel_others(struct core *c, struct swarm *s, uint32_t slot)
{
    for (struct conn *p = c->conns; p != NULL; p = p->next)
        for (size_t i = 0; i < p->req_count; i++) {
            struct request *r = at(p, i);

            if (r->swarm != s || r->slot != slot)
                continue;
            give_back(c, s, slot);
            r->swarm = NULL;
            send_cancel(c, p, r->id);
        }
}

/* ---- how a peer does
 * ----------------------------------------------------------------------- */

static void note_late(struct core *c, struct conn *p, bool late)
{
    uint32_t bits = (uint32_t)p->late_ring << 1 | late;

    bits &= (1u << LATE_RING) - 1;
    p->late_ring = (uint16_t)bits;
    p->late_count = (uint8_t)__builtin_popcount(bits);
    if (p->late_count >= 3 && !p->snubbed) {
        p->snubbed = true;
        p->probe_ms = c->now_ms + PROBE_EVERY_MS;
    } else if (!late && p->late_count < 3) {
        p->snubbed = false;
    }
}

static void measure(struct core *c, struct conn *p, uint32_t len)
{
    uint64_t span = c->now_ms - p->rate_since_ms;

    p->rate_bytes += len;
    if (p->rate_since_ms == 0 || span > 4 * RATE_SPAN_MS) {
        p->rate_since_ms = c->now_ms;
        p->rate_bytes = len;
    } else if (span >= RATE_SPAN_MS) {
        uint64_t rate = p->rate_bytes * 1000 / span;

        p->rate_bps = p->rate_bps != 0 ? (p->rate_bps + rate) / 2 : rate;
        p->rate_bytes = 0;
        p->rate_since_ms = c->now_ms;
    }
}

/* Grows with what arrives, up to what the peer delivers in a second. */
static void widen(struct core *c, struct conn *p, uint32_t len)
{
    const struct core_limits *l = &c->cfg.limits;
    uint64_t max =
        p->scope == SCOPE_PUBLIC ? l->window_wan_bytes : l->window_lan_bytes;
    uint64_t by_rate = p->rate_bps;

    p->window_bytes += len;
    if (by_rate != 0 && p->window_bytes > by_rate)
        p->window_bytes = by_rate;
    if (p->window_bytes < l->window_start_bytes)
        p->window_bytes = l->window_start_bytes;
    if (p->window_bytes > max)
        p->window_bytes =
            max > l->window_start_bytes ? max : l->window_start_bytes;
}

/* ---- chunks
 * ------------------------------------------------------------------------------------
 */

static void blame_bad(struct core *c, struct conn *p, struct swarm *s)
{
    const struct core_limits *l = &c->cfg.limits;
    bool mild = p->rejected == 0 && p->good >= 64;

    p->rejected++;
    s->rejected_chunks++;
    peer__ban(c, p, mild ? l->ban_corrupt_first_ms : l->ban_corrupt_ms,
              "sent a chunk that is not what its name says");
}

void request__chunk(struct core *c, struct conn *p, const struct msg *m)
{
    size_t i = find_id(p, m->u.chunk.request);
    struct core_effect *fx;
    struct request r;

    if (i == p->req_count) {
        /* SPEC 6: "an answer that nobody asked for on this connection is
         * dropped and held against the sender; three of them cost score" */
        if (++p->unasked >= 3)
            peer__penalty(c, p, 10);
        return;
    }
    r = *at(p, i);
    remove_at(p, i);
    c->pump_down = true;
    p->received_bytes += m->u.chunk.stored.len;
    measure(c, p, r.len);
    if (r.swarm == NULL)
        return; /* cancelled: it was on its way */
    if (p->rtt_ms == 0 || c->now_ms - r.sent_ms < p->rtt_ms)
        p->rtt_ms = (uint32_t)(c->now_ms - r.sent_ms) + 1;
    if (!r.late)
        note_late(c, p, false);
    p->recent_answers++;
    widen(c, p, r.len);
    if (m->u.chunk.stored.len != r.len) {
        struct swarm *s = r.swarm;

        give_back(c, s, r.slot);
        blame_bad(c, p, s);
        return;
    }
    if (bits_get(&r.swarm->have, r.slot)) {
        give_back(c, r.swarm, r.slot);
        return;
    }
    /* The slot stays asked until it is stored. */
    fx = core__effect(c, FX_STORE);
    fx->u.store.conn = p->no;
    fx->u.store.swarm = r.swarm->no;
    fx->u.store.slot = r.slot;
    fx->u.store.body_offset = MSG_CHUNK_HEAD;
}

void request__stored(struct core *c, const struct core_event *ev)
{
    struct swarm *s = swarm__by_no(c, ev->u.stored.swarm);
    struct conn *p = peer__find(c, ev->u.stored.conn);
    uint32_t slot = ev->u.stored.slot;
    uint32_t len;

    if (s == NULL || slot >= s->table->count)
        return;
    len = s->table->refs[slot].stored_len;
    if (bits_get(&s->asked, slot))
        give_back(c, s, slot);
    switch (ev->u.stored.result) {
    case STORE_OK:
        if (p != NULL)
            p->good++;
        if (bits_get(&s->have, slot))
            break;
        s->fetched_chunks++;
        s->fetched_bytes += len;
        s->rate_bytes += len;
        if (bits_get(&s->asked, slot))
            cancel_others(c, s, slot);
        swarm__set_have(c, s, slot);
        break;
    case STORE_BAD:
        if (p != NULL)
            blame_bad(c, p, s);
        else
            s->rejected_chunks++;
        break;
    case STORE_FAILED:
        s->pause_until_ms = c->now_ms + DISK_PAUSE_MS;
        break;
    }
}

static void judge_refusals(struct conn *p, struct part *t)
{
    uint32_t n = p->recent_answers + p->recent_refused;

    if (n < DISTRUST_OF)
        return;
    if (t != NULL && p->recent_refused * 100 > n * DISTRUST_PERCENT)
        t->distrusted = true;
    p->recent_answers = p->recent_refused = 0;
}

static void one_refused(struct core *c, struct conn *p, uint32_t id,
                        enum refuse_reason why)
{
    size_t i = find_id(p, id);
    struct part *t;
    struct request r;

    if (i == p->req_count)
        return;
    r = *at(p, i);
    remove_at(p, i);
    if (r.swarm == NULL)
        return;
    give_back(c, r.swarm, r.slot);
    t = swarm__part(r.swarm, p);
    if (t == NULL)
        return;
    if (why == REFUSE_BUSY) {
        t->pause_until_ms = c->now_ms + BUSY_PAUSE_MS;
        p->window_bytes = p->window_bytes / 2 > c->cfg.limits.window_start_bytes
                              ? p->window_bytes / 2
                              : c->cfg.limits.window_start_bytes;
        return;
    }
    swarm__part_lacks(r.swarm, t, r.slot); /* it said so itself */
    p->recent_refused++;
    judge_refusals(p, t);
    peer__penalty(c, p, p->recent_refused % 8 == 0);
}

void request__refused(struct core *c, struct conn *p, const struct msg *m)
{
    uint32_t n = m->u.refuse.count;

    if (n > p->req_count + 1)
        n = (uint32_t)p->req_count + 1;
    for (uint32_t i = 0; i < n && !p->dropping; i++)
        one_refused(c, p, m->u.refuse.request + i, m->u.refuse.reason);
}

/* ---- asking
 * -------------------------------------------------------------------------------------
 */

static uint64_t deadline_of(struct core *c, struct conn *p,
                            const struct swarm *s, uint32_t slot)
{
    const struct core_limits *l = &c->cfg.limits;
    uint64_t ms = 4 * (uint64_t)p->rtt_ms;

    if (swarm__sources(s, slot) < 2)
        return c->now_ms + l->request_alone_ms;
    if (p->rate_bps != 0)
        ms += p->inflight_bytes * 1000 / p->rate_bps;
    ms = ms < l->request_min_ms ? l->request_min_ms : ms;
    ms = ms > l->request_max_ms ? l->request_max_ms : ms;
    return c->now_ms + ms;
}

static bool note_request(struct core *c, struct conn *p, struct swarm *s,
                         uint32_t slot, uint32_t id)
{
    struct request r = {.id = id,
                        .slot = slot,
                        .swarm = s,
                        .len = s->table->refs[slot].stored_len,
                        .sent_ms = c->now_ms,
                        .deadline_ms = deadline_of(c, p, s, slot)};

    if (!push(p, &r))
        return false;
    if (bits_get(&s->asked, slot))
        bits_set(&s->second, slot);
    else
        bits_set(&s->asked, slot);
    p->inflight_bytes += r.len;
    c->unstored_bytes += r.len;
    return true;
}

static void send_want(struct core *c, struct part *t, struct msg *m)
{
    if (m->u.want.count == 0)
        return;
    core__send(c, t->conn, m);
    m->u.want.count = 0;
}

static bool has_room(const struct core *c, const struct conn *p)
{
    return (p->inflight_bytes < p->window_bytes || p->req_count == 0) &&
           c->unstored_bytes < c->cfg.limits.unstored_bytes;
}

static void begin_want(const struct swarm *s, const struct conn *p,
                       struct msg *m)
{
    m->type = MSG_WANT;
    m->u.want.edition = s->edition;
    m->u.want.request = p->next_request;
    m->u.want.count = 0;
}

static void ask_slot(struct core *c, struct part *t, struct msg *m,
                     uint32_t slot)
{
    struct conn *p = t->conn;

    if (m->u.want.count == 0)
        begin_want(t->swarm, p, m);
    if (!note_request(c, p, t->swarm, slot, p->next_request))
        return;
    p->next_request++;
    m->u.want.slots[m->u.want.count++] = slot;
    if (m->u.want.count == c->cfg.limits.ids_per_want ||
        m->u.want.count == MSG_WANT_MAX)
        send_want(c, t, m);
}

/* The end game: what others are slow with, for a peer that has nothing to do.
 */
static void ask_seconds(struct core *c, struct part *t, struct msg *m)
{
    struct swarm *s = t->swarm;
    uint32_t asked = 0;

    for (struct conn *o = c->conns; o != NULL && asked < ENDGAME_BATCH;
         o = o->next) {
        for (size_t i = 0; i < o->req_count && asked < ENDGAME_BATCH; i++) {
            const struct request *r = at(o, i);

            if (o == t->conn || r->swarm != s ||
                c->now_ms - r->sent_ms < ENDGAME_AGE_MS ||
                bits_get(&s->second, r->slot) || !swarm__part_has(t, r->slot))
                continue;
            ask_slot(c, t, m, r->slot);
            asked++;
        }
    }
}

static bool may_ask(struct core *c, struct part *t)
{
    struct conn *p = t->conn;
    struct swarm *s = t->swarm;

    if (!s->fetching || p->dropping || !p->greeted || !t->heard ||
        c->now_ms < t->pause_until_ms || c->now_ms < s->pause_until_ms)
        return false;
    if (t->distrusted && s->part_count > 1 && c->now_ms % 2000 < 1900)
        return false; /* a trickle, in case nobody else has it */
    if (p->snubbed) {
        if (c->now_ms < p->probe_ms && s->part_count > 1)
            return false;
        if (p->req_count != 0)
            return false;
        p->probe_ms = c->now_ms + PROBE_EVERY_MS;
    }
    return true;
}

static void ask_part(struct core *c, struct part *t)
{
    struct conn *p = t->conn;
    uint64_t free_bytes = p->window_bytes - p->inflight_bytes;
    struct msg m;
    uint32_t slot;

    if (!may_ask(c, t) || !has_room(c, p))
        return;
    /* Not one WANT a chunk: wait until an eighth of the window is free. */
    if (p->req_count != 0 && free_bytes < p->window_bytes / 8)
        return;
    m.u.want.count = 0;
    begin_want(t->swarm, p, &m);
    while (has_room(c, p) && picker__next(c, t, &slot)) {
        ask_slot(c, t, &m, slot);
        if (p->snubbed)
            break;
    }
    if (p->req_count == 0 && t->swarm->have_count < t->swarm->table->count)
        ask_seconds(c, t, &m);
    send_want(c, t, &m);
}

void request__pump(struct core *c)
{
    for (struct conn *p = c->conns; p != NULL; p = p->next)
        for (struct part *t = p->parts; t != NULL; t = t->next)
            ask_part(c, t);
}

/* ---- the clock
 * -------------------------------------------------------------------------------------
 */

static void add_late(struct swarm *s, uint32_t slot)
{
    if (s->late_count == s->late_cap) {
        size_t cap = s->late_cap ? 2 * s->late_cap : 32;
        uint32_t *grown = realloc(s->late, cap * sizeof *grown);

        if (grown == NULL)
            return;
        s->late = grown;
        s->late_cap = cap;
    }
    s->late[s->late_count++] = slot;
}

void request__tick(struct core *c)
{
    for (struct conn *p = c->conns; p != NULL; p = p->next) {
        bool any = false;

        for (size_t i = 0; i < p->req_count; i++) {
            struct request *r = at(p, i);

            if (r->late || r->swarm == NULL || c->now_ms < r->deadline_ms)
                continue;
            r->late = true;
            any = true;
            add_late(r->swarm, r->slot);
        }
        if (any) {
            note_late(c, p, true);
            p->window_bytes = c->cfg.limits.window_start_bytes;
        }
    }
}
