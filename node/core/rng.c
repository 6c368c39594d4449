#include "node/core/rng.h"

static uint64_t rotl(uint64_t x, unsigned k)
{
    return x << k | x >> (64 - k);
}

uint64_t rng_mix(uint64_t x)
{
    x += UINT64_C(0x9e3779b97f4a7c15);
    x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
    return x ^ x >> 31;
}

void rng_init(struct rng *r, const uint64_t seed[4])
{
    for (int i = 0; i < 4; i++)
        r->s[i] = rng_mix(seed[i] + (uint64_t)i);
}

uint64_t rng_next(struct rng *r)
{
    uint64_t out = rotl(r->s[1] * 5, 7) * 9;
    uint64_t t = r->s[1] << 17;

    r->s[2] ^= r->s[0];
    r->s[3] ^= r->s[1];
    r->s[1] ^= r->s[2];
    r->s[0] ^= r->s[3];
    r->s[2] ^= t;
    r->s[3] = rotl(r->s[3], 45);
    return out;
}

uint64_t rng_below(struct rng *r, uint64_t n)
{
    return rng_next(r) % n; /* the bias is far below what n is used for */
}
