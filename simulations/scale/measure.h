/* measure: the same swarm as in flow.h, at the packet level: the real core on
 * the virtual network, its trace counted line by line. For 2 to 200 nodes. */
#ifndef SIMULATIONS_SCALE_MEASURE_H
#define SIMULATIONS_SCALE_MEASURE_H

#include <stdint.h>

#include "simulations/scale/flow.h"

struct measured {
    double mean_s, last_s; /* as in struct flow_result */
    double copies, links, messages, control;
    double words_a_link, peers_a_link, chunks_a_want; /* for struct flow_fit */
};

/** measure_run - one course; p->courses and p->mirrors do not count. Ends the
 *  process with a word when an invariant breaks. */
void measure_run(const struct flow_params *p, struct measured *out);

#endif
