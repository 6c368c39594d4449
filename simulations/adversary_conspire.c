/* adversary_conspire: an eclipse. Each names the others, so that an address
 * book holds nobody else, and puts honest keys to their addresses. */
#include <stdlib.h>
#include <string.h>

#include "node/wire/msg.h"
#include "simulations/adversary_internal.h"
#include "simulations/mem.h"

#define EVERY_US UINT64_C(15000000)

static void know(struct adversary *a, const struct adversary *other)
{
    a->mates = mem_grow(a->mates, a->mate_count + 1, sizeof *a->mates);
    a->mates[a->mate_count++] = other;
}

void adversary_mate(struct adversary *a, struct adversary *other)
{
    if (a == other)
        return;
    know(a, other);
    know(other, a);
}

/* Under its own key, one that nobody has, or that of an honest node. */
static struct node_id some_key(struct adversary *a,
                               const struct adversary *mate)
{
    struct node_id key = mate->key;
    uint64_t pick = rng_below(&a->rng, 4);

    if (pick == 0 && a->target_count != 0)
        return a->targets[rng_below(&a->rng, a->target_count)]->key;
    for (size_t i = 0; i < ID_BYTES && pick == 1; i++)
        key.b[i] = (uint8_t)rng_next(&a->rng);
    return key;
}

static void name_mates(struct adversary *a, conn_no conn)
{
    struct msg m = {.type = MSG_PEERS};

    m.u.peers.course = a->env->kit->course;
    for (size_t i = 0; i < MSG_PEERS_MAX; i++) {
        const struct adversary *mate =
            a->mates[rng_below(&a->rng, a->mate_count)];
        const char *address = adversary_address(mate);
        struct msg_peer *p = &m.u.peers.list[m.u.peers.count++];

        p->node = some_key(a, mate);
        p->host.p = (const uint8_t *)address;
        p->host.len = (size_t)(strrchr(address, ':') - address);
        p->port = sim_net_port(a->env->net, mate->host);
    }
    adversary__send(a, conn, &m);
}

static void on_conspire(void *user, uint64_t arg)
{
    struct adversary *a = user;

    (void)arg;
    if (adversary__over(a))
        return;
    for (size_t i = 0; i < a->visit_count; i++)
        name_mates(a, a->visits[i].conn);
    world_after(a->env->world, EVERY_US, on_conspire, a, 0);
}

void adversary__conspire(struct adversary *a)
{
    if (a->mate_count != 0)
        world_after(a->env->world, rng_below(&a->rng, EVERY_US), on_conspire, a,
                    0);
}
