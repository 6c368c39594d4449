/* upload: serving what others want, fairly by bytes. */
#include "node/core/core_internal.h"

#include <stdlib.h>

#define QUANTUM (256 * 1024)
#define RETRY_MS 20

static uint64_t frame_bytes(const struct upload *u)
{
    return u->len + MSG_CHUNK_HEAD;
}

static struct upload *up_at(struct conn *p, size_t i)
{
    return &p->ups[(p->up_head + i) % p->up_cap];
}

static bool grow_queue(struct conn *p)
{
    size_t cap = p->up_cap ? 2 * p->up_cap : 64;
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

static void refuse(struct core *c, struct conn *p, uint32_t request,
                   enum refuse_reason why)
{
    struct msg m = {.type = MSG_REFUSE};

    m.u.refuse.request = request;
    m.u.refuse.count = 1;
    m.u.refuse.reason = why;
    core__send(c, p, &m);
}

/* SPEC 6: "A server keeps at most 8 MiB of wanted bytes for a peer; beyond that
 * the oldest not yet begun are refused" */
static void make_room(struct core *c, struct conn *p, uint32_t len)
{
    while (p->up_count != 0 &&
           (p->up_bytes + len > c->cfg.limits.want_queue_bytes ||
            p->up_count >= UPLOAD_QUEUE_MAX)) {
        refuse(c, p, up_at(p, 0)->request, REFUSE_BUSY);
        pop(p);
    }
}

static void enqueue(struct core *c, struct conn *p, const struct swarm *s,
                    uint32_t slot, uint32_t request)
{
    struct upload u = {request, slot, s->no, s->table->refs[slot].stored_len};

    make_room(c, p, u.len);
    if (p->up_count == p->up_cap && !grow_queue(p)) {
        refuse(c, p, request, REFUSE_BUSY);
        return;
    }
    *up_at(p, p->up_count++) = u;
    p->up_bytes += u.len;
}

void upload__want(struct core *c, struct conn *p, const struct msg *m)
{
    struct swarm *s = swarm__by_edition(c, &m->u.want.edition);

    if (s == NULL) {
        struct msg out = {.type = MSG_REFUSE};

        out.u.refuse.request = m->u.want.request;
        out.u.refuse.count = (uint32_t)m->u.want.count;
        out.u.refuse.reason = REFUSE_NOT_HERE;
        core__send(c, p, &out);
        return;
    }
    s->used_ms = c->now_ms;
    for (size_t i = 0; i < m->u.want.count; i++) {
        uint32_t slot = m->u.want.slots[i];
        uint32_t request = m->u.want.request + (uint32_t)i;

        if (slot < s->table->count && bits_get(&s->have, slot))
            enqueue(c, p, s, slot, request);
        else
            refuse(c, p, request, REFUSE_NOT_HERE);
    }
    c->pump_up = true;
}

void upload__cancel(struct core *c, struct conn *p, const struct msg *m)
{
    size_t kept = 0;
    uint32_t first = m->u.cancel.request;

    /* SPEC 6: "those requests are not wanted any more: each that is not under
     * way is answered by REFUSE" */
    for (size_t i = 0; i < p->up_count; i++) {
        struct upload u = *up_at(p, i);

        if (u.request - first < m->u.cancel.count) {
            p->up_bytes -= u.len;
            refuse(c, p, u.request, REFUSE_BUSY);
        } else {
            *up_at(p, kept++) = u;
        }
    }
    p->up_count = kept;
}

void upload__drop_all(struct core *c, struct conn *p)
{
    c->unsent_bytes -= p->unsent_bytes;
    p->unsent_bytes = 0;
    p->up_count = 0;
    p->up_bytes = 0;
}

void upload__forget_swarm(struct core *c, swarm_no no)
{
    for (struct conn *p = c->conns; p != NULL; p = p->next) {
        size_t kept = 0;

        for (size_t i = 0; i < p->up_count; i++) {
            struct upload u = *up_at(p, i);

            if (u.swarm == no)
                p->up_bytes -= u.len;
            else
                *up_at(p, kept++) = u;
        }
        p->up_count = kept;
    }
}

static void no_longer_unsent(struct core *c, struct conn *p, uint64_t bytes)
{
    if (bytes > p->unsent_bytes)
        bytes = p->unsent_bytes;
    p->unsent_bytes -= bytes;
    c->unsent_bytes -= bytes;
    c->pump_up = true;
}

void upload__sent(struct core *c, struct conn *p, uint32_t bytes)
{
    no_longer_unsent(c, p, bytes);
}

void upload__served(struct core *c, const struct core_event *ev)
{
    struct conn *p = peer__find(c, ev->u.served.conn);
    struct swarm *s = swarm__by_no(c, ev->u.served.swarm);
    uint32_t slot = ev->u.served.slot;
    uint32_t len;

    if (p == NULL)
        return;
    len = s != NULL && slot < s->table->count ? s->table->refs[slot].stored_len
                                              : 0;
    switch (ev->u.served.result) {
    case SERVE_OK:
        p->sent_bytes += len;
        break;
    case SERVE_MISSING:
        no_longer_unsent(c, p, len + MSG_CHUNK_HEAD);
        refuse(c, p, ev->u.served.request, REFUSE_NOT_HERE);
        if (s != NULL)
            swarm__lost(c, s, slot);
        break;
    case SERVE_AGAIN:
        no_longer_unsent(c, p, len + MSG_CHUNK_HEAD);
        if (s != NULL)
            enqueue(c, p, s, slot, ev->u.served.request);
        c->pump_up = false; /* not at once: after an EV_SENT or a while */
        core__wake(c, c->now_ms + RETRY_MS);
        break;
    case SERVE_GONE:
        no_longer_unsent(c, p, len + MSG_CHUNK_HEAD);
        break;
    }
}

static bool may_serve(const struct core *c, const struct conn *p)
{
    const struct core_limits *l = &c->cfg.limits;

    return p->up_count != 0 && !p->dropping &&
           p->unsent_bytes < l->unsent_peer_bytes &&
           c->unsent_bytes < l->unsent_total_bytes;
}

static void serve_turn(struct core *c, struct conn *p)
{
    p->deficit += QUANTUM;
    while (may_serve(c, p) && p->deficit > 0) {
        struct upload u = *up_at(p, 0);
        struct core_effect *fx = core__effect(c, FX_SERVE);

        fx->u.serve.conn = p->no;
        fx->u.serve.swarm = u.swarm;
        fx->u.serve.slot = u.slot;
        fx->u.serve.request = u.request;
        p->deficit -= (int64_t)frame_bytes(&u);
        p->unsent_bytes += frame_bytes(&u);
        c->unsent_bytes += frame_bytes(&u);
        pop(p);
    }
    if (p->up_count == 0)
        p->deficit = 0;
}

/* Deficit round robin: a quantum of bytes each, beginning behind the one that
 * was served last, until nobody may be served. */
void upload__pump(struct core *c)
{
    bool any = true;

    while (any) {
        struct conn *start = c->conns;
        size_t n = c->conn_count;

        any = false;
        while (start != NULL && start->no <= c->serve_after)
            start = start->next;
        for (struct conn *p = start != NULL ? start : c->conns; n != 0; n--) {
            if (may_serve(c, p)) {
                c->serve_after = p->no;
                serve_turn(c, p);
                any = true;
            }
            p = p->next != NULL ? p->next : c->conns;
        }
    }
}
