#include "node/api/wanted.h"

#include <stdlib.h>
#include <string.h>

static bool has(const struct wanted *w, uint32_t slot)
{
    return (w->have[slot / 8] & (0x80u >> (slot % 8))) != 0;
}

static int by_id(const void *a, const void *b)
{
    return memcmp(((const struct wanted_slot *)a)->id.b,
                  ((const struct wanted_slot *)b)->id.b, ID_BYTES);
}

void wanted_deinit(struct wanted *w)
{
    free(w->order);
    free(w->have);
    *w = (struct wanted){NULL, NULL, NULL};
}

int wanted_look(struct wanted *w, struct store *s, struct err *e)
{
    uint32_t held;

    return store_have(s, w->table->refs, w->table->count, w->have, &held, e);
}

int wanted_follow(struct wanted *w, const struct chunk_table *t,
                  struct store *s, struct err *e)
{
    int rc;

    wanted_deinit(w);
    w->table = t;
    w->order = calloc(t->count + 1u, sizeof *w->order);
    w->have = calloc(1, t->count / 8 + 1);
    rc = w->order != NULL && w->have != NULL ? wanted_look(w, s, e)
                                             : err_set(e, ERR_NOMEM, "chunks");
    if (rc != 0) {
        wanted_deinit(w);
        return rc;
    }
    for (uint32_t i = 0; i < t->count; i++)
        w->order[i] = (struct wanted_slot){t->refs[i].id, i};
    qsort(w->order, t->count, sizeof *w->order, by_id);
    return 0;
}

/* The first place in `order` of a chunk, or the table's count. */
static uint32_t place_of(const struct wanted *w, const struct chunk_id *id)
{
    uint32_t low = 0;
    uint32_t high = w->table != NULL ? w->table->count : 0;
    uint32_t none = high;

    while (low < high) {
        uint32_t mid = low + (high - low) / 2;

        if (memcmp(w->order[mid].id.b, id->b, ID_BYTES) < 0)
            low = mid + 1;
        else
            high = mid;
    }
    return low < none && chunk_id_eq(&w->order[low].id, id) ? low : none;
}

const struct chunk_ref *wanted_find(const struct wanted *w,
                                    const struct chunk_id *id, bool *out_have)
{
    uint32_t at = place_of(w, id);

    if (w->table == NULL || at == w->table->count)
        return NULL;
    *out_have = has(w, w->order[at].slot);
    return &w->table->refs[w->order[at].slot];
}

/* Several slots may be one chunk. */
uint64_t wanted_came(struct wanted *w, const struct chunk_id *id)
{
    uint64_t bytes = 0;

    if (w->table == NULL)
        return 0;
    for (uint32_t at = place_of(w, id);
         at < w->table->count && chunk_id_eq(&w->order[at].id, id); at++) {
        uint32_t slot = w->order[at].slot;

        bytes += has(w, slot) ? 0 : w->table->refs[slot].stored_len;
        w->have[slot / 8] |= (uint8_t)(0x80u >> (slot % 8));
    }
    return bytes;
}

void wanted_counts(const struct wanted *w, struct wanted_count *out)
{
    struct wanted_count n = {0};

    for (uint32_t i = 0; w->table != NULL && i < w->table->count; i++) {
        uint32_t slot = w->order[i].slot;
        uint32_t len = w->table->refs[slot].stored_len;

        n.all_bytes += len;
        if (!has(w, slot)) {
            n.missing++;
            continue;
        }
        n.held_bytes += len;
        n.held_chunks +=
            i == 0 || !chunk_id_eq(&w->order[i].id, &w->order[i - 1].id);
    }
    *out = n;
}
