/* hostile: worlds full of those who mean harm. */
#include "simulations/scenarios/scenarios_internal.h"

#define FLEET_HOSTS 16

/* T10: they answer just before it is late, for ever. */
void scenario__misers(struct plan *p, struct rng *rng)
{
    scenario__course(p, rng, 150);
    p->learners = scenario__between(rng, 1, 3);
    scenario__foes(p, ADVERSARY_TRICKLER, scenario__between(rng, 1, 9))
        ->visits = scenario__one_in(rng, 2);
    p->bound_percent = 200;
    p->bound_ms = 30000;
}

/* S6, T12: words of others and of yesterday, old withdrawals among them. */
void scenario__replay(struct plan *p, struct rng *rng)
{
    scenario__course(p, rng, 100);
    scenario__far_apart(p, rng);
    p->course.editions = scenario__between(rng, 2, 5);
    p->learners = scenario__between(rng, 1, 5);
    p->publish_ms = scenario__between(rng, 100, 8000);
    p->publish_every_ms = scenario__between(rng, 500, 5000);
    p->join_spread_ms = scenario__between(rng, 0, 10000);
    p->faults_ms = 30000;
    scenario__foes(p, ADVERSARY_REPLAYER, scenario__between(rng, 1, 4))
        ->visits = true;
    p->foes[0].rotates = scenario__one_in(rng, 2);
    p->foes_go = p->foes[0].rotates;
}

/* L2: who hides a new edition does not keep anybody from it. */
void scenario__freeze(struct plan *p, struct rng *rng)
{
    scenario__course(p, rng, 100);
    scenario__far_apart(p, rng);
    p->course.editions = scenario__between(rng, 2, COURSE_KIT_EDITIONS);
    p->learners = scenario__between(rng, 2, 6);
    p->shape = scenario__one_in(rng, 2) ? SHAPE_STAR : SHAPE_MESH;
    p->publish_ms = scenario__between(rng, 500, 5000);
    p->publish_every_ms = scenario__between(rng, 200, 5000);
    scenario__foes(p, ADVERSARY_FREEZER, scenario__between(rng, 2, 9))->visits =
        true;
}

/* T39: a thousand keys, each good for one bad chunk. */
void scenario__fleet(struct plan *p, struct rng *rng)
{
    struct plan_foes *f;

    scenario__course(p, rng, 200);
    p->seeders = 2;
    p->learners = scenario__between(rng, 1, 3);
    p->up_bps = (struct plan_range){100000, 1000000};
    f = scenario__foes(p, ADVERSARY_FLEET, FLEET_HOSTS);
    f->keys = 1000 / FLEET_HOSTS;
    f->rotates = f->visits = true;
    p->bound_percent = 200;
    p->waste_percent = 5;
}

/* 80 of 100 are hostile, of all kinds. */
void scenario__byzantine(struct plan *p, struct rng *rng)
{
    static const uint8_t shares[ADVERSARY_KIND_COUNT] = {
        [ADVERSARY_GARBAGE] = 10, [ADVERSARY_LIAR] = 8,
        [ADVERSARY_SHIFTER] = 6,  [ADVERSARY_STALLER] = 10,
        [ADVERSARY_FLOODER] = 4,  [ADVERSARY_MALFORMED] = 4,
        [ADVERSARY_FORGER] = 4,   [ADVERSARY_POISONER] = 6,
        [ADVERSARY_TRICKLER] = 8, [ADVERSARY_REPLAYER] = 6,
        [ADVERSARY_FREEZER] = 6,  [ADVERSARY_FLEET] = 4,
        [ADVERSARY_DOUBLE] = 4};

    p->course = (struct course_kit_params){.chunks = 60,
                                           .chunk_min = 1024,
                                           .chunk_max = 65536,
                                           .editions = 2,
                                           .odd = true};
    p->seeders = 12;
    p->learners = 8;
    p->scope = SCOPE_PUBLIC;
    p->latency_us = (struct plan_range){5000, 60000};
    p->up_bps = (struct plan_range){100000, 1000000};
    p->down_bps = (struct plan_range){1000000, 5000000};
    p->publish_ms = scenario__between(rng, 1000, 3000);
    for (int k = 0; k < ADVERSARY_KIND_COUNT; k++)
        scenario__foes(p, (enum adversary_kind)k, shares[k])->visits = true;
    p->foes[ADVERSARY_FLEET].rotates = true;
    p->foes[ADVERSARY_FLEET].keys = 20;
    p->bound_percent = 200;
    p->bound_ms = 10000; /* a deadline of a request */
    p->waste_percent = 5;
    p->vain_percent = 100;
}

/* L6: all but one address that a learner is given, or hears of, are of those
 * who name each other; they fill its book, its dials and its connections. */
void scenario__eclipse(struct plan *p, struct rng *rng)
{
    static const enum adversary_kind kinds[] = {
        ADVERSARY_POISONER, ADVERSARY_FREEZER, ADVERSARY_LIAR,
        ADVERSARY_STALLER};

    scenario__course(p, rng, 60);
    scenario__far_apart(p, rng);
    p->learners = scenario__between(rng, 1, 2);
    p->pinned = true;
    p->lone_ms = 600000;
    p->shrink = scenario__one_in(rng, 2);
    p->conns_max = scenario__one_in(rng, 2) ? 16 : 0;
    p->faults_ms = scenario__between(rng, 1000000, 1800000);
    p->crash_every_ms = scenario__between(rng, 200000, 900000);
    if (scenario__one_in(rng, 2))
        p->cut_every_ms = scenario__between(rng, 5000, 60000);
    if (scenario__one_in(rng, 2)) {
        p->split_ms = scenario__between(rng, 1000, 60000);
        p->heal_ms = p->split_ms + scenario__between(rng, 20000, 700000);
    }
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        uint32_t count = i == 0 ? 1 : 3 * (p->seeders + p->learners);
        struct plan_foes *f = scenario__foes(p, kinds[i], count);

        f->visits = f->conspires = true;
        f->rotates = scenario__one_in(rng, 2);
    }
}
