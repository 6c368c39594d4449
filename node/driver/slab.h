/* slab: memory for outgoing chunks, kept when freed so that it is not faulted
 * in again for each. Buffers come back on libzmq's own thread. Thread-safe. */
#ifndef NODE_DRIVER_SLAB_H
#define NODE_DRIVER_SLAB_H

#include <stddef.h>
#include <stdint.h>

struct slab;

/** slab_new - keeps at most @keep_bytes of freed buffers. */
struct slab *slab_new(size_t keep_bytes);
/** slab_unref - the last one (owner or buffer) frees it. */
void slab_unref(struct slab *s);

/** slab_get - @len bytes, at most 2 MiB. NULL when out of memory. */
uint8_t *slab_get(struct slab *s, size_t len);
void slab_put(struct slab *s, uint8_t *buffer);

/** slab_kept_bytes - of freed buffers, now. */
size_t slab_kept_bytes(struct slab *s);

#endif
