#include "node/core/bits.h"

#include <stdlib.h>
#include <string.h>

bool bits_init(struct bits *b, uint32_t count)
{
    b->w = calloc(bits_words(count) + 1u, sizeof *b->w);
    b->count = b->w != NULL ? count : 0;
    return b->w != NULL;
}

void bits_deinit(struct bits *b)
{
    free(b->w);
    b->w = NULL;
    b->count = 0;
}

bool bits_grow(struct bits *b, uint32_t count)
{
    struct bits grown;

    if (!bits_init(&grown, count))
        return false;
    if (b->w != NULL)
        memcpy(grown.w, b->w,
               bits_words(b->count < count ? b->count : count) * sizeof *b->w);
    bits_deinit(b);
    *b = grown;
    return true;
}

uint32_t bits_total(const struct bits *b)
{
    uint32_t n = 0;

    for (uint32_t i = 0; i < bits_words(b->count); i++)
        n += (uint32_t)__builtin_popcountll(b->w[i]);
    return n;
}

void bits_from_bytes(struct bits *b, uint32_t first, const uint8_t *bytes,
                     uint32_t n)
{
    for (uint32_t i = 0; i < n && first + i < b->count; i++)
        if ((bytes[i / 8] & (0x80u >> (i % 8))) != 0)
            bits_set(b, first + i);
}

void bits_to_bytes(const struct bits *b, uint32_t first, uint32_t n,
                   uint8_t *out)
{
    memset(out, 0, (n + 7) / 8);
    for (uint32_t i = 0; i < n; i++)
        if (bits_get(b, first + i))
            out[i / 8] |= (uint8_t)(0x80u >> (i % 8));
}
