/* dice: generators for the parts of a world, all from its one seed. The
 * generator is the core's (node/core/rng.h); here is only how its four words
 * are filled, so that neighbouring seeds have nothing in common. */
#ifndef SIMULATIONS_DICE_H
#define SIMULATIONS_DICE_H

#include <stdint.h>

#include "node/core/rng.h"

/** dice_init - @part tells the generators of one seed apart. */
void dice_init(struct rng *rng, uint64_t seed, uint64_t part);

#endif
