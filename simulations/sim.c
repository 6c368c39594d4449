#include "simulations/sim.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "simulations/dice.h"
#include "simulations/faults.h"
#include "simulations/invariants.h"
#include "simulations/mem.h"
#include "simulations/sim_internal.h"

#define ALONE_LIMIT_MS UINT64_C(1800000) /* a fault-free run */
#define LINGER_MS 5000                   /* after the last one is complete */

/* ---- building a world -------------------------------------------------------
 */

static uint64_t draw(struct rng *rng, const struct plan_range *r)
{
    return r->min + rng_below(rng, r->max - r->min + 1);
}

static struct sim_net_link draw_link(struct sim *s)
{
    return (struct sim_net_link){draw(&s->rng, &s->plan.up_bps),
                                 draw(&s->rng, &s->plan.down_bps),
                                 draw(&s->rng, &s->plan.latency_us)};
}

/* A defect that shows when all have it. */
static bool is_everybodys(enum sim_break broken)
{
    return broken == SIM_BREAK_FINISH;
}

/* A defect that shows where others are served. */
static bool is_servers(enum sim_break broken)
{
    return broken == SIM_BREAK_SENT || broken == SIM_BREAK_LOSE;
}

static void add_node(struct sim *s, bool seeder)
{
    const struct plan *p = &s->plan;
    struct sim_node_config c = {.rng_seed = rng_next(&s->rng),
                                .link = draw_link(s),
                                .scope = p->scope,
                                .store_us = 3000,
                                .load_us = 3000,
                                .store_fail_permille = p->store_fail_permille,
                                .faults_until_us = p->faults_ms * 1000,
                                .full_us = p->full_ms * 1000,
                                .room_us = p->room_ms * 1000,
                                .transport_bytes = UINT64_C(8) << 20,
                                .alloc_every = p->alloc_every,
                                .stops_when_complete = p->stops_when_complete};
    struct sim_node *n;

    plan_limits(p, &s->rng, &c.limits);
    if (p->shrink && rng_below(&s->rng, 2) == 0)
        c.transport_bytes = 20000;
    if (!seeder && p->conns_max != 0)
        c.limits.conns_max = p->conns_max;
    if (p->skew)
        c.skew_ms = (int64_t)rng_below(&s->rng, 172800000) - 86400000;
    if (p->versions)
        c.version = (enum sim_version)rng_below(&s->rng, 3);
    if (p->drift)
        c.drift_ppm = rng_below(&s->rng, 2) == 0 ? 200 : -200;
    if (seeder && p->seeder_up_bps != 0)
        c.link.up_bps = p->seeder_up_bps;
    if (is_everybodys(p->broken) ||
        s->node_count == (is_servers(p->broken) ? 0 : p->seeders))
        c.broken = p->broken;
    if (s->node_count == (p->alloc_of_seeder ? 0 : p->seeders))
        c.alloc_at = p->alloc_at;
    n = sim_node_new(&s->env, seeder ? "s" : "n", (uint32_t)s->node_count, &c);
    n->wants = !seeder;
    s->nodes[s->node_count++] = n;
    if (seeder)
        sim_node_seed(n, &s->env.kit->editions[0]);
}

static void add_foes(struct sim *s)
{
    const struct plan *p = &s->plan;

    for (size_t k = 0; k < p->foe_kinds; k++)
        for (uint32_t i = 0; i < p->foes[k].count; i++) {
            struct adversary_config c = {
                .kind = p->foes[k].kind,
                .rng_seed = rng_next(&s->rng),
                .link = draw_link(s),
                .scope = p->scope,
                .rotates = p->foes[k].rotates,
                .keys_max = p->foes[k].keys,
                .until_us = p->foes_go ? p->faults_ms * 1000 : UINT64_MAX};
            struct adversary *a;

            if (p->foes[k].up_bps != 0)
                c.link.up_bps = p->foes[k].up_bps;
            a = adversary_new(&s->env, (uint32_t)s->foe_count, &c);
            s->foes[s->foe_count++] = a;
            for (size_t n = 0; n < s->node_count && p->foes[k].visits; n++)
                adversary_target(a, s->nodes[n]);
            for (size_t o = 0; o < s->foe_count && p->foes[k].conspires; o++)
                adversary_mate(a, s->foes[o]);
        }
}

static void build(struct sim *s, const struct plan *p, FILE *all)
{
    size_t foe_count = 0;

    s->plan = *p;
    dice_init(&s->rng, p->seed, 4);
    for (size_t k = 0; k < p->foe_kinds; k++)
        foe_count += p->foes[k].count;
    s->kit = course_kit_new(&p->course, &s->rng);
    s->env.kit = s->kit;
    s->env.world = world_new();
    s->env.trace = trace_new(all);
    s->env.roster = roster_new();
    s->env.net = sim_net_new(s->env.world, rng_next(&s->rng));
    s->env.invariants = invariants_new(&s->env);
    s->nodes = mem_new(p->seeders + p->learners, sizeof *s->nodes);
    s->copies = mem_new(s->kit->editions[0].table.count, sizeof *s->copies);
    for (uint32_t i = 0; i < p->seeders + p->learners; i++)
        add_node(s, i < p->seeders);
    s->foes = mem_new(foe_count, sizeof *s->foes);
    add_foes(s); /* last: the honest part is the same without them */
}

static void tear_down(struct sim *s)
{
    for (size_t i = 0; i < s->node_count; i++)
        sim_node_free(s->nodes[i]);
    for (size_t i = 0; i < s->foe_count; i++)
        adversary_free(s->foes[i]);
    free(s->nodes);
    free(s->foes);
    free(s->copies);
    sim_net_free(s->env.net);
    invariants_free(s->env.invariants);
    roster_free(s->env.roster);
    trace_free(s->env.trace);
    world_free(s->env.world);
    course_kit_free(s->kit);
}

/* ---- who knows whom ---------------------------------------------------------
 */

static void hint_node(struct sim *s, struct sim_node *to,
                      const struct sim_node *of)
{
    if (to != of)
        sim_node_hint(to, &of->key, sim_net_address(s->env.net, of->host),
                      ROAD_EXPLICIT);
}

static void introduce(struct sim *s, struct sim_node *n, size_t index)
{
    const struct plan *p = &s->plan;

    switch (p->shape) {
    case SHAPE_STAR:
        for (uint32_t i = 0; i < p->seeders; i++)
            hint_node(s, n, s->nodes[i]);
        break;
    case SHAPE_MESH:
        hint_node(s, n, s->nodes[0]);
        for (int i = 0; i < 3; i++)
            hint_node(s, n, s->nodes[rng_next(&n->rng) % s->node_count]);
        break;
    case SHAPE_CHAIN:
        hint_node(s, n, s->nodes[index - 1]);
        break;
    }
}

/* What it met before, when somebody it was told to trust is pinned. */
static void introduce_foes(struct sim *s, struct sim_node *n)
{
    for (size_t i = 0; i < s->foe_count; i++)
        sim_node_hint(n, adversary_key(s->foes[i]),
                      adversary_address(s->foes[i]),
                      s->plan.pinned ? ROAD_LAST_SEEN : ROAD_EXPLICIT);
}

void sim__bring_up(struct sim *s, size_t index)
{
    struct sim_node *n = s->nodes[index];

    if (n->up)
        return;
    sim_node_start(n);
    if (!n->wants)
        return;
    if (s->plan.pinned) /* its book is full of them already */
        introduce_foes(s, n);
    introduce(s, n, index);
    if (!s->plan.pinned)
        introduce_foes(s, n);
}

static void on_join(void *user, uint64_t index)
{
    sim__bring_up(user, index);
}

static void schedule_joins(struct sim *s)
{
    for (size_t i = 0; i < s->node_count; i++) {
        uint64_t at_ms = 0;

        if (i >= s->plan.seeders)
            at_ms = s->plan.join_ms + 10 +
                    rng_below(&s->nodes[i]->rng, s->plan.join_spread_ms + 1);
        world_at(s->env.world, at_ms * 1000, on_join, s, i);
    }
    for (size_t i = 0; i < s->foe_count; i++)
        adversary_start(s->foes[i]);
}

/* ---- the run ----------------------------------------------------------------
 */

static uint64_t now_ms(const struct sim *s)
{
    return world_now_us(s->env.world) / 1000;
}

/* The edition that all should have in the end. */
static const struct course_kit_edition *goal(const struct sim *s)
{
    return &s->kit->editions[s->published];
}

static bool has_ended(const struct sim *s, const struct sim_node *n)
{
    return !n->wants || (n->up && n->complete &&
                         record_id_eq(&n->complete_edition, &goal(s)->id));
}

static bool all_ended(const struct sim *s)
{
    if (now_ms(s) < s->plan.faults_ms ||
        (s->plan.publish_ms != 0 && s->published + 1 < s->kit->edition_count))
        return false;
    for (size_t i = 0; i < s->node_count; i++)
        if (!has_ended(s, s->nodes[i]))
            return false;
    return true;
}

static void note_late(struct sim *s, uint64_t limit_ms)
{
    for (size_t i = 0; i < s->node_count; i++) {
        const struct sim_node *n = s->nodes[i];

        if (!has_ended(s, n))
            invariants_fail(
                s->env.invariants, s->plan.away_ms != 0 ? "L4" : "L1",
                "%s holds %u of %u slots after %" PRIu64 " ms", n->name,
                sim_node_holds(n, goal(s)), goal(s)->table.count, limit_ms);
    }
}

static size_t bad_keys(const struct sim *s)
{
    size_t n = 0;

    for (size_t i = 0; i < s->foe_count; i++)
        n += adversary_keys(s->foes[i]);
    return n;
}

static void check_waste(struct sim *s)
{
    for (size_t i = 0; i < s->node_count; i++)
        invariants_waste(s->env.invariants, s->nodes[i], bad_keys(s),
                         s->plan.waste_percent);
}

/* L6, while nothing keeps it from the one road that it is given. */
static void check_roads(struct sim *s)
{
    bool split = now_ms(s) >= s->plan.split_ms && now_ms(s) < s->plan.heal_ms;

    for (size_t i = s->plan.seeders; i < s->node_count; i++)
        invariants_roads(s->env.invariants, s->nodes[i],
                         split ? 0 : s->plan.lone_ms * 1000);
}

/* Where nothing happens for days nothing has to be looked at. */
static uint64_t next_look_us(const struct sim *s)
{
    uint64_t next_us = world_next_us(s->env.world);
    uint64_t second_us = world_now_us(s->env.world) + 1000000;

    return next_us != UINT64_MAX && next_us > second_us ? next_us : second_us;
}

static void on_second(void *user, uint64_t arg)
{
    struct sim *s = user;

    (void)arg;
    invariants_second(s->env.invariants, s->nodes, s->node_count);
    check_roads(s);
    check_waste(s);
    world_at(s->env.world, next_look_us(s), on_second, s, 0);
}

static void go(struct sim *s, uint64_t limit_ms)
{
    uint64_t end_us = UINT64_MAX;

    world_after(s->env.world, 1000000, on_second, s, 0);

    while (invariants_broken(s->env.invariants) == NULL) {
        if (end_us == UINT64_MAX && all_ended(s)) {
            s->done_ms = now_ms(s);
            end_us = world_now_us(s->env.world) + LINGER_MS * 1000;
        }
        if (end_us == UINT64_MAX && now_ms(s) > limit_ms) {
            note_late(s, limit_ms);
            return;
        }
        if (world_now_us(s->env.world) >= end_us || !world_step(s->env.world))
            break;
    }
}

static void report(struct sim *s, FILE *tail, struct sim_result *out)
{
    memset(out, 0, sizeof *out);
    out->broken = invariants_broken(s->env.invariants);
    (void)snprintf(out->why, sizeof out->why, "%s",
                   invariants_why(s->env.invariants));
    trace_hash(s->env.trace, out->hash);
    out->lines = trace_count(s->env.trace);
    out->events = world_count(s->env.world);
    out->done_ms = s->done_ms;
    out->crashes = s->crashes;
    out->bad_keys = bad_keys(s);
    for (size_t i = 0; i < s->node_count; i++) {
        out->good_chunks += s->nodes[i]->good_chunks;
        out->bad_chunks += s->nodes[i]->bad_chunks;
        out->good_bytes += s->nodes[i]->good_bytes;
        out->got_bytes += s->nodes[i]->got_bytes;
        out->foe_waste_bytes +=
            s->nodes[i]->foe_got_bytes - s->nodes[i]->foe_good_bytes;
        out->proofs += s->nodes[i]->proofs;
        out->allocs_failed += s->nodes[i]->allocs_failed;
    }
    if (out->broken != NULL && tail != NULL)
        trace_dump(s->env.trace, tail);
}

void sim_run(const struct plan *p, uint64_t limit_ms, FILE *all, FILE *tail,
             struct sim_result *out)
{
    struct sim *s = mem_new(1, sizeof *s);

    build(s, p, all);
    faults_schedule(s);
    schedule_joins(s);
    go(s, limit_ms);
    check_waste(s);
    invariants_vain(s->env.invariants, s->nodes, s->node_count,
                    p->vain_percent);
    report(s, tail, out);
    tear_down(s);
    free(s);
}

void sim_check(const struct plan *p, FILE *all, FILE *tail,
               struct sim_result *out)
{
    struct plan calm;
    struct sim_result alone;

    plan_without_faults(p, &calm);
    if (!plan_has_faults(p) && p->broken == SIM_BREAK_NONE) {
        sim_run(p, p->join_ms + ALONE_LIMIT_MS, all, tail, out);
        out->alone_ms = out->done_ms;
        return;
    }
    sim_run(&calm, calm.join_ms + ALONE_LIMIT_MS, NULL, tail, &alone);
    alone.done_ms -= alone.done_ms != 0 ? calm.join_ms : 0;
    if (alone.broken != NULL) { /* it needs no faults to go wrong */
        if (all != NULL)
            sim_run(&calm, calm.join_ms + ALONE_LIMIT_MS, all, NULL, &alone);
        *out = alone;
        return;
    }
    sim_run(p,
            p->faults_ms + alone.done_ms * p->bound_percent / 100 + p->bound_ms,
            all, tail, out);
    out->alone_ms = alone.done_ms;
}

void sim_check_again(const struct plan *p, struct sim_result *r)
{
    struct sim_result again;

    sim_check(p, NULL, NULL, &again);
    if (!trace_same(r->hash, again.hash, r->why, sizeof r->why))
        r->broken = "S16";
}
