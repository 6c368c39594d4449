#include "storage/recent.h"

#include <stdlib.h>
#include <string.h>

#define SLOTS (2 * RECENT_MAX) /* a power of two */

struct recent {
    size_t count;
    struct index_chunk rows[RECENT_MAX];
    uint16_t slots[SLOTS]; /* 1 + number of the row; 0 = free */
};

struct recent *recent_new(void)
{
    return calloc(1, sizeof(struct recent));
}

void recent_free(struct recent *r)
{
    free(r);
}

/* Where it is, or the free slot where it belongs. */
static size_t slot_of(const struct recent *r, const struct chunk_id *id)
{
    uint64_t h;
    size_t at;

    memcpy(&h, id->b, sizeof h);
    at = (size_t)h & (SLOTS - 1);
    while (r->slots[at] != 0 &&
           !chunk_id_eq(&r->rows[r->slots[at] - 1].ref.id, id))
        at = (at + 1) & (SLOTS - 1);
    return at;
}

const struct index_chunk *recent_find(const struct recent *r,
                                      const struct chunk_id *id)
{
    uint16_t n = r->slots[slot_of(r, id)];

    return n != 0 ? &r->rows[n - 1] : NULL;
}

void recent_add(struct recent *r, const struct index_chunk *c)
{
    size_t at = slot_of(r, &c->ref.id);

    r->rows[r->count++] = *c;
    r->slots[at] = (uint16_t)r->count;
}

size_t recent_count(const struct recent *r)
{
    return r->count;
}

void recent_clear(struct recent *r)
{
    r->count = 0;
    memset(r->slots, 0, sizeof r->slots);
}
