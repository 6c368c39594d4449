/* exchange: naming the peers of a swarm to one another. Only hints: whoever
 * hears of an address finds out by CURVE who is there. */
#include "node/core/core_internal.h"

#include <string.h>

#include "node/core/address.h"

#define GIVEN_MAX 32 /* a peer, in the time below: more would be dropped */
#define GIVEN_MS 600000

/* Where others can reach @p. false: we cannot say. */
static bool reachable_at(const struct conn *p, struct address *out)
{
    if (!address_parse(p->address, strlen(p->address), out))
        return false;
    if (!p->outbound)
        out->port = p->listen_port; /* we saw the port it dials from */
    return out->port != 0;
}

static bool may_name(const struct conn *p, const struct part *to)
{
    return p->greeted && !p->dropping &&
           !node_id_eq(&p->node, &to->conn->node) &&
           (p->scope == SCOPE_PUBLIC || p->scope == to->conn->scope);
}

/* @host: MSG_HOST_MAX bytes that live as long as @m. */
static void add_peer(struct msg *m, const struct conn *p, char *host)
{
    struct msg_peer *out = &m->u.peers.list[m->u.peers.count];
    struct address a;

    if (!reachable_at(p, &a))
        return;
    out->node = p->node;
    out->host.p = (const uint8_t *)host;
    out->host.len = address_format_host(a.ip, host, MSG_HOST_MAX);
    out->port = a.port;
    m->u.peers.count++;
}

static uint32_t room_for(struct core *c, struct conn *p)
{
    if (c->now_ms - p->hints_given_ms >= GIVEN_MS) {
        p->hints_given_ms = c->now_ms;
        p->hints_given = 0;
    }
    return GIVEN_MAX - p->hints_given;
}

static void introduce_to(struct core *c, struct swarm *s, struct part *to)
{
    char hosts[MSG_PEERS_MAX][MSG_HOST_MAX];
    uint32_t room = room_for(c, to->conn);
    struct msg m;

    m.type = MSG_PEERS;
    m.u.peers.course = s->course;
    m.u.peers.count = 0;
    for (struct conn *p = c->conns; p != NULL && m.u.peers.count < room;
         p = p->next) {
        const struct part *t = swarm__part(s, p);

        if (t != NULL && t->joined > to->introduced && may_name(p, to))
            add_peer(&m, p, hosts[m.u.peers.count]);
    }
    to->introduced = s->joined;
    to->conn->hints_given += (uint32_t)m.u.peers.count;
    if (m.u.peers.count != 0)
        core__send(c, to->conn, &m);
}

void exchange__introduce(struct core *c, struct swarm *s)
{
    s->introduce = false;
    s->introduced_ms = c->now_ms;
    for (struct conn *p = c->conns; p != NULL; p = p->next) {
        struct part *t = swarm__part(s, p);

        if (t != NULL && t->heard && t->introduced != s->joined)
            introduce_to(c, s, t);
    }
}

void exchange__peers(struct core *c, struct conn *p, const struct msg *m)
{
    if (!peer__spend(c, p)) {
        blame__penalty(c, p, 1);
        return;
    }
    for (size_t i = 0; i < m->u.peers.count; i++)
        book__exchange(c, p, &m->u.peers.course, &m->u.peers.list[i]);
}
