#include "storage/delta.h"

#include <stdlib.h>
#include <string.h>

/* By id, then by slot. */
static int by_id(const void *a, const void *b)
{
    const struct chunk_ref *x = *(const struct chunk_ref *const *)a;
    const struct chunk_ref *y = *(const struct chunk_ref *const *)b;
    int order = memcmp(x->id.b, y->id.b, ID_BYTES);

    return order != 0 ? order : (x > y) - (x < y);
}

/* The slots of @t in order of their ids. NULL when out of memory. */
static const struct chunk_ref **sorted(const struct chunk_table *t)
{
    const struct chunk_ref **list = calloc((size_t)t->count + 1, sizeof *list);

    for (uint32_t i = 0; list != NULL && i < t->count; i++)
        list[i] = &t->refs[i];
    if (list != NULL)
        qsort(list, t->count, sizeof *list, by_id);
    return list;
}

static bool bit(const uint8_t *bits, uint32_t i)
{
    return bits != NULL && (bits[i / 8] & (0x80u >> (i % 8))) != 0;
}

/* @held: what the store has of @to, or NULL. */
static void count(const struct chunk_table *to, const struct chunk_ref **want,
                  const struct chunk_table *from, const struct chunk_ref **have,
                  const uint8_t *held, uint8_t *out_slots, struct delta *out)
{
    uint32_t at = 0;

    for (uint32_t i = 0; i < to->count; i++) {
        uint32_t slot = (uint32_t)(want[i] - to->refs);

        if (i != 0 && chunk_id_eq(&want[i]->id, &want[i - 1]->id))
            continue;
        while (from != NULL && at < from->count &&
               memcmp(have[at]->id.b, want[i]->id.b, ID_BYTES) < 0)
            at++;
        if (bit(held, slot) || (from != NULL && at < from->count &&
                                chunk_id_eq(&have[at]->id, &want[i]->id)))
            continue;
        out->chunks++;
        out->stored_bytes += want[i]->stored_len;
        if (out_slots != NULL)
            out_slots[slot / 8] |= (uint8_t)(0x80u >> (slot % 8));
    }
}

int delta_plan(const struct chunk_table *to, const struct chunk_table *from,
               struct store *s, uint8_t *out_slots, struct delta *out,
               struct err *e)
{
    const struct chunk_ref **want = sorted(to);
    const struct chunk_ref **have = from != NULL ? sorted(from) : NULL;
    uint8_t *held = s != NULL ? calloc(1, to->count / 8 + 1) : NULL;
    struct delta d = {0};
    uint32_t n;
    int rc = 0;

    if (want == NULL || (from != NULL && have == NULL) ||
        (s != NULL && held == NULL))
        rc = err_set(e, ERR_NOMEM, "plan");
    if (rc == 0 && s != NULL)
        rc = store_have(s, to->refs, to->count, held, &n, e);
    if (rc == 0) {
        if (out_slots != NULL)
            memset(out_slots, 0, ((size_t)to->count + 7) / 8);
        count(to, want, from, have, held, out_slots, &d);
        *out = d;
    }
    free(held);
    free(have);
    free(want);
    return rc;
}
