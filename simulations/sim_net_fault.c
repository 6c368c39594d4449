/* sim_net_fault: what goes wrong between hosts: connections that break, or that
 * only one side knows to be broken; partitions, of one direction too; hosts
 * that move to another address, and hosts that stand still. */
#include "simulations/sim_net_internal.h"

/* ---- connections ------------------------------------------------------------
 */

/* The @pick-th of the living ones that still carry something. */
static struct pair *pick_pair(const struct sim_net *net, uint64_t pick)
{
    for (size_t i = 0; i < net->live_count; i++) {
        struct pair *p = net->live[(pick + i) % net->live_count];

        if (!p->dead)
            return p;
    }
    return NULL;
}

bool sim_net_cut_one(struct sim_net *net, uint64_t pick)
{
    uint64_t delay_us[2] = {rng_below(&net->rng, 1000000),
                            rng_below(&net->rng, 1000000)};

    if (net->live_count == 0)
        return false;
    sim_net__kill(net, net->live[pick % net->live_count], delay_us);
    return true;
}

bool sim_net_half_one(struct sim_net *net, uint64_t pick)
{
    struct pair *p = pick_pair(net, pick);
    uint64_t delay_us[2] = {SIM_NET_DEAF_US, SIM_NET_DEAF_US};

    if (p == NULL)
        return false;
    delay_us[rng_below(&net->rng, 2)] = rng_below(&net->rng, 1000000);
    sim_net__kill(net, p, delay_us);
    p->half = true;
    return true;
}

/* ---- partitions -------------------------------------------------------------
 */

void sim_net_set_group(struct sim_net *net, host_no h, uint32_t group)
{
    net->hosts[h]->group = group;
    for (size_t i = 0; i < net->live_count; i++) {
        const struct pair *p = net->live[i];

        if (sim_net__blocked(net, p->end[0].host, p->end[1].host) ||
            sim_net__blocked(net, p->end[1].host, p->end[0].host))
            sim_net__doubt(net, p, SIM_NET_SILENCE_US);
    }
}

void sim_net_set_one_way(struct sim_net *net, bool one_way)
{
    net->one_way = one_way;
}

void sim_net_heal(struct sim_net *net)
{
    net->one_way = false;
    for (size_t i = 0; i < net->host_count; i++)
        net->hosts[i]->group = 0;
    for (size_t i = 0; i < net->live_count; i++)
        for (size_t side = 0; side < 2 && !net->live[i]->dead; side++)
            sim_net__release(net, &net->live[i]->end[side]);
    for (size_t i = 0; i < net->host_count; i++)
        sim_net__kick(net, (host_no)i);
}

/* ---- hosts ------------------------------------------------------------------
 */

static bool is_of(const struct pair *p, host_no h)
{
    return p->end[0].host == h || p->end[1].host == h;
}

void sim_net_move(struct sim_net *net, host_no h)
{
    uint64_t delay_us[2];

    net->hosts[h]->moves++;
    sim_net__give_address(net->hosts[h], h);
    for (size_t i = 0; i < net->live_count; i++) {
        struct pair *p = net->live[i];

        if (!is_of(p, h))
            continue;
        /* Its own system tells it; the other side hears no more of it. */
        delay_us[0] = delay_us[1] = SIM_NET_SILENCE_US;
        delay_us[p->end[1].host == h] = rng_below(&net->rng, 2000000);
        sim_net__kill(net, p, delay_us);
    }
}

void sim_net_freeze(struct sim_net *net, host_no h, uint64_t until_us)
{
    net->hosts[h]->frozen_until_us = until_us;
    for (size_t i = 0; i < net->live_count; i++)
        if (is_of(net->live[i], h))
            sim_net__doubt(net, net->live[i], SIM_NET_SILENCE_US);
}
