/* peer: connections from HELLO to the end. */
#include "node/core/core_internal.h"

#include <stdlib.h>
#include <string.h>

#define PROTOCOL_VERSION 1
#define PER_KEY_MAX 2
#define SECOND_US 1000000u

struct conn *peer__find(const struct core *c, conn_no no)
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

/* Of those with the key the one that has said nothing for the longest: it may
 * be dead, and its end not noticed yet. */
static struct conn *most_silent(const struct core *c,
                                const struct node_id *node)
{
    struct conn *most = NULL;

    for (struct conn *p = c->conns; p != NULL; p = p->next)
        if (node_id_eq(&p->node, node) && !p->dropping &&
            (most == NULL || p->said_ms < most->said_ms))
            most = p;
    return most;
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

/* Strangers who dial us, all of one hand perhaps, do not keep us from those we
 * dial, nor hints from those that somebody asked for. */
static size_t room_for(const struct core *c, const struct core_event *ev)
{
    size_t room = c->cfg.limits.conns_max;

    if (!ev->u.up.outbound)
        return room;
    room += CONNS_DIALLED;
    return book__asked_for(c, ev) ? room + CONNS_DIALLED : room;
}

static bool may_come(const struct core *c, const struct core_event *ev)
{
    return c->conn_count < room_for(c, ev) &&
           !blame__banned(c, &ev->u.up.node) &&
           !node_id_eq(&ev->u.up.node, &c->cfg.self) &&
           peer__find(c, ev->u.up.conn) == NULL;
}

static struct conn *conn_new(const struct core *c, const struct core_event *ev)
{
    struct conn *p = calloc(1, sizeof *p);

    if (p == NULL)
        return NULL;
    p->no = ev->u.up.conn;
    p->node = ev->u.up.node;
    p->outbound = ev->u.up.outbound;
    p->scope = ev->u.up.scope;
    p->road = ev->u.up.road;
    (void)strncpy(p->address, ev->u.up.address, sizeof p->address - 1);
    p->up_ms = p->heard_ms = p->said_ms = c->now_ms;
    p->window_bytes = c->cfg.limits.window_start_bytes;
    p->ceiling_bytes = UINT64_MAX;
    p->next_request = 1;
    return p;
}

static void note_known(struct known *k, const struct conn *p)
{
    k->conns++;
    memmove(k->recent + 1, k->recent, sizeof k->recent - sizeof k->recent[0]);
    k->recent[0] = p->no;
    k->outbound = p->outbound;
    k->scope = p->scope;
    k->road = p->road;
    memcpy(k->address, p->address, sizeof k->address);
}

void peer__up(struct core *c, const struct core_event *ev)
{
    struct conn **at = &c->conns;
    struct conn *p = may_come(c, ev) ? conn_new(c, ev) : NULL;
    struct known *k = p != NULL ? blame__know(c, &p->node) : NULL;

    if (k == NULL) {
        free(p);
        book__unwanted(c, ev);
        core__effect(c, FX_DROP)->u.drop.conn = ev->u.up.conn;
        return;
    }
    if (count_key(c, &p->node) >= PER_KEY_MAX)
        peer__drop(c, most_silent(c, &p->node));
    while (*at != NULL)
        at = &(*at)->next;
    *at = p;
    c->conn_count++;
    book__up(c, p);
    p->known = k;
    note_known(k, p);
    send_hello(c, p);
    core__wake(c, c->now_ms + c->cfg.limits.connect_deadline_ms);
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
    p->known->conns--;
    if (c->pump_one == p)
        c->pump_one = NULL;
    free(p->reqs);
    free(p->ups);
    free(p->asks);
    free(p->interests);
    free(p);
    c->pump_all = c->pump_up = c->look = true;
}

void peer__drop(struct core *c, struct conn *p)
{
    if (p->dropping)
        return;
    p->dropping = true;
    request__drop_all(c, p);
    upload__drop_all(c, p);
    swarm__leave_all(c, p);
    core__effect(c, FX_DROP)->u.drop.conn = p->no;
    c->pump_all = c->look = true;
}

/* ---- buckets ------------------------------------------------------ */

/* A bucket of a second's worth, kept as the time up to which it is used. */
static bool take_one(uint64_t *used_us, uint64_t now_ms, uint32_t a_second)
{
    uint64_t now_us = now_ms * 1000;

    if (*used_us < now_us)
        *used_us = now_us;
    if (*used_us - now_us >= SECOND_US)
        return false;
    *used_us += SECOND_US / (a_second != 0 ? a_second : 1);
    return true;
}

bool peer__spend(struct core *c, struct conn *p)
{
    return take_one(&p->bucket_us, c->now_ms, c->cfg.limits.requests_per_s);
}

/* A quarter of what we allow others: an ASK brings a HAVE after it. */
bool peer__pace(struct core *c, struct conn *p)
{
    return take_one(&p->out_bucket_us, c->now_ms,
                    c->cfg.limits.requests_per_s / 4);
}

/* ---- HELLO -------------------------------------------------------- */

void peer__hello(struct core *c, struct conn *p, const struct msg *m)
{
    const struct span *network = &m->u.hello.network;

    /* SPEC 6: "a version or network that is not ours ends the connection" */
    if (m->u.hello.version != PROTOCOL_VERSION ||
        network->len != strlen(c->cfg.network) ||
        memcmp(network->p, c->cfg.network, network->len) != 0) {
        peer__drop(c, p);
        return;
    }
    p->greeted = p->known->greeted = true;
    p->listen_port = m->u.hello.listen_port;
    book__greeted(c, p);
    if (p->outbound) {
        struct core_effect *fx = core__effect(c, FX_ADDRESS_WORKED);

        fx->u.address_worked.node = p->node;
        memcpy(fx->u.address_worked.address, p->address, sizeof p->address);
    }
    topic__greet(c, p);
}

void peer__tick(struct core *c)
{
    uint64_t sum_bps = 0;
    uint64_t n = 0;

    c->best_rate_bps = 0;
    for (struct conn *p = c->conns; p != NULL; p = p->next) {
        if (!p->greeted && !p->dropping &&
            c->now_ms - p->up_ms >= c->cfg.limits.connect_deadline_ms)
            peer__drop(c, p);
        if (p->rate_bps > c->best_rate_bps && !p->dropping)
            c->best_rate_bps = p->rate_bps;
        if (p->rate_bps != 0 && !p->dropping) {
            sum_bps += p->rate_bps;
            n++;
        }
    }
    c->usual_rate_bps = n != 0 ? sum_bps / n : 0;
}
