/* sim_internal: a world as sim.c builds it and faults.c disturbs it. */
#ifndef SIMULATIONS_SIM_INTERNAL_H
#define SIMULATIONS_SIM_INTERNAL_H

#include "simulations/sim.h"

struct sim {
    struct plan plan;
    struct rng rng; /* builds the world; faults have their own */
    struct rng fault_rng;
    struct sim_env env;
    struct course_kit *kit;
    struct sim_node **nodes; /* the seeders first */
    size_t node_count;
    struct adversary **foes;
    size_t foe_count;
    uint32_t *copies; /* of each slot of edition 1, among learners */
    uint32_t missing; /* slots of which there is none */
    bool seeder_gone;
    bool flapped;       /* the network is split for now */
    uint32_t published; /* editions after the first */
    uint64_t done_ms;
    uint64_t crashes;
};

/** Start node @index, or start it again, and tell it whom it knew. */
void sim__bring_up(struct sim *s, size_t index);

#endif
