/* plan: all that a seed stands for: which scenario, how many nodes, what
 * course, what network, what goes wrong and until when. A plan is a value:
 * sim_run makes the same run of the same plan, always. */
#ifndef SIMULATIONS_PLAN_H
#define SIMULATIONS_PLAN_H

#include <stdbool.h>
#include <stdint.h>

#include "node/core/rng.h"
#include "simulations/adversary.h"
#include "simulations/course_kit.h"
#include "simulations/sim_node.h"

struct plan_range { /* both ends included */
    uint64_t min, max;
};

enum plan_shape {              /* whom a learner is told of at the start */
                  SHAPE_STAR,  /* the seeders, and the adversaries */
                  SHAPE_MESH,  /* the first seeder and some others */
                  SHAPE_CHAIN, /* the one before it */
};

struct plan_foes {
    enum adversary_kind kind;
    uint32_t count;
    bool rotates;
    bool visits;     /* they dial the learners too */
    uint64_t up_bps; /* 0 = as others */
    uint32_t keys;   /* each has so many of them; 0 = no end */
    bool conspires;  /* they name each other to whoever hears them */
};

#define PLAN_FOES_MAX 16

struct plan {
    uint64_t seed;
    const char *scenario;
    struct course_kit_params course;
    uint32_t seeders, learners;
    enum plan_shape shape;
    enum peer_scope scope;
    struct plan_range latency_us, up_bps, down_bps;
    uint64_t seeder_up_bps;  /* 0 = as others */
    uint64_t join_spread_ms; /* learners start within this */
    bool shrink;             /* core limits by coin */
    bool skew;               /* wall clocks differ by up to a day */
    bool versions;           /* nodes of an earlier and of a later version */
    struct plan_foes foes[PLAN_FOES_MAX];
    size_t foe_kinds;
    bool foes_go; /* at faults_ms */

    uint64_t faults_ms;         /* nothing goes wrong after that */
    uint64_t cut_every_ms;      /* a connection breaks; 0 = never */
    uint64_t half_every_ms;     /* one side of one does not hear of its end */
    uint64_t split_ms, heal_ms; /* a partition; 0 = none */
    bool one_way;               /* one direction of it gets through */
    uint64_t flap_every_ms;     /* a partition comes and goes */
    uint64_t move_every_ms;     /* a learner's address changes */
    bool seeders_move;          /* theirs too; others are told, as on a LAN */
    uint64_t crash_every_ms;    /* a learner goes, and comes back */
    bool twice;                 /* some crash again while they recover */
    uint64_t freeze_every_ms;   /* a learner stands still ... */
    uint64_t freeze_max_ms;     /* ... for at most so long */
    uint64_t clock_every_ms;    /* a wall clock jumps by years */
    bool drift;                 /* monotonic clocks run fast and slow */
    uint64_t rot_every_ms;      /* a chunk of a learner rots */
    uint32_t store_fail_permille;
    uint32_t alloc_every;      /* allocations of a core, of which one fails */
    uint64_t alloc_at;         /* or this one alone, from 1; 0 = none ... */
    bool alloc_of_seeder;      /* ... of the first seeder, else learner */
    uint64_t full_ms, room_ms; /* disks are full in between; 0 = never */
    bool seeder_leaves;        /* once the learners hold all together */
    uint64_t publish_ms;       /* the second edition appears; 0 = never */
    uint64_t publish_every_ms; /* and then the others */
    bool stops_when_complete;
    uint64_t away_ms, back_ms; /* the learners are not there in between; 0 =
                                  always */
    bool asleep;               /* then they stand still, else they are off */
    uint64_t join_ms;          /* learners start then */
    uint32_t conns_max;        /* of a learner; 0 = as usual */
    bool pinned;               /* seeders are, and foes are only hints */
    uint64_t lone_ms; /* so long without an honest peer that was dialled:
                         L6; 0 = not looked at */

    uint32_t bound_percent; /* of the time without faults ... */
    uint64_t bound_ms;      /* ... and so much on top: L1 */
    uint32_t waste_percent; /* of what is stored may come of foes in vain, and
                               a chunk of each key: T39; 0 = not looked at */
    uint32_t vain_percent;  /* of what is stored may come in vain on top, from
                               all together: T41; 0 = not looked at */
    enum sim_break broken;  /* of the first learner; the seeder's for SENT */
};

/* A scenario fills the plan from its generator; defaults stand already. */
struct scenario {
    const char *name;
    const char *what;
    uint32_t weight; /* how often a seed picks it */
    void (*fill)(struct plan *p, struct rng *rng);
};

/** plan_scenarios - the table, ended by a NULL name. */
const struct scenario *plan_scenarios(void);

/** plan_of_seed - the plan that @seed stands for: it picks a scenario, and the
 *  rest is as plan_named has it. */
void plan_of_seed(uint64_t seed, struct plan *out);

/** plan_named - scenario @name with @seed. false: there is none. */
bool plan_named(const char *name, uint64_t seed, struct plan *out);

/** plan_has_faults - does anything go wrong in it? */
bool plan_has_faults(const struct plan *p);

/** plan_without_faults - the same world in which nothing goes wrong. */
void plan_without_faults(const struct plan *p, struct plan *out);

/** plan_limits - the core's limits, shrunk by coin when the plan says so. */
void plan_limits(const struct plan *p, struct rng *rng,
                 struct core_limits *out);

#endif
