/* sim_net_flow: messages through uplinks, wires and downlinks. An uplink serves
 * its connections message by message in turn, so that they share it; a downlink
 * takes what arrives in the order of arrival; in between lies the latency, and
 * at most FLIGHT_MAX bytes a connection, which is what holds a fast sender back
 * before a slow receiver. */
#include "simulations/sim_net_internal.h"

#include <stdlib.h>
#include <string.h>

#include "simulations/mem.h"

#define FLIGHT_MAX (512u * 1024u)
#define MESSAGE_OVERHEAD 64 /* bytes of headers on the wire */

static void free_items(struct item *list)
{
    while (list != NULL) {
        struct item *next = list->next;

        free(list);
        list = next;
    }
}

static void unlist(struct sim_net *net, struct end *e)
{
    struct host *h = net->hosts[e->host];
    struct end **at = &h->active;

    if (!e->active)
        return;
    while (*at != e)
        at = &(*at)->next_active;
    *at = e->next_active;
    if (*at == NULL)
        h->active_tail = at;
    e->active = false;
}

static void enlist(struct sim_net *net, struct end *e)
{
    struct host *h = net->hosts[e->host];

    if (e->active)
        return;
    if (h->active == NULL)
        h->active_tail = &h->active;
    e->active = true;
    e->next_active = NULL;
    *h->active_tail = e;
    h->active_tail = &e->next_active;
}

void sim_net__empty(struct sim_net *net, struct pair *p)
{
    for (size_t side = 0; side < 2; side++) {
        struct end *e = &p->end[side];

        unlist(net, e);
        free_items(e->queue);
        free_items(e->flight);
        e->queue = e->flight = e->not_arrived = NULL;
        e->control_bytes = e->chunk_bytes = e->flight_bytes = 0;
        e->unacked_bytes = 0;
        e->held = 0;
    }
}

/* ---- the receiving side -----------------------------------------------------
 */

static void on_delivered(void *user, uint64_t from)
{
    struct sim_net *net = user;
    struct pair *p = sim_net__pair(net, from);
    struct end *e = p != NULL ? &p->end[from & 1] : NULL;
    struct item *m = e != NULL ? e->flight : NULL;
    const struct end *to;
    struct host *h;

    if (m == NULL)
        return;
    to = &p->end[!(from & 1)];
    h = net->hosts[to->host];
    if (sim_net__frozen(net, to->host)) {
        world_at(net->world, h->frozen_until_us, on_delivered, net, from);
        return;
    }
    e->flight = m->next;
    if (sim_net__blocked(net, to->host, e->host))
        e->unacked_bytes += m->len;
    else
        e->flight_bytes -= m->len;
    sim_net__kick(net, e->host);
    if (to->open && h->up)
        h->events->message(h->user, to->no, m->data, m->len);
    free(m);
}

static uint64_t wire_us(size_t len, uint64_t bps)
{
    return (len + MESSAGE_OVERHEAD) * UINT64_C(1000000) / bps;
}

static void on_arrived(void *user, uint64_t from)
{
    struct sim_net *net = user;
    struct pair *p = sim_net__pair(net, from);
    struct end *e = p != NULL ? &p->end[from & 1] : NULL;
    struct host *h;
    uint64_t now = world_now_us(net->world);

    if (e == NULL || e->not_arrived == NULL)
        return;
    if (sim_net__blocked(net, e->host, p->end[!(from & 1)].host)) {
        e->held++;
        return;
    }
    h = net->hosts[p->end[!(from & 1)].host];
    if (h->down_free_us < now)
        h->down_free_us = now;
    h->down_free_us += wire_us(e->not_arrived->len, h->link.down_bps);
    e->not_arrived = e->not_arrived->next;
    world_at(net->world, h->down_free_us, on_delivered, net, from);
}

void sim_net__release(struct sim_net *net, struct end *e)
{
    e->flight_bytes -= e->unacked_bytes;
    e->unacked_bytes = 0;
    for (; e->held != 0; e->held--)
        world_after(net->world, 0, on_arrived, net, e->no);
}

/* ---- the sending side -------------------------------------------------------
 */

static bool may_send(const struct sim_net *net, const struct end *e)
{
    const struct pair *p = sim_net__pair(net, e->no);

    return e->flight_bytes < FLIGHT_MAX &&
           !sim_net__blocked(net, e->host, p->end[!(e->no & 1)].host);
}

static void launch(struct sim_net *net, struct end *e, struct item *m)
{
    const struct pair *p = sim_net__pair(net, e->no);
    uint64_t at = world_now_us(net->world) +
                  sim_net__latency_us(net, p->end[0].host, p->end[1].host);

    m->next = NULL;
    if (e->flight == NULL)
        e->flight_tail = &e->flight;
    *e->flight_tail = m;
    e->flight_tail = &m->next;
    if (e->not_arrived == NULL)
        e->not_arrived = m;
    e->flight_bytes += m->len;
    if (at < e->arrives_us)
        at = e->arrives_us;
    e->arrives_us = at;
    world_at(net->world, at, on_arrived, net, e->no);
}

static void on_sent(void *user, uint64_t host)
{
    struct sim_net *net = user;
    struct host *h = net->hosts[host];
    struct item *m = h->sending;
    struct pair *p = sim_net__pair(net, m->from);
    struct end *e = p != NULL ? &p->end[m->from & 1] : NULL;
    conn_no from = m->from;
    uint32_t bytes = (uint32_t)m->len;
    bool tell = m->chunk && e != NULL && !p->dead && e->open && h->up;

    if (sim_net__frozen(net, (host_no)host)) {
        world_at(net->world, h->frozen_until_us, on_sent, net, host);
        return;
    }
    h->sending = NULL;
    if (e == NULL || p->dead) {
        free(m);
    } else {
        if (m->chunk)
            e->chunk_bytes -= m->len;
        else
            e->control_bytes -= m->len;
        launch(net, e, m);
        if (e->queue != NULL)
            enlist(net, e);
    }
    sim_net__kick(net, (host_no)host);
    if (tell)
        h->events->sent(h->user, from, bytes);
}

void sim_net__kick(struct sim_net *net, host_no no)
{
    struct host *h = net->hosts[no];
    struct end *e = h->active;
    struct item *m;

    if (h->sending != NULL)
        return;
    while (e != NULL && !may_send(net, e))
        e = e->next_active;
    if (e == NULL)
        return;
    unlist(net, e);
    m = e->queue;
    e->queue = m->next;
    h->sending = m;
    world_after(net->world, wire_us(m->len, h->link.up_bps), on_sent, net, no);
}

/* Into a buffer that nothing will ever empty. */
static int send_in_vain(const struct sim_net *net, struct end *e, size_t len,
                        bool chunk)
{
    if (chunk)
        e->chunk_bytes += len;
    else if (e->control_bytes != 0 && e->control_bytes + len > net->control_max)
        return ERR_AGAIN;
    else
        e->control_bytes += len;
    return 0;
}

int sim_net_send(struct sim_net *net, host_no h, conn_no conn,
                 const uint8_t *data, size_t len, bool chunk)
{
    struct pair *p = sim_net__pair(net, conn);
    struct end *e = p != NULL ? &p->end[conn & 1] : NULL;
    struct item *m;

    if (e != NULL && p->half && e->open && e->host == h)
        return send_in_vain(net, e, len, chunk);
    if (e == NULL || p->dead || e->host != h)
        return ERR_NOT_FOUND;
    /* A whole message or nothing; and one always has room by itself. */
    if (!chunk && e->control_bytes != 0 &&
        e->control_bytes + len > net->control_max)
        return ERR_AGAIN;
    m = mem_new(1, sizeof *m + len);
    m->from = conn;
    m->len = len;
    m->chunk = chunk;
    memcpy(m->data, data, len);
    if (e->queue == NULL)
        e->queue_tail = &e->queue;
    *e->queue_tail = m;
    e->queue_tail = &m->next;
    if (chunk)
        e->chunk_bytes += len;
    else
        e->control_bytes += len;
    /* While its message is on the uplink it comes back by itself. */
    if (net->hosts[h]->sending == NULL || net->hosts[h]->sending->from != conn)
        enlist(net, e);
    sim_net__kick(net, h);
    return 0;
}

uint64_t sim_net_queued(const struct sim_net *net, conn_no conn)
{
    const struct pair *p = sim_net__pair(net, conn);

    return p != NULL ? p->end[conn & 1].chunk_bytes : 0;
}
