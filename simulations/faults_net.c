/* faults_net: connections that break, partitions, addresses that change. */
#include "simulations/faults_internal.h"

/* ---- connections ------------------------------------------------------------
 */

static void on_cut(void *user, uint64_t arg)
{
    struct sim *s = user;

    (void)arg;
    if (faults__over(s))
        return;
    SAY(s, "a connection breaks");
    (void)sim_net_cut_one(s->env.net, rng_next(&s->fault_rng));
    faults__again(s, s->plan.cut_every_ms, on_cut);
}

static void on_half(void *user, uint64_t arg)
{
    struct sim *s = user;

    (void)arg;
    if (faults__over(s))
        return;
    SAY(s, "a connection is half open");
    (void)sim_net_half_one(s->env.net, rng_next(&s->fault_rng));
    faults__again(s, s->plan.half_every_ms, on_half);
}

/* ---- partitions -------------------------------------------------------------
 */

static void split(struct sim *s)
{
    SAY(s, "the network splits%s", s->plan.one_way ? " one way" : "");
    sim_net_set_one_way(s->env.net, s->plan.one_way);
    for (size_t i = 0; i < s->node_count; i++)
        sim_net_set_group(s->env.net, s->nodes[i]->host,
                          (uint32_t)rng_below(&s->fault_rng, 2));
}

static void heal(struct sim *s)
{
    SAY(s, "the network heals");
    sim_net_heal(s->env.net);
}

static void on_split(void *user, uint64_t arg)
{
    (void)arg;
    split(user);
}

static void on_heal(void *user, uint64_t arg)
{
    (void)arg;
    heal(user);
}

/* Split and whole by turns, and whole in the end. */
static void on_flap(void *user, uint64_t arg)
{
    struct sim *s = user;

    (void)arg;
    if (faults__over(s)) {
        heal(s);
        return;
    }
    s->flapped = !s->flapped;
    if (s->flapped)
        split(s);
    else
        heal(s);
    faults__again(s, s->plan.flap_every_ms, on_flap);
}

/* ---- addresses --------------------------------------------------------------
 */

static struct sim_node *some_node(struct sim *s)
{
    size_t first = s->plan.seeders_move ? 0 : s->plan.seeders;

    return s->nodes[first + rng_below(&s->fault_rng, s->node_count - first)];
}

/* As multicast tells it on a LAN. */
static void announce(struct sim *s, const struct sim_node *moved)
{
    for (size_t i = 0; i < s->node_count; i++) {
        struct sim_node *n = s->nodes[i];

        if (n->up && n->wants && n != moved && !sim_node_frozen(n))
            sim_node_hint(n, &moved->key,
                          sim_net_address(s->env.net, moved->host), ROAD_LAN);
    }
}

static void on_announce(void *user, uint64_t arg)
{
    struct sim *s = user;

    (void)arg;
    for (uint32_t i = 0; i < s->plan.seeders; i++)
        announce(s, s->nodes[i]);
}

static void on_move(void *user, uint64_t arg)
{
    struct sim *s = user;
    struct sim_node *n;

    (void)arg;
    if (faults__over(s)) {
        on_announce(s, 0);
        return;
    }
    n = some_node(s);
    sim_net_move(s->env.net, n->host);
    SAY(s, "%s is at %s now", n->name, sim_net_address(s->env.net, n->host));
    if (s->plan.seeders_move)
        world_after(s->env.world, 1000000, on_announce, s, 0);
    faults__again(s, s->plan.move_every_ms, on_move);
}

void faults__schedule_net(struct sim *s)
{
    const struct plan *p = &s->plan;

    if (p->cut_every_ms != 0)
        faults__again(s, p->cut_every_ms, on_cut);
    if (p->split_ms != 0) {
        world_at(s->env.world, p->split_ms * 1000, on_split, s, 0);
        world_at(s->env.world, p->heal_ms * 1000, on_heal, s, 0);
    }
    if (p->half_every_ms != 0)
        faults__again(s, p->half_every_ms, on_half);
    if (p->flap_every_ms != 0)
        faults__again(s, p->flap_every_ms, on_flap);
    if (p->move_every_ms != 0)
        faults__again(s, p->move_every_ms, on_move);
}
