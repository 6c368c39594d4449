/* bits: a set of slots as words, one word an extent. Pure and small. */
#ifndef NODE_CORE_BITS_H
#define NODE_CORE_BITS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct bits {
    uint64_t *w; /* bit i of word i / 64 */
    uint32_t count;
};

/** bits_init - @count clear bits; false when out of memory. */
bool bits_init(struct bits *b, uint32_t count);
void bits_deinit(struct bits *b);
/** bits_grow - to @count bits, new ones clear. */
bool bits_grow(struct bits *b, uint32_t count);

static inline uint32_t bits_words(uint32_t count)
{
    return (count + 63) / 64;
}

static inline bool bits_get(const struct bits *b, uint32_t i)
{
    return i < b->count && (b->w[i / 64] >> (i % 64) & 1) != 0;
}

static inline void bits_set(struct bits *b, uint32_t i)
{
    b->w[i / 64] |= UINT64_C(1) << (i % 64);
}

static inline void bits_clear(struct bits *b, uint32_t i)
{
    b->w[i / 64] &= ~(UINT64_C(1) << (i % 64));
}

/** bits_total - how many are set. */
uint32_t bits_total(const struct bits *b);

/** bits_from_bytes - OR in @n bits, most significant first, at @first (a
 *  multiple of 8). Bits beyond the set are dropped. */
void bits_from_bytes(struct bits *b, uint32_t first, const uint8_t *bytes,
                     uint32_t n);

/** bits_to_bytes - @n bits from @first (a multiple of 8), most significant
 *  first, spare bits zero. @out: (n + 7) / 8 bytes. */
void bits_to_bytes(const struct bits *b, uint32_t first, uint32_t n,
                   uint8_t *out);

#endif
