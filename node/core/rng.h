/* rng: xoshiro256**, so that a run can be repeated. Not for secrets.
 * Source: Blackman and Vigna, "Scrambled linear pseudorandom number
 * generators".
 */
#ifndef NODE_CORE_RNG_H
#define NODE_CORE_RNG_H

#include <stdint.h>

struct rng {
    uint64_t s[4];
};

/** rng_init - @seed: any four words; all zero is mended. */
void rng_init(struct rng *r, const uint64_t seed[4]);
uint64_t rng_next(struct rng *r);
/** rng_below - 0..n-1, n > 0. */
uint64_t rng_below(struct rng *r, uint64_t n);
/** rng_mix - a fixed scramble of @x, for orders that need no state. */
uint64_t rng_mix(uint64_t x);

#endif
