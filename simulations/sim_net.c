#include "simulations/sim_net.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "simulations/dice.h"
#include "simulations/mem.h"
#include "simulations/sim_net_internal.h"

#define DIAL_TIMEOUT_US UINT64_C(3000000)

/* ---- hosts ------------------------------------------------------------------
 */

struct sim_net *sim_net_new(struct world *w, uint64_t rng_seed)
{
    struct sim_net *net = mem_new(1, sizeof *net);

    net->world = w;
    net->control_max = SIM_NET_CONTROL_MAX;
    dice_init(&net->rng, rng_seed, 1);
    return net;
}

void sim_net_free(struct sim_net *net)
{
    if (net == NULL)
        return;
    while (net->live_count != 0)
        sim_net__forget(net, net->live[0]);
    for (size_t i = 0; i < net->host_count; i++) {
        free(net->hosts[i]->sending);
        free(net->hosts[i]);
    }
    while (net->dials != NULL) {
        struct dial *d = net->dials;

        net->dials = d->next;
        free(d);
    }
    free(net->hosts);
    free(net->pairs);
    free(net->live);
    free(net);
}

void sim_net__give_address(struct host *h, host_no no)
{
    bool is_public = h->scope == SCOPE_PUBLIC;

    (void)snprintf(h->address, sizeof h->address, "%s.%u.%u.%u:%u",
                   is_public ? "198" : "10",
                   is_public ? 18 + h->moves % 2 : h->moves % 250, no / 250,
                   no % 250 + 1, h->port);
}

host_no sim_net_add(struct sim_net *net, const struct node_id *key,
                    const struct sim_net_link *link, enum peer_scope scope,
                    const struct sim_net_events *events, void *user)
{
    host_no no = (host_no)net->host_count;
    struct host *h = mem_new(1, sizeof *h);

    h->key = *key;
    h->link = *link;
    h->scope = scope;
    h->events = events;
    h->user = user;
    h->up = true;
    h->port = (uint16_t)(4001 + no);
    sim_net__give_address(h, no);
    net->hosts = mem_grow(net->hosts, net->host_count + 1, sizeof *net->hosts);
    net->hosts[net->host_count++] = h;
    return no;
}

const char *sim_net_address(const struct sim_net *net, host_no h)
{
    return net->hosts[h]->address;
}

uint16_t sim_net_port(const struct sim_net *net, host_no h)
{
    return net->hosts[h]->port;
}

void sim_net_set_key(struct sim_net *net, host_no h, const struct node_id *key)
{
    net->hosts[h]->key = *key;
}

bool sim_net__blocked(const struct sim_net *net, host_no from, host_no to)
{
    uint32_t a = net->hosts[from]->group;
    uint32_t b = net->hosts[to]->group;

    return a != b && !(net->one_way && a < b);
}

/* In one direction or both. */
static bool is_apart(const struct sim_net *net, host_no a, host_no b)
{
    return sim_net__blocked(net, a, b) || sim_net__blocked(net, b, a);
}

bool sim_net__frozen(const struct sim_net *net, host_no h)
{
    return net->hosts[h]->frozen_until_us > world_now_us(net->world);
}

uint64_t sim_net__latency_us(struct sim_net *net, host_no a, host_no b)
{
    uint64_t us =
        net->hosts[a]->link.latency_us + net->hosts[b]->link.latency_us;

    return us + rng_below(&net->rng, us / 8 + 1);
}

/* ---- life and death of connections ------------------------------------------
 */

struct pair *sim_net__pair(const struct sim_net *net, conn_no conn)
{
    uint64_t i = conn / 2 - 1;

    return conn >= 2 && i < net->pair_count ? net->pairs[i] : NULL;
}

static struct pair *pair_new(struct sim_net *net, host_no listener,
                             host_no dialler)
{
    struct pair *p = mem_new(1, sizeof *p);
    conn_no base = (net->pair_count + 1) * 2;

    if (net->pair_count == net->pair_cap) {
        net->pair_cap = net->pair_cap != 0 ? 2 * net->pair_cap : 64;
        net->pairs = mem_grow(net->pairs, net->pair_cap, sizeof *net->pairs);
        net->live = mem_grow(net->live, net->pair_cap, sizeof *net->live);
    }
    net->pairs[net->pair_count++] = p;
    p->live_at = net->live_count;
    net->live[net->live_count++] = p;
    p->end[0].host = listener;
    p->end[1].host = dialler;
    for (size_t side = 0; side < 2; side++) {
        p->end[side].no = base + side;
        p->end[side].open = true;
    }
    return p;
}

void sim_net__forget(struct sim_net *net, struct pair *p)
{
    sim_net__empty(net, p);
    net->live[p->live_at] = net->live[--net->live_count];
    net->live[p->live_at]->live_at = p->live_at;
    net->pairs[p->end[0].no / 2 - 1] = NULL;
    free(p);
}

static void on_down(void *user, uint64_t conn)
{
    struct sim_net *net = user;
    struct pair *p = sim_net__pair(net, conn);
    struct end *e = p != NULL ? &p->end[conn & 1] : NULL;
    struct host *h;

    if (e == NULL || !e->open)
        return;
    h = net->hosts[e->host];
    if (h->up && sim_net__frozen(net, e->host)) {
        world_at(net->world, h->frozen_until_us, on_down, net, conn);
        return;
    }
    e->open = false;
    if (!p->end[0].open && !p->end[1].open)
        sim_net__forget(net, p);
    if (h->up)
        h->events->down(h->user, conn);
}

void sim_net__kill(struct sim_net *net, struct pair *p,
                   const uint64_t delay_us[2])
{
    if (p->dead)
        return;
    p->dead = true;
    sim_net__empty(net, p);
    for (size_t side = 0; side < 2; side++)
        if (delay_us[side] != UINT64_MAX)
            world_after(net->world, delay_us[side], on_down, net,
                        p->end[side].no);
}

static void on_silence(void *user, uint64_t conn)
{
    struct sim_net *net = user;
    struct pair *p = sim_net__pair(net, conn);
    static const uint64_t now[2] = {0, 0};

    if (p != NULL && (is_apart(net, p->end[0].host, p->end[1].host) ||
                      sim_net__frozen(net, p->end[0].host) ||
                      sim_net__frozen(net, p->end[1].host)))
        sim_net__kill(net, p, now);
}

void sim_net__doubt(struct sim_net *net, const struct pair *p,
                    uint64_t after_us)
{
    world_after(net->world, after_us, on_silence, net, p->end[0].no);
}

void sim_net_drop(struct sim_net *net, host_no h, conn_no conn)
{
    struct pair *p = sim_net__pair(net, conn);
    uint64_t delay_us[2] = {0, 0};

    if (p == NULL || p->end[conn & 1].host != h)
        return;
    if (p->half) { /* the other side went long ago */
        world_after(net->world, 0, on_down, net, conn);
        return;
    }
    delay_us[!(conn & 1)] =
        sim_net__blocked(net, h, p->end[!(conn & 1)].host)
            ? SIM_NET_SILENCE_US
            : sim_net__latency_us(net, p->end[0].host, p->end[1].host);
    sim_net__kill(net, p, delay_us);
}

void sim_net_set_up(struct sim_net *net, host_no h, bool up)
{
    struct host *host = net->hosts[h];
    uint64_t delay_us[2];

    if (host->up == up)
        return;
    host->up = up;
    host->life++;
    for (size_t i = 0; i < net->live_count && !up; i++) {
        struct pair *p = net->live[i];

        if (p->end[0].host != h && p->end[1].host != h)
            continue;
        /* Half of them are reset at once, half fall silent. */
        delay_us[0] = delay_us[1] =
            rng_below(&net->rng, 2) == 0 ? 1000 : SIM_NET_SILENCE_US;
        sim_net__kill(net, p, delay_us);
        p->end[p->end[1].host == h].open = false;
    }
}

/* ---- dialling ---------------------------------------------------------------
 */

static struct dial *find_dial(const struct sim_net *net, uint64_t no)
{
    struct dial *d = net->dials;

    while (d != NULL && d->no != no)
        d = d->next;
    return d;
}

static void end_dial(struct sim_net *net, struct dial *d)
{
    struct dial **at = &net->dials;

    while (*at != d)
        at = &(*at)->next;
    *at = d->next;
    free(d);
}

static bool dialler_lives(const struct sim_net *net, const struct dial *d)
{
    const struct host *h = net->hosts[d->host];

    return h->up && h->life == d->life;
}

static void on_dial_failed(void *user, uint64_t no)
{
    struct sim_net *net = user;
    struct dial *d = find_dial(net, no);
    struct host *h = net->hosts[d->host];
    struct dial copy = *d;
    bool lives = dialler_lives(net, d);

    if (lives && sim_net__frozen(net, d->host)) {
        world_at(net->world, h->frozen_until_us, on_dial_failed, net, no);
        return;
    }
    end_dial(net, d);
    if (lives)
        h->events->dial_failed(h->user, &copy.node, copy.address, copy.refused);
}

static void fail_dial(struct sim_net *net, struct dial *d, uint64_t delay_us,
                      bool refused)
{
    d->refused = refused;
    world_after(net->world, delay_us, on_dial_failed, net, d->no);
}

static bool is_unreachable(const struct sim_net *net, const struct dial *d)
{
    return is_apart(net, d->host, d->target) || sim_net__frozen(net, d->target);
}

static void on_connected(void *user, uint64_t no)
{
    struct sim_net *net = user;
    struct dial *d = find_dial(net, no);
    struct dial copy = *d;
    struct host *a = net->hosts[d->host];
    struct host *b = net->hosts[d->target];
    struct pair *p;
    char seen[CORE_ADDRESS_MAX];

    if (!b->up || is_unreachable(net, d)) {
        fail_dial(net, d, DIAL_TIMEOUT_US, false);
        return;
    }
    if (a->up && sim_net__frozen(net, d->host)) {
        world_at(net->world, a->frozen_until_us, on_connected, net, no);
        return;
    }
    if (!dialler_lives(net, d)) {
        end_dial(net, d);
        return;
    }
    end_dial(net, d);
    p = pair_new(net, copy.target, copy.host);
    (void)snprintf(seen, sizeof seen, "%.*s:%u",
                   (int)(strchr(a->address, ':') - a->address), a->address,
                   (unsigned)(49152 + p->end[1].no % 16000));
    b->events->up(b->user, p->end[0].no, &a->key, false, ROAD_INBOUND, a->scope,
                  seen);
    a->events->up(a->user, p->end[1].no, &b->key, true, copy.road, b->scope,
                  copy.address);
}

static bool find_target(const struct sim_net *net, struct dial *d)
{
    for (size_t i = 0; i < net->host_count; i++) {
        if (strcmp(net->hosts[i]->address, d->address) != 0)
            continue;
        d->target = (host_no)i;
        return net->hosts[i]->up;
    }
    return false;
}

/* The first packet is there: who is it that answers? */
static void on_knock(void *user, uint64_t no)
{
    struct sim_net *net = user;
    struct dial *d = find_dial(net, no);
    const struct host *a = net->hosts[d->host];
    const struct host *b;

    if (!find_target(net, d) || is_unreachable(net, d)) {
        fail_dial(net, d, DIAL_TIMEOUT_US, false);
        return;
    }
    b = net->hosts[d->target];
    if (!node_id_eq(&b->key, &d->node) || !b->events->admit(b->user, &a->key))
        fail_dial(net, d, sim_net__latency_us(net, d->host, d->target), true);
    else
        world_after(net->world,
                    2 * sim_net__latency_us(net, d->host, d->target),
                    on_connected, net, no);
}

void sim_net_dial(struct sim_net *net, host_no h, const struct node_id *node,
                  const char *address, enum core_road road)
{
    struct dial *d = mem_new(1, sizeof *d);

    d->no = ++net->dial_numbers;
    d->host = h;
    d->life = net->hosts[h]->life;
    d->node = *node;
    d->road = road;
    (void)snprintf(d->address, sizeof d->address, "%s", address);
    d->next = net->dials;
    net->dials = d;
    world_after(net->world, 2 * net->hosts[h]->link.latency_us, on_knock, net,
                d->no);
}

void sim_net_set_control_max(struct sim_net *net, size_t bytes)
{
    net->control_max = bytes;
}

bool sim_net_carries(const struct sim_net *net, conn_no conn)
{
    const struct pair *p = sim_net__pair(net, conn);

    return p != NULL && !p->dead &&
           !is_apart(net, p->end[0].host, p->end[1].host) &&
           !sim_net__frozen(net, p->end[0].host) &&
           !sim_net__frozen(net, p->end[1].host);
}

size_t sim_net_conns(const struct sim_net *net)
{
    return net->live_count;
}
