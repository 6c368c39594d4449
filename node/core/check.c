/* check: what must be true of the core between any two steps. */
#include "node/core/core_internal.h"

/* ---- connections -------------------------------------------------- */

static const char *check_requests(const struct core *c, const struct conn *p)
{
    const struct core_limits *l = &c->cfg.limits;
    uint64_t bytes = 0;
    uint64_t max = l->window_lan_bytes > l->window_start_bytes
                       ? l->window_lan_bytes
                       : l->window_start_bytes;

    if (p->req_count > l->requests_max ||
        p->req_head + p->req_count > p->req_cap)
        return "more requests of a peer than there may be";
    for (size_t i = 0; i < p->req_count; i++) {
        const struct request *r = request__at(p, i);

        bytes += r->len;
        if (r->live && r->swarm == NULL)
            return "a live request without a swarm";
        if (r->live && !bits_get(&r->swarm->asked, r->slot))
            return "a live request whose slot is not asked";
        if (r->live && r->len != r->swarm->table->refs[r->slot].stored_len)
            return "a request of another length than its slot";
        if (i != 0 && r->id <= request__at(p, i - 1)->id)
            return "request numbers that do not rise";
    }
    if (bytes != p->inflight_bytes)
        return "bytes in flight differ from their requests";
    if (p->inflight_bytes >= max + CHUNK_RAW_MAX)
        return "more in flight than a window holds";
    return NULL;
}

static const char *check_uploads(const struct core *c, const struct conn *p)
{
    const struct core_limits *l = &c->cfg.limits;
    uint64_t bytes = 0;

    for (size_t i = 0; i < p->up_count; i++)
        bytes += p->ups[(p->up_head + i) % p->up_cap].len;
    if (bytes != p->up_bytes)
        return "bytes wanted differ from their wants";
    /* What the transport had no room for comes back beyond the limit. */
    if (p->up_bytes > l->want_queue_bytes + l->unsent_peer_bytes +
                          2 * (uint64_t)CHUNK_RAW_MAX ||
        p->up_count > 2 * (size_t)l->wanted_max)
        return "a want queue over its limit";
    if (p->unsent_bytes >=
        (uint64_t)l->unsent_peer_bytes + CHUNK_RAW_MAX + MSG_CHUNK_HEAD)
        return "more handed to the transport for a peer than allowed";
    return NULL;
}

static const char *check_conn(const struct core *c, const struct conn *p)
{
    const char *why = check_requests(c, p);

    if (why == NULL)
        why = check_uploads(c, p);
    if (why == NULL && p->dropping &&
        (p->req_count != 0 || p->up_count != 0 || p->parts != NULL))
        why = "a dropped connection that still takes part";
    if (why == NULL && p->interest_count > c->cfg.limits.interests_max)
        why = "more interests of a peer than there may be";
    if (why == NULL && p->known == NULL)
        why = "a connection of nobody";
    return why;
}

/* ---- swarms ------------------------------------------------------- */

static uint32_t live_requests(const struct core *c, const struct swarm *s,
                              uint32_t slot)
{
    uint32_t n = 0;

    for (const struct conn *p = c->conns; p != NULL; p = p->next)
        for (size_t i = 0; i < p->req_count; i++) {
            const struct request *r = request__at(p, i);

            n += r->live && r->swarm == s && (slot == NONE || r->slot == slot);
        }
    return n;
}

static const char *check_slots(const struct core *c, const struct swarm *s)
{
    uint64_t have_bytes = 0;
    uint32_t have = 0;
    uint32_t open = 0;
    uint32_t copies = 0;

    for (uint32_t i = 0; i < s->table->count; i++) {
        bool held = bits_get(&s->have, i);

        have += held;
        have_bytes += held ? s->table->refs[i].stored_len : 0;
        open += !held && s->copies[i] == 0;
        copies += s->copies[i];
        if (bits_get(&s->asked, i) != (s->copies[i] != 0))
            return "a slot asked without copies, or the reverse";
        if (s->copies[i] > COPIES_MAX && live_requests(c, s, i) > COPIES_MAX)
            return "a slot asked of more than two peers";
    }
    if (have != s->have_count || have_bytes != s->have_bytes)
        return "slots held differ from their count";
    if (open != s->open_count)
        return "open slots differ from their count";
    if (copies != live_requests(c, s, NONE) + s->storing)
        return "copies differ from requests and stores";
    return NULL;
}

static const char *check_parts(const struct core *c, const struct swarm *s)
{
    uint32_t parts = 0;
    uint32_t all = 0;

    for (const struct conn *p = c->conns; p != NULL; p = p->next) {
        const struct part *t = swarm__part(s, p);

        if (t == NULL)
            continue;
        parts++;
        all += t->all;
        if (t->conn != p)
            return "a part of another connection";
        if (t->all && t->has.w != NULL)
            return "a map of a peer that has all";
    }
    if (parts != s->part_count || all != s->all_parts)
        return "parts differ from their count";
    for (uint32_t i = 0; i < s->table->count; i++) {
        uint32_t n = 0;

        for (const struct conn *p = c->conns; p != NULL && parts != 0;
             p = p->next) {
            const struct part *t = swarm__part(s, p);

            n += t != NULL && !t->all && bits_get(&t->has, i);
        }
        if (n != s->avail[i])
            return "sources of a slot differ from the maps";
    }
    return NULL;
}

static const char *check_swarm(const struct core *c, const struct swarm *s)
{
    const char *why = check_slots(c, s);

    if (why == NULL)
        why = check_parts(c, s);
    if (why == NULL && s->fresh_count >= HAVE_BATCH)
        why = "news that should have been told";
    if (why == NULL && s->completed && s->have_count != s->table->count)
        why = "complete, and yet not";
    for (const struct swarm *o = s->next; o != NULL && why == NULL; o = o->next)
        if (record_id_eq(&o->edition, &s->edition))
            why = "two swarms of one edition";
    return why;
}

/* ---- sums --------------------------------------------------------- */

static const char *check_sums(const struct core *c)
{
    const struct core_limits *l = &c->cfg.limits;
    uint64_t unsent = 0;
    uint64_t unstored = 0;
    size_t conns = 0;
    size_t known = 0;
    uint32_t open = 0;
    uint32_t overdue = 0;

    for (const struct conn *p = c->conns; p != NULL; p = p->next) {
        conns++;
        unsent += p->unsent_bytes;
        for (size_t i = 0; i < p->req_count; i++) {
            const struct request *r = request__at(p, i);

            unstored += r->live ? r->len : 0;
            overdue += !r->live && !r->cancelled;
        }
    }
    for (const struct swarm *s = c->swarms; s != NULL; s = s->next)
        unstored += s->storing_bytes;
    for (const struct known *k = c->known; k != NULL; k = k->next) {
        known++;
        open += k->conns;
    }
    if (unsent != c->unsent_bytes)
        return "unsent bytes differ from their connections'";
    if (unsent >=
        (uint64_t)l->unsent_total_bytes + CHUNK_RAW_MAX + MSG_CHUNK_HEAD)
        return "more handed to the transport than allowed";
    if (unstored != c->unstored_bytes)
        return "bytes not stored differ from requests and stores";
    if (overdue != c->overdue_count)
        return "overdue requests differ from their count";
    if (conns != c->conn_count ||
        conns > c->cfg.limits.conns_max + 2 * CONNS_DIALLED)
        return "connections over their limit";
    if (known != c->known_count || known > c->cfg.limits.known_max ||
        open != conns)
        return "known peers differ from their connections";
    return NULL;
}

const char *core_check(const struct core *c)
{
    const char *why = check_sums(c);

    for (const struct conn *p = c->conns; p != NULL && why == NULL; p = p->next)
        why = check_conn(c, p);
    for (const struct swarm *s = c->swarms; s != NULL && why == NULL;
         s = s->next)
        why = check_swarm(c, s);
    for (const struct topic *t = c->topics; t != NULL && why == NULL;
         t = t->next)
        if (t->swarm != NULL && swarm__by_edition(c, &t->edition) != t->swarm)
            why = "a topic whose swarm is not its edition's";
    if (why == NULL && c->book_count > c->cfg.limits.book_max)
        why = "the address book is over its limit";
    if (why == NULL && c->ban_count > c->cfg.limits.bans_max)
        why = "more bans than there may be";
    if (why == NULL && c->load_count > LOADS_MAX)
        why = "more loads than there may be";
    return why;
}
