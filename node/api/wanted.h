/* wanted: which chunks of an edition are here and which are still to come, when
 * they come in no order and from no peer. Not thread-safe. */
#ifndef NODE_API_WANTED_H
#define NODE_API_WANTED_H

#include <stdbool.h>
#include <stdint.h>

#include "crypto/base/err.h"
#include "storage/manifest.h"
#include "storage/store.h"

struct wanted_slot { /* sorted by the chunk's id */
    struct chunk_id id;
    uint32_t slot;
};

struct wanted {
    const struct chunk_table *table; /* borrowed; NULL: nothing is wanted */
    struct wanted_slot *order;
    uint8_t *have; /* a bit each slot, MSB first */
};

/** wanted_follow - the chunks of @t, and what @s holds of them. What was wanted
 *  before is not any more. ERR_NOMEM, ERR_IO; then nothing is. */
int wanted_follow(struct wanted *w, const struct chunk_table *t,
                  struct store *s, struct err *e);

/** wanted_look - ask @s again. */
int wanted_look(struct wanted *w, struct store *s, struct err *e);

void wanted_deinit(struct wanted *w);

/** wanted_find - what the edition says of the chunk, or NULL: it names none
 *  such. *out_have: it is here. */
const struct chunk_ref *wanted_find(const struct wanted *w,
                                    const struct chunk_id *id, bool *out_have);

/** wanted_came - the chunk is here. Return: the bytes of all its slots. */
uint64_t wanted_came(struct wanted *w, const struct chunk_id *id);

struct wanted_count {
    uint32_t missing;               /* slots */
    uint32_t held_chunks;           /* different ones */
    uint64_t held_bytes, all_bytes; /* stored, of the slots */
};

/** wanted_counts - O(slots). */
void wanted_counts(const struct wanted *w, struct wanted_count *out);

#endif
