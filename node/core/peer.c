/* peer: connections from HELLO to the end, what their faults cost. */
#include "node/core/core_internal.h"

#include <stdlib.h>
#include <string.h>

#define PROTOCOL_VERSION 1
#define PER_KEY_MAX 2
#define SCORE_FLOOR (-50)

struct conn *peer__find(struct core *c, conn_no no)
{
    struct conn *p = c->conns;

    while (p != NULL && p->no != no)
        p = p->next;
    return p;
}

static size_t count_key(const struct core *c, const struct node_id *node)
{
    size_t n = 0;

    for (const struct conn *p = c->conns; p != NULL; p = p->next)
        n += node_id_eq(&p->node, node) && !p->dropping;
    return n;
}

static void send_hello(struct core *c, struct conn *p)
{
    struct msg m = {.type = MSG_HELLO};

    m.u.hello.version = PROTOCOL_VERSION;
    m.u.hello.network.p = (const uint8_t *)c->cfg.network;
    m.u.hello.network.len = strlen(c->cfg.network);
    m.u.hello.listen_port = c->listen_port;
    m.u.hello.agent.p = (const uint8_t *)c->cfg.agent;
    m.u.hello.agent.len = strlen(c->cfg.agent);
    core__send(c, p, &m);
}

static void refuse_new(struct core *c, conn_no no)
{
    core__effect(c, FX_DROP)->u.drop.conn = no;
}

void peer__up(struct core *c, const struct core_event *ev)
{
    struct conn **at = &c->conns;
    struct conn *p;

    if (peer__find(c, ev->u.up.conn) != NULL)
        return;
    if (c->conn_count >= CONNS_MAX || peer__banned(c, &ev->u.up.node) ||
        node_id_eq(&ev->u.up.node, &c->cfg.self) ||
        count_key(c, &ev->u.up.node) >= PER_KEY_MAX ||
        (p = calloc(1, sizeof *p)) == NULL) {
        refuse_new(c, ev->u.up.conn);
        return;
    }
    p->no = ev->u.up.conn;
    p->node = ev->u.up.node;
    p->outbound = ev->u.up.outbound;
    p->scope = ev->u.up.scope;
    p->road = ev->u.up.road;
    (void)strncpy(p->address, ev->u.up.address, sizeof p->address - 1);
    p->up_ms = c->now_ms;
    p->window_bytes = c->cfg.limits.window_start_bytes;
    p->next_request = 1;
    while (*at != NULL)
        at = &(*at)->next;
    *at = p;
    c->conn_count++;
    book__up(c, p);
    send_hello(c, p);
    core__wake(c, c->now_ms + TICK_BUSY_MS);
}

void peer__down(struct core *c, conn_no no)
{
    struct conn **at = &c->conns;
    struct conn *p;

    while (*at != NULL && (*at)->no != no)
        at = &(*at)->next;
    p = *at;
    if (p == NULL)
        return;
    *at = p->next;
    c->conn_count--;
    request__drop_all(c, p);
    upload__drop_all(c, p);
    swarm__leave_all(c, p);
    book__down(c, p);
    free(p->reqs);
    free(p->ups);
    free(p);
    c->pump_down = c->pump_up = true;
    core__wake(c, c->now_ms); /* is anybody left? */
}

void peer__drop(struct core *c, struct conn *p)
{
    if (p->dropping)
        return;
    p->dropping = true;
    request__drop_all(c, p);
    core__effect(c, FX_DROP)->u.drop.conn = p->no;
    c->pump_down = true;
}

/* ---- bans -------------------------------------------------------------------
 */

bool peer__banned(const struct core *c, const struct node_id *node)
{
    for (size_t i = 0; i < c->ban_count; i++)
        if (node_id_eq(&c->bans[i].node, node))
            return c->bans[i].until_wall_ms > c->wall_ms;
    return false;
}

static bool grow_bans(struct core *c)
{
    size_t cap = c->ban_cap ? 2 * c->ban_cap : 16;
    struct ban *grown;

    if (c->ban_count < c->ban_cap)
        return true;
    grown = realloc(c->bans, cap * sizeof *grown);
    if (grown == NULL)
        return false;
    c->bans = grown;
    c->ban_cap = cap;
    return true;
}

/* When there are too many, the one that ends soonest makes room. */
void peer__set_ban(struct core *c, const struct node_id *node,
                   uint64_t until_wall_ms)
{
    size_t at = 0;
    size_t soonest = 0;

    while (at < c->ban_count && !node_id_eq(&c->bans[at].node, node)) {
        if (c->bans[at].until_wall_ms < c->bans[soonest].until_wall_ms)
            soonest = at;
        at++;
    }
    if (at == c->ban_count && at == BANS_MAX)
        at = soonest;
    else if (at == c->ban_count && !grow_bans(c))
        return;
    else if (at == c->ban_count)
        c->ban_count++;
    c->bans[at] = (struct ban){*node, until_wall_ms};
}

/* A ban is for the key: all of its connections go. */
void peer__ban(struct core *c, struct conn *p, uint64_t ms, const char *why)
{
    uint64_t until = c->wall_ms + ms;
    struct core_effect *fx;

    if (p->dropping)
        return;
    peer__set_ban(c, &p->node, until);
    fx = core__effect(c, FX_BAN);
    fx->u.ban.node = p->node;
    fx->u.ban.until_wall_ms = until;
    fx->u.ban.why = why;
    for (struct conn *o = c->conns; o != NULL; o = o->next)
        if (node_id_eq(&o->node, &p->node))
            peer__drop(c, o);
}

void peer__penalty(struct core *c, struct conn *p, int32_t points)
{
    p->score -= points;
    if (p->score <= SCORE_FLOOR)
        peer__ban(c, p, c->cfg.limits.ban_score_ms, "score too low");
}

/* A bucket of one second's requests, as the time up to which it is used. */
bool peer__spend(struct core *c, struct conn *p)
{
    uint64_t each_us = 1000000 / c->cfg.limits.requests_per_s;
    uint64_t now_us = c->now_ms * 1000;

    if (p->bucket_us < now_us)
        p->bucket_us = now_us;
    if (p->bucket_us - now_us >= 1000000)
        return false;
    p->bucket_us += each_us;
    return true;
}

/* ---- HELLO
 * -------------------------------------------------------------------- */

void peer__hello(struct core *c, struct conn *p, const struct msg *m)
{
    /* SPEC 6: "a version or network that is not ours ends the connection" */
    if (m->u.hello.version != PROTOCOL_VERSION ||
        m->u.hello.network.len != strlen(c->cfg.network) ||
        memcmp(m->u.hello.network.p, c->cfg.network, m->u.hello.network.len) !=
            0) {
        peer__drop(c, p);
        return;
    }
    p->greeted = true;
    p->listen_port = m->u.hello.listen_port;
    if (p->outbound) {
        struct core_effect *fx = core__effect(c, FX_ADDRESS_WORKED);

        fx->u.address_worked.node = p->node;
        memcpy(fx->u.address_worked.address, p->address, sizeof p->address);
    }
    topic__greet(c, p);
}

void peer__tick(struct core *c)
{
    for (struct conn *p = c->conns; p != NULL; p = p->next)
        if (!p->greeted && !p->dropping &&
            c->now_ms - p->up_ms >= c->cfg.limits.connect_deadline_ms)
            peer__drop(c, p);
}
