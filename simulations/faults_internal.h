/* faults_internal: faults.c disturbs nodes, faults_net.c what lies between. */
#ifndef SIMULATIONS_FAULTS_INTERNAL_H
#define SIMULATIONS_FAULTS_INTERNAL_H

#include "simulations/sim_internal.h"

#define SAY(s, ...)                                                            \
    trace_line((s)->env.trace, world_now_us((s)->env.world), __VA_ARGS__)

/* faults.c */
/** Is the time for faults over? */
bool faults__over(const struct sim *s);
/** @fn around @every_ms from now, but not always the same. */
void faults__again(struct sim *s, uint64_t every_ms, world_fn *fn);
struct sim_node *faults__some_learner(struct sim *s, size_t *out_index);

/* faults_net.c */
void faults__schedule_net(struct sim *s);

#endif
