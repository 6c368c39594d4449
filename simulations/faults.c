#include "simulations/faults.h"

#include "simulations/dice.h"
#include "simulations/faults_internal.h"
#include "simulations/invariants.h"

#define HEARSAY_US UINT64_C(2000000)
#define RESUME_US UINT64_C(10000000)
#define TEN_YEARS_MS UINT64_C(315576000000)
bool faults__over(const struct sim *s)
{
    return world_now_us(s->env.world) >= s->plan.faults_ms * 1000;
}

void faults__again(struct sim *s, uint64_t every_ms, world_fn *fn)
{
    uint64_t us = every_ms * 500 + rng_below(&s->fault_rng, every_ms * 1000);

    world_after(s->env.world, us, fn, s, 0);
}

struct sim_node *faults__some_learner(struct sim *s, size_t *out_index)
{
    size_t i =
        s->plan.seeders + (size_t)rng_below(&s->fault_rng, s->plan.learners);

    *out_index = i;
    return s->nodes[i];
}

/* ---- nodes ------------------------------------------------------------------
 */

static void come_back(struct sim *s, size_t index);

static size_t index_of(const struct sim *s, const struct sim_node *n)
{
    size_t i = 0;

    while (s->nodes[i] != n)
        i++;
    return i;
}

static void on_died(void *user, struct sim_node *n)
{
    struct sim *s = user;

    s->crashes++;
    come_back(s, index_of(s, n));
}

/* Some crash again while they read what there is. */
static void on_return(void *user, uint64_t index)
{
    struct sim *s = user;

    if (s->plan.twice && !faults__over(s) && rng_below(&s->fault_rng, 3) == 0)
        sim_node_crash_at(s->nodes[index],
                          1 + (uint32_t)rng_below(&s->fault_rng, 12));
    sim__bring_up(s, index);
}

static void come_back(struct sim *s, size_t index)
{
    world_after(s->env.world, rng_below(&s->fault_rng, 5000000), on_return, s,
                index);
}

/* Between two events, or between two effects of the next ones. */
static void on_crash(void *user, uint64_t arg)
{
    struct sim *s = user;
    struct sim_node *n;
    size_t i;

    (void)arg;
    if (faults__over(s))
        return;
    n = faults__some_learner(s, &i);
    if (n->up && s->plan.twice && rng_below(&s->fault_rng, 2) == 0) {
        sim_node_crash_at(n, 1 + (uint32_t)rng_below(&s->fault_rng, 50));
    } else if (n->up) {
        sim_node_crash(n);
        on_died(s, n);
    }
    faults__again(s, s->plan.crash_every_ms, on_crash);
}

static void on_calm(void *user, uint64_t arg)
{
    struct sim *s = user;

    (void)arg;
    for (size_t i = 0; i < s->node_count; i++)
        sim_node_crash_at(s->nodes[i], 0);
}

static void on_freeze(void *user, uint64_t arg)
{
    struct sim *s = user;
    uint64_t now_us = world_now_us(s->env.world);
    uint64_t until_us;
    struct sim_node *n;
    size_t i;

    (void)arg;
    if (faults__over(s))
        return;
    n = faults__some_learner(s, &i);
    until_us = now_us + 100000 +
               rng_below(&s->fault_rng, s->plan.freeze_max_ms * 1000);
    if (until_us > s->plan.faults_ms * 1000)
        until_us = s->plan.faults_ms * 1000;
    if (n->up && !sim_node_frozen(n))
        sim_node_freeze(n, until_us);
    faults__again(s, s->plan.freeze_every_ms, on_freeze);
}

/* By up to ten years, to and fro. */
static void on_clock(void *user, uint64_t arg)
{
    struct sim *s = user;
    struct sim_node *n;

    (void)arg;
    if (faults__over(s))
        return;
    n = s->nodes[rng_below(&s->fault_rng, s->node_count)];
    sim_node_set_clock(n, (int64_t)rng_below(&s->fault_rng, 2 * TEN_YEARS_MS) -
                              (int64_t)TEN_YEARS_MS);
    faults__again(s, s->plan.clock_every_ms, on_clock);
}

static void on_rot(void *user, uint64_t arg)
{
    struct sim *s = user;
    size_t i;

    (void)arg;
    if (faults__over(s))
        return;
    sim_disk_rot(faults__some_learner(s, &i)->disk, rng_next(&s->fault_rng));
    faults__again(s, s->plan.rot_every_ms, on_rot);
}

static void on_resumed(void *user, uint64_t arg)
{
    struct sim *s = user;

    (void)arg;
    for (size_t i = 0; i < s->node_count; i++)
        invariants_resumed(s->env.invariants, s->nodes[i]);
}

static void on_room(void *user, uint64_t arg)
{
    struct sim *s = user;

    (void)arg;
    SAY(s, "there is room on the disks again");
    for (size_t i = 0; i < s->node_count; i++)
        invariants_room(s->env.invariants, s->nodes[i]);
    world_after(s->env.world, RESUME_US, on_resumed, s, 0);
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

static void on_away(void *user, uint64_t arg)
{
    struct sim *s = user;

    (void)arg;
    for (size_t i = s->plan.seeders; i < s->node_count; i++) {
        if (s->plan.asleep && s->nodes[i]->up)
            sim_node_freeze(s->nodes[i], s->plan.back_ms * 1000);
        else
            sim_node_crash(s->nodes[i]);
    }
}

static void on_back(void *user, uint64_t arg)
{
    struct sim *s = user;

    (void)arg;
    for (size_t i = s->plan.seeders; i < s->node_count; i++)
        sim__bring_up(s, i);
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
    faults__schedule_net(s);
    for (size_t i = 0; i < s->node_count; i++) {
        s->nodes[i]->died = on_died;
        s->nodes[i]->died_user = s;
    }
    if (p->crash_every_ms != 0)
        faults__again(s, p->crash_every_ms, on_crash);
    world_at(s->env.world, p->faults_ms * 1000, on_calm, s, 0);
    if (p->freeze_every_ms != 0)
        faults__again(s, p->freeze_every_ms, on_freeze);
    if (p->clock_every_ms != 0)
        faults__again(s, p->clock_every_ms, on_clock);
    if (p->full_ms != 0)
        world_at(s->env.world, p->room_ms * 1000, on_room, s, 0);
    if (p->rot_every_ms != 0)
        faults__again(s, p->rot_every_ms, on_rot);
    if (p->seeder_leaves)
        watch_copies(s);
    if (p->away_ms != 0) {
        world_at(s->env.world, p->away_ms * 1000, on_away, s, 0);
        world_at(s->env.world, p->back_ms * 1000, on_back, s, 0);
    }
    if (p->publish_ms != 0)
        world_at(s->env.world, p->publish_ms * 1000, on_publish, s, 1);
}
