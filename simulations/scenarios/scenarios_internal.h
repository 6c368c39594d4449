/* scenarios_internal: what the files of scenarios/ share. scenarios.c is the
 * table; each other file is a family of worlds. */
#ifndef SIMULATIONS_SCENARIOS_SCENARIOS_INTERNAL_H
#define SIMULATIONS_SCENARIOS_SCENARIOS_INTERNAL_H

#include "simulations/plan.h"

/* scenarios.c */
uint32_t scenario__between(struct rng *rng, uint32_t min, uint32_t max);
bool scenario__one_in(struct rng *rng, uint32_t n);
void scenario__course(struct plan *p, struct rng *rng, uint32_t chunks_max);
/** On the wide area network, by coin. */
void scenario__far_apart(struct plan *p, struct rng *rng);
struct plan_foes *scenario__foes(struct plan *p, enum adversary_kind kind,
                                 uint32_t count);
/** Faults of the network and of nodes, each by coin. */
void scenario__weather(struct plan *p, struct rng *rng);

/* broken.c: the network, the clocks and the disks */
void scenario__half(struct plan *p, struct rng *rng);
void scenario__oneway(struct plan *p, struct rng *rng);
void scenario__flap(struct plan *p, struct rng *rng);
void scenario__moves(struct plan *p, struct rng *rng);
void scenario__frozen(struct plan *p, struct rng *rng);
void scenario__clocks(struct plan *p, struct rng *rng);
void scenario__twice(struct plan *p, struct rng *rng);
void scenario__full(struct plan *p, struct rng *rng);
void scenario__hunger(struct plan *p, struct rng *rng);
void scenario__versions(struct plan *p, struct rng *rng);

/* hostile.c: those who mean harm */
void scenario__misers(struct plan *p, struct rng *rng);
void scenario__replay(struct plan *p, struct rng *rng);
void scenario__freeze(struct plan *p, struct rng *rng);
void scenario__fleet(struct plan *p, struct rng *rng);
void scenario__byzantine(struct plan *p, struct rng *rng);
void scenario__month(struct plan *p, struct rng *rng);
void scenario__eclipse(struct plan *p, struct rng *rng);

#endif
