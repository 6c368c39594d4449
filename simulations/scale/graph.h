/* graph: who is connected to whom. Sources (the publisher and its mirrors) are
 * known to all, and take so many connections; learners of one course know each
 * other by a few random dials, as peer exchange brings them about. */
#ifndef SIMULATIONS_SCALE_GRAPH_H
#define SIMULATIONS_SCALE_GRAPH_H

#include <stdint.h>

#include "node/core/rng.h"

struct graph {
    uint32_t nodes;
    uint32_t *first; /* nodes + 1: where the neighbours of one begin */
    uint32_t *to;
};

/**
 * graph_make - learners as nodes 0..n-1, sources left out.
 * @course: of each learner. @dials: each makes to others of its course; all of
 * them when there are no more. @links_max: nobody has more.
 */
void graph_make(struct graph *g, const uint32_t *course, uint32_t n,
                uint32_t courses, uint32_t dials, uint32_t links_max,
                struct rng *rng);
void graph_free(struct graph *g);

#endif
