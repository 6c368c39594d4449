/* invariants_live: that things go on: news and proofs spread, full disks are no
 * end, nobody who asks is forgotten. L1, that all of it ends, is sim.c's. */
#include "simulations/invariants.h"

#include <inttypes.h>

#define BEHIND_US                                                              \
    UINT64_C(20000000) /* ten rounds of a request's two seconds                \
                        */
#define KEEP_US UINT64_C(2000000)
#define STARVED_US UINT64_C(10000000)
#define TURN_BYTES UINT64_C(131072)

static uint64_t now_us(const struct sim_node *n)
{
    return world_now_us(n->env->world);
}

/* ---- L2 ---------------------------------------------------------------------
 */

static const struct sim_node *node_of(struct sim_node *const *nodes,
                                      size_t count, const struct node_id *key)
{
    for (size_t i = 0; i < count; i++)
        if (node_id_eq(&nodes[i]->key, key))
            return nodes[i];
    return NULL;
}

static uint64_t seq_of(const struct sim_node *n)
{
    return n->current != NULL ? n->current->seq : 0;
}

static bool is_behind(const struct sim_node *n, struct sim_node *const *nodes,
                      size_t count)
{
    for (size_t i = 0; i < n->conn_count; i++) {
        const struct sim_conn *c = &n->conns[i];
        const struct sim_node *o =
            c->honest ? node_of(nodes, count, &c->node) : NULL;

        if (o != NULL && o->up && sim_net_carries(n->env->net, c->no) &&
            seq_of(o) > seq_of(n))
            return true;
    }
    return false;
}

/* The newest edition goes from neighbour to neighbour in a bounded time. */
static void check_news(struct invariants *v, struct sim_node *n,
                       struct sim_node *const *nodes, size_t count)
{
    if (n->cfg.stops_when_complete || sim_node_frozen(n) ||
        !is_behind(n, nodes, count))
        n->behind_us = now_us(n);
    else if (now_us(n) - n->behind_us > BEHIND_US)
        invariants_fail(v, "L2", "%s is at edition %" PRIu64 ", and behind",
                        n->name, seq_of(n));
}

/* ---- L3 ---------------------------------------------------------------------
 */

static void check_fork(struct invariants *v, struct sim_node *n)
{
    if (n->fork_seq == 0)
        return;
    if (n->seq_seen != n->fork_seq || sim_node_frozen(n) ||
        sim_node_has_fork(n, n->fork_seq))
        n->fork_seq = 0;
    else if (now_us(n) - n->fork_us > KEEP_US)
        invariants_fail(v, "L3",
                        "%s was told of a fork of edition %" PRIu64
                        " and keeps no proof",
                        n->name, n->fork_seq);
}

/* ---- L5 ---------------------------------------------------------------------
 */

void invariants_room(struct invariants *v, struct sim_node *n)
{
    (void)v;
    n->good_before = n->good_chunks;
}

void invariants_resumed(struct invariants *v, const struct sim_node *n)
{
    if (n->wants && n->up && !n->complete && n->has_failed &&
        n->conn_count != 0 && n->good_chunks == n->good_before)
        invariants_fail(v, "L5", "%s has room again and stores nothing",
                        n->name);
}

/* ---- L6 ---------------------------------------------------------------------
 */

static bool has_road(const struct sim_node *n)
{
    for (size_t i = 0; i < n->conn_count; i++)
        if (n->conns[i].honest && n->conns[i].outbound && !n->conns[i].dropped)
            return true;
    return false;
}

void invariants_roads(struct invariants *v, struct sim_node *n,
                      uint64_t limit_us)
{
    if (limit_us == 0 || !n->up || sim_node_frozen(n) || has_road(n))
        n->lone_us = now_us(n);
    else if (now_us(n) - n->lone_us > limit_us)
        invariants_fail(v, "L6", "%s reaches nobody honest for %" PRIu64 " s",
                        n->name, limit_us / 1000000);
}

/* ---- L7 ---------------------------------------------------------------------
 */

void invariants_wants(struct invariants *v, struct sim_node *n)
{
    for (size_t i = 0; i < n->conn_count; i++) {
        struct sim_conn *c = &n->conns[i];
        uint64_t waiting;

        if (!c->honest || c->dropped)
            continue;
        if (c->wanted == 0) { /* its time begins with the first */
            c->moved_us = now_us(n);
            continue;
        }
        waiting = core_wanted(n->core, c->no);
        if (c->wanted != c->begun + c->refused + waiting)
            invariants_fail(v, "L7",
                            "%s owes %s an answer to %" PRIu64
                            " wants and has %" PRIu64 " waiting",
                            n->name, c->name, c->wanted - c->begun - c->refused,
                            waiting);
        if (waiting == 0)
            c->moved_us = now_us(n);
    }
}

/* On a thin line each waits for the turns of all others, of some chunks. */
static uint64_t turns_us(const struct sim_node *n)
{
    return n->conn_count * TURN_BYTES * 1000000 / n->cfg.link.up_bps;
}

/* Nothing is on its way to it, and it waits. */
static void check_turns(struct invariants *v, struct sim_node *n)
{
    for (size_t i = 0; i < n->conn_count; i++) {
        const struct sim_conn *c = &n->conns[i];

        if (c->honest && !c->dropped && !sim_node_frozen(n) &&
            core_wanted(n->core, c->no) != 0 &&
            sim_net_carries(n->env->net, c->no) &&
            sim_net_queued(n->env->net, c->no) == 0 &&
            now_us(n) - c->moved_us > STARVED_US + turns_us(n))
            invariants_fail(v, "L7", "%s lets %s starve", n->name, c->name);
    }
}

void invariants_second(struct invariants *v, struct sim_node *const *nodes,
                       size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (!nodes[i]->up) {
            nodes[i]->behind_us = now_us(nodes[i]);
            nodes[i]->fork_seq = 0;
            continue;
        }
        if (nodes[i]->wants) {
            check_news(v, nodes[i], nodes, count);
            check_fork(v, nodes[i]);
        }
        check_turns(v, nodes[i]);
    }
}
