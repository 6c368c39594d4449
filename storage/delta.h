/* delta: what has to come from elsewhere to have an edition whole: the chunks
 * that neither another edition nor the store has. For `diff`, `update --check`
 * and packs that start from an edition. Reads tables, no content. */
#ifndef STORAGE_DELTA_H
#define STORAGE_DELTA_H

#include <stdint.h>

#include "crypto/base/err.h"
#include "storage/manifest.h"
#include "storage/store.h"

struct delta {
    uint32_t chunks;       /* each id once */
    uint64_t stored_bytes; /* of them */
};

/**
 * delta_plan - the chunks of @to that have to come.
 * @to:   every slot counts: those of the manifest's blobs too, as a fetch does.
 * @from: whose chunks are there; NULL: nothing is.
 * @s:    what it holds is there, too; NULL: it is not asked.
 * @out_slots: NULL, or (to->count + 7) / 8 bytes, filled: bits, MSB first, of
 *        the slots that have to come; of slots with one id the first.
 * Return: 0, ERR_NOMEM, ERR_IO. Cost: O(n log n) of both counts.
 */
int delta_plan(const struct chunk_table *to, const struct chunk_table *from,
               struct store *s, uint8_t *out_slots, struct delta *out,
               struct err *e);

#endif
