#include "simulations/plan.h"

#include <string.h>

#include "simulations/dice.h"

static void defaults(struct plan *p, uint64_t seed)
{
    *p = (struct plan){
        .seed = seed,
        .course = {.chunks = 24,
                   .chunk_min = 64,
                   .chunk_max = 8192,
                   .editions = 1},
        .seeders = 1,
        .learners = 1,
        .shape = SHAPE_STAR,
        .scope = SCOPE_LAN,
        .latency_us = {200, 5000},
        .up_bps = {1000000, 20000000},
        .down_bps = {1000000, 20000000},
        .join_spread_ms = 500,
        .bound_percent = 300,
        .bound_ms = 60000,
    };
}

static void fill(const struct scenario *s, uint64_t seed, struct rng *rng,
                 struct plan *out)
{
    defaults(out, seed);
    out->scenario = s->name;
    s->fill(out, rng);
}

void plan_of_seed(uint64_t seed, struct plan *out)
{
    const struct scenario *s = plan_scenarios();
    uint64_t total = 0;
    uint64_t pick;
    struct rng rng;

    for (size_t i = 0; s[i].name != NULL; i++)
        total += s[i].weight;
    dice_init(&rng, seed, 7);
    pick = rng_below(&rng, total);
    while (pick >= s->weight) {
        pick -= s->weight;
        s++;
    }
    dice_init(&rng, seed, 6); /* as plan_named does */
    fill(s, seed, &rng, out);
}

bool plan_named(const char *name, uint64_t seed, struct plan *out)
{
    struct rng rng;

    for (const struct scenario *s = plan_scenarios(); s->name != NULL; s++) {
        if (strcmp(s->name, name) != 0)
            continue;
        dice_init(&rng, seed, 6);
        fill(s, seed, &rng, out);
        return true;
    }
    return false;
}

bool plan_has_faults(const struct plan *p)
{
    return p->foe_kinds != 0 || p->cut_every_ms != 0 || p->half_every_ms != 0 ||
           p->split_ms != 0 || p->flap_every_ms != 0 || p->move_every_ms != 0 ||
           p->away_ms != 0 || p->crash_every_ms != 0 ||
           p->freeze_every_ms != 0 || p->clock_every_ms != 0 || p->drift ||
           p->rot_every_ms != 0 || p->store_fail_permille != 0 ||
           p->full_ms != 0 || p->seeder_leaves || p->alloc_every != 0 ||
           p->alloc_at != 0;
}

void plan_without_faults(const struct plan *p, struct plan *out)
{
    *out = *p;
    out->foe_kinds = 0;
    out->cut_every_ms = out->half_every_ms = 0;
    out->split_ms = out->heal_ms = out->flap_every_ms = 0;
    out->move_every_ms = 0;
    out->crash_every_ms = out->freeze_every_ms = out->rot_every_ms = 0;
    out->clock_every_ms = 0;
    out->drift = false;
    out->store_fail_permille = 0;
    out->full_ms = out->room_ms = 0;
    out->alloc_every = 0;
    out->alloc_at = 0;
    out->seeder_leaves = false;
    out->faults_ms = 0;
    if (p->away_ms != 0) /* newcomers, when the others come back */
        out->join_ms = p->back_ms;
    out->away_ms = 0;
    out->broken = SIM_BREAK_NONE;
}

static uint32_t coin(struct rng *rng, uint32_t usual, uint32_t small)
{
    return rng_below(rng, 2) == 0 ? usual : small;
}

static void shrink_times(struct rng *rng, struct core_limits *l)
{
    if (rng_below(rng, 2) == 0)
        l->connect_deadline_ms /= 2;
    if (rng_below(rng, 2) == 0)
        l->request_min_ms /= 4;
    if (rng_below(rng, 2) == 0)
        l->request_max_ms /= 4;
    if (rng_below(rng, 2) == 0)
        l->request_alone_ms /= 8;
    if (rng_below(rng, 2) == 0)
        l->dial_backoff_ms /= 10;
}

void plan_limits(const struct plan *p, struct rng *rng, struct core_limits *out)
{
    core_limits_default(out);
    if (!p->shrink)
        return;
    out->window_start_bytes = coin(rng, out->window_start_bytes, 4096);
    out->window_wan_bytes = coin(rng, out->window_wan_bytes, 64 * 1024);
    out->window_lan_bytes = coin(rng, out->window_lan_bytes, 64 * 1024);
    out->unstored_bytes = coin(rng, out->unstored_bytes, 64 * 1024);
    out->want_queue_bytes = coin(rng, out->want_queue_bytes, 32 * 1024);
    out->unsent_peer_bytes = coin(rng, out->unsent_peer_bytes, 32 * 1024);
    out->unsent_total_bytes = coin(rng, out->unsent_total_bytes, 64 * 1024);
    out->ids_per_want = coin(rng, out->ids_per_want, 1);
    out->requests_per_s = coin(rng, out->requests_per_s, 20);
    out->dials_max = coin(rng, out->dials_max, 2);
    out->requests_max = coin(rng, out->requests_max, 1); /* no pipeline */
    out->wanted_max = coin(rng, out->wanted_max, 4);
    out->interests_max = coin(rng, out->interests_max, 1);
    out->serving_max = coin(rng, out->serving_max, 1);
    out->known_max = coin(rng, out->known_max, 64);
    out->bans_max = coin(rng, out->bans_max, 2);
    out->book_max = coin(rng, out->book_max, 8);
    shrink_times(rng, out);
}
