/* sim_node_internal: what sim_node.c (life and events), sim_node_fx.c (effects)
 * and sim_node_hold.c (catalog and chunk tables) share. */
#ifndef SIMULATIONS_SIM_NODE_INTERNAL_H
#define SIMULATIONS_SIM_NODE_INTERNAL_H

#include "simulations/sim_node.h"
#include "storage/manifest.h"

struct sim_holding {
    struct sim_holding *next;
    struct record_id edition;
    uint64_t seq;
    struct chunk_table blobs;
    bool has_manifest;
    struct manifest m;
};

/* sim_node.c */
void sim_node__step(struct sim_node *n, struct core_event *ev);
void sim_node__post(struct sim_node *n, const struct core_event *ev);
uint64_t sim_node__now_ms(const struct sim_node *n);
uint64_t sim_node__wall_ms(const struct sim_node *n);

struct sim_conn *sim_node__conn(struct sim_node *n, conn_no no);

/* sim_node_listen.c */
/** What the invariants want to know of a frame that comes; true: a defect, the
 *  core is not to see it. */
bool sim_node__listen(struct sim_node *n, struct sim_conn *from,
                      const uint8_t *data, size_t len);

/* sim_node_alloc.c: between the two, an allocation may fail. */
void sim_node__alloc_begin(struct sim_node *n);
void sim_node__alloc_end(struct sim_node *n);

/* sim_node_fx.c */
void sim_node__carry_out(struct sim_node *n, const struct core_effect *fx);
void sim_node__forget_ops(struct sim_node *n);

/* sim_node_hold.c */
struct sim_holding *sim_node__holding(struct sim_node *n, swarm_no swarm);
const struct chunk_ref *sim_node__ref(const struct sim_holding *h,
                                      uint32_t slot);
/** The stored bytes, checked as a store checks what it reads; p NULL: not
 * there, or found corrupt and removed. */
struct span sim_node__read(struct sim_node *n, const struct chunk_id *chunk);
/** What EV_EDITION says of @edition; result.have is to be freed. */
struct sim_loaded {
    bool found, bad_manifest, failed;
    struct core_edition edition;
    uint8_t *have;
};
void sim_node__load(struct sim_node *n, const struct record_id *edition,
                    struct sim_loaded *out);
void sim_node__release(struct sim_node *n, const struct record_id *edition);
void sim_node__release_all(struct sim_node *n);
/** false: not a record that a catalog takes. */
bool sim_node__put_record(struct sim_node *n, struct span bytes);

#endif
