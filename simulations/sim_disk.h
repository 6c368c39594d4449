/* sim_disk: what a node has on disk: chunks by id, some of them not flushed
 * yet, so that a crash may take those. Checks nothing: whose bytes are good is
 * for sim_node to find out before and for the invariants afterwards. */
#ifndef SIMULATIONS_SIM_DISK_H
#define SIMULATIONS_SIM_DISK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "crypto/base/buf.h"
#include "crypto/base/ids.h"
#include "node/core/rng.h"

struct sim_disk;

struct sim_disk *sim_disk_new(void);
void sim_disk_free(struct sim_disk *d);

/** sim_disk_put - keep a copy, since @now_us; one that is there stays. */
void sim_disk_put(struct sim_disk *d, const struct chunk_id *id,
                  const uint8_t *p, size_t len, uint64_t now_us);

/** sim_disk_since - when it came; UINT64_MAX: it is not there. */
uint64_t sim_disk_since(const struct sim_disk *d, const struct chunk_id *id);

/** sim_disk_get - the bytes, valid until the chunk goes; p NULL: not there. */
struct span sim_disk_get(const struct sim_disk *d, const struct chunk_id *id);

/** sim_disk_flush - what is there now survives a crash. */
void sim_disk_flush(struct sim_disk *d);

/** sim_disk_crash - each chunk that is not flushed is lost by coin.
 *  Return: how many were. */
size_t sim_disk_crash(struct sim_disk *d, struct rng *rng);

/** sim_disk_rot - the @pick-th chunk (modulo) has a bit turned over. */
void sim_disk_rot(struct sim_disk *d, uint64_t pick);

/** sim_disk_rotten - is that one there, with a bit turned over? */
bool sim_disk_rotten(const struct sim_disk *d, const struct chunk_id *id);

/** sim_disk_remove - forget one. */
void sim_disk_remove(struct sim_disk *d, const struct chunk_id *id);

/** sim_disk_count - chunks that are there. */
size_t sim_disk_count(const struct sim_disk *d);

#endif
