/* broken: worlds in which nobody means harm: connections that are only half
 * there, networks that come and go, addresses that change, processes that stand
 * still, clocks that jump, disks that are full. */
#include "simulations/scenarios/scenarios_internal.h"

#define HEARTBEAT_MS 120000 /* until the deaf side of a connection hears */
#define DAY_MS 86400000u
#define WAKE_MS 5000 /* what was connected is over, and is dialled again */

void scenario__half(struct plan *p, struct rng *rng)
{
    scenario__course(p, rng, 150);
    scenario__far_apart(p, rng);
    p->learners = scenario__between(rng, 1, 5);
    p->up_bps = (struct plan_range){50000, 500000};
    p->faults_ms = scenario__between(rng, 5000, 40000);
    p->half_every_ms = scenario__between(rng, 500, 5000);
    p->bound_ms += HEARTBEAT_MS;
}

void scenario__oneway(struct plan *p, struct rng *rng)
{
    scenario__course(p, rng, 200);
    scenario__far_apart(p, rng);
    p->learners = scenario__between(rng, 2, 8);
    p->shape = SHAPE_MESH;
    p->one_way = true;
    p->split_ms = scenario__between(rng, 100, 5000);
    p->heal_ms = p->split_ms + scenario__between(rng, 1000, 90000);
    p->faults_ms = p->heal_ms;
}

void scenario__flap(struct plan *p, struct rng *rng)
{
    scenario__course(p, rng, 200);
    scenario__far_apart(p, rng);
    p->learners = scenario__between(rng, 2, 8);
    p->shape = scenario__one_in(rng, 2) ? SHAPE_STAR : SHAPE_MESH;
    p->one_way = scenario__one_in(rng, 3);
    p->faults_ms = scenario__between(rng, 5000, 60000);
    p->flap_every_ms = scenario__between(rng, 200, 20000);
    p->bound_ms += p->flap_every_ms * 2; /* the last turn ends so late */
}

void scenario__moves(struct plan *p, struct rng *rng)
{
    scenario__course(p, rng, 200);
    scenario__far_apart(p, rng);
    p->learners = scenario__between(rng, 1, 6);
    p->shape = scenario__one_in(rng, 2) ? SHAPE_STAR : SHAPE_MESH;
    p->up_bps = (struct plan_range){50000, 500000};
    p->faults_ms = scenario__between(rng, 5000, 40000);
    p->move_every_ms = scenario__between(rng, 1000, 10000);
    p->seeders_move = scenario__one_in(rng, 2);
}

/* Stop-the-world for 0.1 to 600 s. */
void scenario__frozen(struct plan *p, struct rng *rng)
{
    static const uint32_t longest_ms[] = {1000, 20000, 600000};

    scenario__course(p, rng, 150);
    scenario__far_apart(p, rng);
    p->learners = scenario__between(rng, 1, 5);
    p->up_bps = (struct plan_range){50000, 500000};
    p->freeze_max_ms = longest_ms[rng_below(rng, 3)];
    p->freeze_every_ms = scenario__between(rng, 500, 10000);
    p->faults_ms = scenario__between(rng, 5000, 30000) + p->freeze_max_ms;
}

/* T38: jumps of years, both ways, and clocks that drift; no ban ends early for
 * that, and nobody honest is shut out. */
void scenario__clocks(struct plan *p, struct rng *rng)
{
    scenario__course(p, rng, 200);
    p->seeders = 2;
    p->learners = scenario__between(rng, 1, 4);
    p->up_bps = (struct plan_range){50000, 500000};
    p->skew = p->drift = true;
    p->faults_ms = scenario__between(rng, 5000, 60000);
    p->clock_every_ms = scenario__between(rng, 200, 5000);
    scenario__foes(p, ADVERSARY_GARBAGE, scenario__between(rng, 0, 3))->visits =
        true;
    if (scenario__one_in(rng, 3))
        p->crash_every_ms = scenario__between(rng, 2000, 8000);
}

/* Crashes between any two effects, and again during recovery. */
void scenario__twice(struct plan *p, struct rng *rng)
{
    scenario__course(p, rng, 200);
    p->learners = scenario__between(rng, 1, 5);
    p->up_bps = (struct plan_range){50000, 500000};
    p->faults_ms = scenario__between(rng, 5000, 40000);
    p->crash_every_ms = scenario__between(rng, 500, 5000);
    p->twice = true;
}

/* L5: when there is room again, work goes on by itself. */
void scenario__full(struct plan *p, struct rng *rng)
{
    scenario__course(p, rng, 200);
    scenario__far_apart(p, rng);
    p->learners = scenario__between(rng, 1, 5);
    p->up_bps = (struct plan_range){50000, 500000};
    p->full_ms = scenario__between(rng, 100, 5000);
    p->room_ms = p->full_ms + scenario__between(rng, 500, 120000);
    p->faults_ms = p->room_ms;
}

/* Of all that a core and the formats ask for, one in so many is not there. */
void scenario__hunger(struct plan *p, struct rng *rng)
{
    scenario__course(p, rng, 100);
    scenario__far_apart(p, rng);
    p->seeders = scenario__between(rng, 1, 2);
    p->learners = scenario__between(rng, 1, 6);
    p->shape = scenario__one_in(rng, 2) ? SHAPE_STAR : SHAPE_MESH;
    p->shrink = scenario__one_in(rng, 3);
    p->up_bps = (struct plan_range){50000, 500000};
    p->faults_ms = scenario__between(rng, 5000, 40000);
    p->alloc_every = scenario__between(rng, 5, 100);
    if (scenario__one_in(rng, 3)) {
        p->course.editions = 2;
        p->publish_ms = scenario__between(rng, 500, 20000);
    }
    if (scenario__one_in(rng, 4))
        p->crash_every_ms = scenario__between(rng, 2000, 10000);
}

/* What is not known is passed over, and nobody is blamed for it. */
void scenario__versions(struct plan *p, struct rng *rng)
{
    scenario__course(p, rng, 120);
    scenario__far_apart(p, rng);
    p->versions = true;
    p->course.later = scenario__one_in(rng, 2);
    p->course.editions = scenario__between(rng, 1, 3);
    p->seeders = scenario__between(rng, 1, 3);
    p->learners = scenario__between(rng, 2, 9);
    p->shape = (enum plan_shape)scenario__between(rng, SHAPE_STAR, SHAPE_CHAIN);
    if (p->shape == SHAPE_CHAIN) /* it begins at who publishes */
        p->seeders = 1;
    p->shrink = scenario__one_in(rng, 3);
    p->stops_when_complete =
        p->course.editions == 1 && scenario__one_in(rng, 3);
    if (p->course.editions > 1) {
        p->publish_ms = scenario__between(rng, 200, 8000);
        p->publish_every_ms = scenario__between(rng, 200, 8000);
    }
    if (scenario__one_in(rng, 3)) {
        p->faults_ms = scenario__between(rng, 2000, 20000);
        p->cut_every_ms = scenario__between(rng, 500, 5000);
    }
}

/* L4: off or asleep for 30 days while editions appear. Without that, newcomers
 * come at its end: a cold sync. */
void scenario__month(struct plan *p, struct rng *rng)
{
    scenario__course(p, rng, 150);
    scenario__far_apart(p, rng);
    p->course.editions = scenario__between(rng, 2, COURSE_KIT_EDITIONS);
    p->learners = scenario__between(rng, 1, 5);
    p->shrink = scenario__one_in(rng, 3);
    p->join_spread_ms = 0;
    p->away_ms = scenario__between(rng, 200, 30000);
    p->asleep = scenario__one_in(rng, 2);
    p->back_ms = p->faults_ms = p->away_ms + 30 * DAY_MS;
    p->publish_ms = p->away_ms + scenario__between(rng, 60000, DAY_MS);
    p->publish_every_ms = scenario__between(rng, 60000, 3 * DAY_MS);
    p->bound_percent = 200;
    p->bound_ms = p->asleep ? WAKE_MS : 0;
}

void scenario__weather(struct plan *p, struct rng *rng)
{
    if (scenario__one_in(rng, 4))
        p->flap_every_ms = scenario__between(rng, 1000, 10000);
    else if (scenario__one_in(rng, 4))
        p->half_every_ms = scenario__between(rng, 1000, 10000);
    p->one_way = scenario__one_in(rng, 2);
    if (scenario__one_in(rng, 4))
        p->move_every_ms = scenario__between(rng, 2000, 20000);
    if (scenario__one_in(rng, 4)) {
        p->freeze_every_ms = scenario__between(rng, 1000, 10000);
        p->freeze_max_ms = scenario__between(rng, 1, 30000);
    }
    if (scenario__one_in(rng, 4))
        p->clock_every_ms = scenario__between(rng, 1000, 10000);
    p->drift = scenario__one_in(rng, 2);
    p->twice = scenario__one_in(rng, 2);
    p->bound_ms += p->half_every_ms != 0 ? HEARTBEAT_MS : 0;
    p->bound_ms += 2 * p->flap_every_ms;
    if (scenario__one_in(rng, 4))
        p->alloc_every = scenario__between(rng, 5, 200);
    p->versions = scenario__one_in(rng, 3);
    p->course.later = p->versions && scenario__one_in(rng, 2);
}
