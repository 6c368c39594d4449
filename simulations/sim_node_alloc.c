/* sim_node_alloc: what of a node may run out of memory: its core, and the
 * formats that it reads for the core. All else is the simulator's own. */
#include "simulations/alloc_fail.h"
#include "simulations/sim_node_internal.h"

#define IN_A_ROW 3 /* fail together, at most */

static bool may_fail(const struct sim_node *n)
{
    return world_now_us(n->env->world) < n->cfg.faults_until_us;
}

void sim_node__alloc_begin(struct sim_node *n)
{
    uint64_t every = n->cfg.alloc_every;

    if (every != 0 && !may_fail(n))
        n->alloc_left = UINT64_MAX;
    else if (every != 0 && n->alloc_left == UINT64_MAX)
        n->alloc_left = rng_below(&n->rng, 2 * every);
    alloc_fail_after(n->alloc_left, every != 0 ? 1 + n->allocs % IN_A_ROW : 1);
}

void sim_node__alloc_end(struct sim_node *n)
{
    uint64_t asked = alloc_fail_stop();

    n->allocs += asked;
    if (n->alloc_left == UINT64_MAX)
        return;
    if (asked <= n->alloc_left) {
        n->alloc_left -= asked;
        return;
    }
    n->alloc_left = UINT64_MAX;
    n->allocs_failed++;
    trace_line(n->env->trace, world_now_us(n->env->world),
               "%s is out of memory for a moment", n->name);
}
