#include "simulations/dice.h"

void dice_init(struct rng *rng, uint64_t seed, uint64_t part)
{
    uint64_t words[4];
    uint64_t x = rng_mix(seed) ^ rng_mix(~part);

    for (int i = 0; i < 4; i++)
        words[i] = x = rng_mix(x);
    rng_init(rng, words);
}
