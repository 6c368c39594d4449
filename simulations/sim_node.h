/* sim_node: one honest node: the real core, with a virtual disk and network in
 * place of node/driver. Carries out every effect of the core; what takes time
 * in the driver (storing, loading) takes virtual time here. Reports what the
 * core does to the invariants. Source: node/core/core.h. */
#ifndef SIMULATIONS_SIM_NODE_H
#define SIMULATIONS_SIM_NODE_H

#include <stdbool.h>
#include <stdint.h>

#include "node/core/core.h"
#include "node/core/rng.h"
#include "simulations/course_kit.h"
#include "simulations/roster.h"
#include "simulations/sim_disk.h"
#include "simulations/sim_net.h"
#include "simulations/sim_node_version.h"
#include "simulations/trace.h"
#include "simulations/world.h"

struct invariants;
struct sim_node;

/* What all things of one world share; borrowed by all of them. */
struct sim_env {
    struct world *world;
    struct trace *trace;
    struct sim_net *net;
    struct roster *roster;
    struct invariants *invariants;
    const struct course_kit *kit;
};

/* Defects put in on purpose: each must be caught by an invariant. */
enum sim_break {
    SIM_BREAK_NONE,
    SIM_BREAK_DIGEST,  /* stores what comes, unchecked: S1 */
    SIM_BREAK_FORGE,   /* an honest peer's words are forged: S13 */
    SIM_BREAK_SENT,    /* says "sent" before it is: S10 */
    SIM_BREAK_STORE,   /* forgets to answer FX_STORE: L1 */
    SIM_BREAK_DIAL,    /* takes a hint to a forbidden address: S11 */
    SIM_BREAK_AGAIN,   /* loses what it stored without telling: R1 */
    SIM_BREAK_BLANK,   /* knows nothing of what the last edition left: R1 */
    SIM_BREAK_BACK,    /* begins with an old edition after a crash: S3 */
    SIM_BREAK_TWO,     /* lets the second of two editions be current: S4 */
    SIM_BREAK_SLANDER, /* takes a next edition for a fork: S5 */
    SIM_BREAK_BYPASS,  /* keeps withdrawals that the core has not seen: S6 */
    SIM_BREAK_ACK,     /* says "stored" and stores nothing: S1 */
    SIM_BREAK_SPIN,    /* its timer is always due: S14 */
    SIM_BREAK_DICE,    /* its chance is not the seed's: S16 */
    SIM_BREAK_FORGIVE, /* says its disk failed when bytes are bad: T39 */
    SIM_BREAK_DEAF,    /* drops what is pushed: L2 */
    SIM_BREAK_FORK,    /* does not keep the second of two editions: L3 */
    SIM_BREAK_GIVE_UP, /* after a full disk it stores no more: L5 */
    SIM_BREAK_LOSE,    /* loses a part of what is wanted of it: L7 */
    SIM_BREAK_FINISH,  /* sends what it was told not to send any more: T41 */
    SIM_BREAK_REST,    /* dials nobody once it has an edition: L4 */
    SIM_BREAK_UNPIN,   /* takes a pinned address for a hint: L6 */
};

struct sim_node_config {
    struct core_limits limits;
    uint64_t rng_seed;
    struct sim_net_link link;
    enum peer_scope scope;
    int64_t skew_ms;              /* of its wall clock */
    int32_t drift_ppm;            /* of its monotonic one */
    uint32_t store_us, load_us;   /* at most so long each */
    uint32_t store_fail_permille; /* disk failures */
    uint64_t faults_until_us;     /* none of those after */
    uint64_t full_us, room_us;    /* its disk is full in between */
    uint64_t transport_bytes;     /* chunk bytes a connection takes */
    uint32_t alloc_every;         /* one in so many fails; 0 = none */
    uint64_t alloc_at;            /* the first to fail, from 1; 0 = none */
    enum sim_version version;
    bool stops_when_complete; /* the fetch ends: it only serves on */
    enum sim_break broken;
};

struct sim_conn {
    conn_no no;
    struct node_id node;
    char name[ROSTER_NAME_MAX];
    bool honest, outbound;
    struct sim_talk talk;
    /* what it wants of this node: L7 */
    bool dropped; /* the core has given it up */
    uint64_t wanted, begun, refused;
    uint64_t moved_us; /* when one of its wants was last begun or refused, or
                          nothing waited */
};

struct sim_ban {
    struct node_id node;
    uint64_t until_wall_ms;
};

struct sim_holding; /* an edition's chunk table, as the core borrows it */
struct sim_op;      /* something that takes time */

struct sim_record { /* of the catalog */
    struct buf bytes;
    struct record_id id;
    uint64_t seq; /* of an edition */
};

struct sim_node { /* read by the invariants and by scenarios */
    const struct sim_env *env;
    struct sim_node_config cfg;
    char name[ROSTER_NAME_MAX];
    struct node_id key;
    host_no host;
    struct rng rng;
    bool up;
    uint32_t life; /* counts starts and crashes */
    struct core *core;
    struct sim_disk *disk;

    /* catalog: survives crashes */
    struct buf course_record, profile_record;
    struct sim_record editions[COURSE_KIT_EDITIONS + COURSE_KIT_ODD];
    size_t edition_count;
    struct sim_record *current; /* NULL: none */
    struct buf revocation;      /* the one that withdraws most */
    uint64_t withdrawn_seq;     /* editions up to this one; 0 = none */
    size_t proofs;              /* two of one number */
    struct sim_ban *bans;
    size_t ban_count;

    struct sim_holding *holdings;
    struct sim_op *ops;
    uint64_t op_numbers;
    uint64_t storing_bytes; /* handed over by FX_STORE, not answered */
    struct sim_conn *conns;
    size_t conn_count;
    struct core_event *queue; /* results to give to the core next */
    size_t queue_count, queue_cap;
    uint64_t timer_us;   /* the next one set; UINT64_MAX = none */
    uint64_t clock_ms;   /* its monotonic clock at the world's 0 */
    int64_t wall_off_ms; /* of its wall clock */
    uint64_t frozen_until_us;
    uint32_t effects_left; /* then it crashes; 0 = it does not */
    bool dying;
    const uint8_t *message; /* being handled */
    size_t message_len;

    bool wants; /* it is to fetch the course */
    bool complete;
    struct record_id complete_edition;
    uint64_t steps_at_us, steps; /* in one instant */
    uint64_t looks;              /* of the invariants, in a crowd */
    uint64_t allocs;             /* asked for by what may go without */
    uint64_t alloc_left;         /* so many go well; UINT64_MAX = all */
    uint64_t allocs_failed;
    uint64_t behind_us;         /* its neighbours know more since then; L2 */
    uint64_t fork_seq;          /* it was told of a fork of this number ... */
    uint64_t fork_us;           /* ... then, and is to keep it; L3 */
    uint64_t good_before;       /* chunks stored when there was room; L5 */
    bool has_failed;            /* its disk was full */
    uint64_t lone_us;           /* reaches nobody honest since then; L6 */
    uint64_t seq_seen;          /* highest edition the core has shown */
    struct record_id head_seen; /* the first of that number */
    struct record_id followed;  /* by the core, in this life */
    bool manifest_known;        /* of that */
    uint64_t before_us;   /* the last change but one of what is followed */
    uint64_t followed_us; /* since when; it knew what was on the disk */
    uint64_t good_chunks, bad_chunks, bad_bytes;
    uint64_t good_bytes, got_bytes; /* stored; of all CHUNKs that came */
    uint64_t foe_good_bytes, foe_got_bytes; /* the same, from foes */
    void (*changed)(void *user, struct sim_node *n, uint32_t slot);
    void *changed_user;
    void (*died)(void *user, struct sim_node *n); /* of effects_left */
    void *died_user;
};

/** sim_node_new - a node that is down. @name, @index: "n" and 3 give "n03".
 *  Registers its key as honest. */
struct sim_node *sim_node_new(const struct sim_env *env, const char *name,
                              uint32_t index,
                              const struct sim_node_config *cfg);
void sim_node_free(struct sim_node *n);

/** sim_node_seed - give it edition @e of the kit, whole. Before or after
 *  sim_node_start; afterwards it is as if published just now. */
void sim_node_seed(struct sim_node *n, const struct course_kit_edition *e);

/** sim_node_start - the core begins; fetches when `wants` is set. */
void sim_node_start(struct sim_node *n);

/** sim_node_crash - gone between two actions; what was not flushed is lost by
 *  coin. sim_node_start brings it back. */
void sim_node_crash(struct sim_node *n);

/** sim_node_crash_at - the same, once it has carried out @effects more; 0:
 *  after all not. */
void sim_node_crash_at(struct sim_node *n, uint32_t effects);

/** sim_node_freeze - all of it stands still until then, but for its clocks. */
void sim_node_freeze(struct sim_node *n, uint64_t until_us);

/** sim_node_frozen - does it? */
bool sim_node_frozen(const struct sim_node *n);

/** sim_node_set_clock - its wall clock jumps by @by_ms. */
void sim_node_set_clock(struct sim_node *n, int64_t by_ms);

/** sim_node_hint - tell the core of a peer. */
void sim_node_hint(struct sim_node *n, const struct node_id *node,
                   const char *address, enum core_road road);

/** sim_node_holds - chunks of @e on its disk, bytes compared with the kit's;
 *  one that rotted there counts: nobody knows of it yet. */
uint32_t sim_node_holds(const struct sim_node *n,
                        const struct course_kit_edition *e);

/** sim_node_has_fork - does its catalog keep two editions of number @seq? */
bool sim_node_has_fork(const struct sim_node *n, uint64_t seq);

/** sim_node_conn - the connection of that number, or NULL. */
const struct sim_conn *sim_node_conn(const struct sim_node *n, conn_no no);

#endif
