/* be: numbers as bytes, the highest first: in files and on the wire. */
#ifndef CRYPTO_BASE_BE_H
#define CRYPTO_BASE_BE_H

#include <stddef.h>
#include <stdint.h>

/** be_put - @v in @n bytes, 1..8; higher bits are cut. */
static inline void be_put(uint8_t *p, uint64_t v, size_t n)
{
    for (size_t i = 0; i < n; i++)
        p[i] = (uint8_t)(v >> (8 * (n - 1 - i)));
}

/** be_get - the number in @n bytes, 1..8. */
static inline uint64_t be_get(const uint8_t *p, size_t n)
{
    uint64_t v = 0;

    for (size_t i = 0; i < n; i++)
        v = v << 8 | p[i];
    return v;
}

#endif
