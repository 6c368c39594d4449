/* invariants: what must hold in every world, whoever misbehaves. The first one
 * that breaks is kept with its reason and ends the run. S = safety, checked as
 * things happen; L = liveness, checked by sim.c when the time is up. Names as
 * in the list of simulations/README.md. */
#ifndef SIMULATIONS_INVARIANTS_H
#define SIMULATIONS_INVARIANTS_H

#include <stdbool.h>
#include <stdint.h>

#include "simulations/sim_node.h"

struct invariants;

struct invariants *invariants_new(const struct sim_env *env);
void invariants_free(struct invariants *v);

/** invariants_fail - @name is broken; only the first time counts. */
void invariants_fail(struct invariants *v, const char *name, const char *fmt,
                     ...) __attribute__((format(printf, 3, 4)));

/** invariants_broken - its name, NULL while all hold. */
const char *invariants_broken(const struct invariants *v);

/** invariants_why - the reason, "" while all hold. */
const char *invariants_why(const struct invariants *v);

/** S1: no byte is stored that is not the publisher's. */
void invariants_stored(struct invariants *v, const struct sim_node *n,
                       const struct record_id *edition, uint32_t slot,
                       struct span bytes);
/** S1: no record is kept that the author did not sign. */
void invariants_record(struct invariants *v, const struct sim_node *n,
                       const struct record_id *id);
/** S6: nothing is withdrawn by who is not its author. */
void invariants_revocation(struct invariants *v, const struct sim_node *n,
                           const struct author_id *signer);
/** S5: no proof against an author who signed but one of number @seq. */
void invariants_proof(struct invariants *v, const struct sim_node *n,
                      uint64_t seq);
/** S1: complete means every slot, byte for byte. */
void invariants_complete(struct invariants *v, const struct sim_node *n);
/** S11: no dial to where a hint may not point. */
void invariants_dial(struct invariants *v, const struct sim_node *n,
                     const char *address, enum core_road road);
/** S13: an honest node never bans an honest node. */
void invariants_ban(struct invariants *v, const struct sim_node *n,
                    const struct node_id *banned, const char *why);
/** R1: what is on the disk is not fetched again. */
void invariants_fetched(struct invariants *v, const struct sim_node *n,
                        const struct chunk_id *id);
/** After each step: core_check, S3, S4, S10, S14. */
void invariants_step(struct invariants *v, struct sim_node *n);
/** Once a second: L2, L3, L7. @nodes: all honest ones. */
void invariants_second(struct invariants *v, struct sim_node *const *nodes,
                       size_t count);
/** L6, once a second: for at most @limit_us without a connection to an honest
 *  node that it dialled itself; 0: not looked at. */
void invariants_roads(struct invariants *v, struct sim_node *n,
                      uint64_t limit_us);
/** L5: disks that were full have room now; and some time later. */
void invariants_room(struct invariants *v, struct sim_node *n);
void invariants_resumed(struct invariants *v, const struct sim_node *n);
/** L7: nothing that an honest peer wants is forgotten. After each step. */
void invariants_wants(struct invariants *v, struct sim_node *n);
/** Once a second and at the end, T8: bad chunks cost a bounded number of bytes;
 *  T39: what foes sent in vain is at most @percent of the course, and a chunk a
 *  key. */
void invariants_waste(struct invariants *v, const struct sim_node *n,
                      size_t bad_keys, uint32_t percent);
/** T41, at the end: of all that came, @percent of what was stored at most was
 *  for nothing: wrong, twice or not asked for, whoever sent it. */
void invariants_vain(struct invariants *v, struct sim_node *const *nodes,
                     size_t count, uint32_t percent);

#endif
