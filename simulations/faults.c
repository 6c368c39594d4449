#include "simulations/faults.h"

#include "simulations/dice.h"
#include "simulations/sim_internal.h"

#define HEARSAY_US UINT64_C(2000000)
#define SAY(s, ...)                                                            \
    trace_line((s)->env.trace, world_now_us((s)->env.world), __VA_ARGS__)

static bool over(const struct sim *s)
{
    return world_now_us(s->env.world) >= s->plan.faults_ms * 1000;
}

/* Around @every_ms from now, but not always the same. */
static void again(struct sim *s, uint64_t every_ms, world_fn *fn)
{
    uint64_t us = every_ms * 500 + rng_below(&s->fault_rng, every_ms * 1000);

    world_after(s->env.world, us, fn, s, 0);
}

static struct sim_node *some_learner(struct sim *s, size_t *out_index)
{
    size_t i =
        s->plan.seeders + (size_t)rng_below(&s->fault_rng, s->plan.learners);

    *out_index = i;
    return s->nodes[i];
}

/* ---- connections, partitions ------------------------------------------------
 */

static void on_cut(void *user, uint64_t arg)
{
    struct sim *s = user;

    (void)arg;
    if (over(s))
        return;
    SAY(s, "a connection breaks");
    (void)sim_net_cut_one(s->env.net, rng_next(&s->fault_rng));
    again(s, s->plan.cut_every_ms, on_cut);
}

static void on_split(void *user, uint64_t arg)
{
    struct sim *s = user;

    (void)arg;
    SAY(s, "the network splits");
    for (size_t i = 0; i < s->node_count; i++)
        sim_net_set_group(s->env.net, s->nodes[i]->host,
                          (uint32_t)rng_below(&s->fault_rng, 2));
}

static void on_heal(void *user, uint64_t arg)
{
    struct sim *s = user;

    (void)arg;
    SAY(s, "the network heals");
    sim_net_heal(s->env.net);
}

/* ---- nodes ------------------------------------------------------------------
 */

static void on_return(void *user, uint64_t index)
{
    sim__bring_up(user, index);
}

static void on_crash(void *user, uint64_t arg)
{
    struct sim *s = user;
    struct sim_node *n;
    size_t i;

    (void)arg;
    if (over(s))
        return;
    n = some_learner(s, &i);
    if (n->up) {
        sim_node_crash(n);
        s->crashes++;
        world_after(s->env.world, rng_below(&s->fault_rng, 5000000), on_return,
                    s, i);
    }
    again(s, s->plan.crash_every_ms, on_crash);
}

static void on_rot(void *user, uint64_t arg)
{
    struct sim *s = user;
    size_t i;

    (void)arg;
    if (over(s))
        return;
    sim_disk_rot(some_learner(s, &i)->disk, rng_next(&s->fault_rng));
    again(s, s->plan.rot_every_ms, on_rot);
}

static void on_leave(void *user, uint64_t arg)
{
    struct sim *s = user;

    (void)arg;
    for (uint32_t i = 0; i < s->plan.seeders; i++)
        sim_node_crash(s->nodes[i]);
}

static bool all_began(const struct sim *s)
{
    for (size_t i = s->plan.seeders; i < s->node_count; i++)
        if (s->nodes[i]->good_chunks == 0)
            return false;
    return true;
}

/* A learner has stored something: do they hold all of it together? They are
 * left the time to hear of each other: who knows nobody else cannot go on. */
static void on_changed(void *user, struct sim_node *n, uint32_t slot)
{
    struct sim *s = user;

    (void)n;
    if (s->copies[slot]++ == 0)
        s->missing--;
    if (s->missing != 0 || s->seeder_gone || !all_began(s))
        return;
    s->seeder_gone = true;
    SAY(s, "one copy is out, the seeders leave");
    world_after(s->env.world, HEARSAY_US, on_leave, s, 0);
}

static void on_publish(void *user, uint64_t edition)
{
    struct sim *s = user;

    s->published = (uint32_t)edition;
    sim_node_seed(s->nodes[0], &s->kit->editions[edition]);
    if (edition + 1 < s->kit->edition_count)
        world_after(s->env.world, s->plan.publish_every_ms * 1000, on_publish,
                    s, edition + 1);
}

/* ---- the plan ---------------------------------------------------------------
 */

static void schedule_split(struct sim *s)
{
    world_at(s->env.world, s->plan.split_ms * 1000, on_split, s, 0);
    world_at(s->env.world, s->plan.heal_ms * 1000, on_heal, s, 0);
}

static void watch_copies(struct sim *s)
{
    s->missing = s->kit->editions[0].table.count;
    for (size_t i = s->plan.seeders; i < s->node_count; i++) {
        s->nodes[i]->changed = on_changed;
        s->nodes[i]->changed_user = s;
    }
}

void faults_schedule(struct sim *s)
{
    const struct plan *p = &s->plan;

    dice_init(&s->fault_rng, p->seed, 5);
    if (p->cut_every_ms != 0)
        again(s, p->cut_every_ms, on_cut);
    if (p->split_ms != 0)
        schedule_split(s);
    if (p->crash_every_ms != 0)
        again(s, p->crash_every_ms, on_crash);
    if (p->rot_every_ms != 0)
        again(s, p->rot_every_ms, on_rot);
    if (p->seeder_leaves)
        watch_copies(s);
    if (p->publish_ms != 0)
        world_at(s->env.world, p->publish_ms * 1000, on_publish, s, 1);
}
