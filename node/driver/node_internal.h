/* node_internal: what the files of node/driver share about a running node. */
#ifndef NODE_DRIVER_NODE_INTERNAL_H
#define NODE_DRIVER_NODE_INTERNAL_H

#include <stdatomic.h>

#include "node/driver/awake.h"
#include "node/driver/node.h"
#include "node/driver/transport.h"
#include "storage/codec.h"
#include "storage/target.h"

#define LANE_ITEMS 32
#define LANES 2

/* holding: an edition that the core has a swarm for, and where its chunks go.
 * Lives from the first EV_EDITION to FX_RELEASE. */
struct holding {
    struct holding *next;
    struct record_id edition;
    struct course_id course;
    swarm_no swarm;           /* 0 until the first effect names it */
    struct chunk_table blobs; /* while the manifest is not known */
    struct held_manifest *hm; /* NULL until then */
    struct target *target;    /* raw chunks go straight there; borrowed from
                                 the fetch that opened it */
};

/* One received CHUNK between the socket and the store. */
struct intake_item {
    struct intake_item *next;
    zmq_msg_t msg;
    conn_no conn;
    swarm_no swarm;
    uint32_t slot;
    size_t offset; /* of the stored bytes in msg */
    struct chunk_ref ref;
    struct target *target; /* as it was when the chunk came in; may be NULL */
    enum store_result result;
};

struct lane { /* one batch of them on a worker */
    struct node *node;
    struct intake_item *items[LANE_ITEMS];
    size_t count;
    bool busy;
    struct codec *codec;
    uint8_t *raw;  /* CHUNK_RAW_MAX bytes */
    int put_rc;    /* of store_put */
    int target_rc; /* of target_write, for the target below */
    struct target *target_failed;
    struct err err;
};

struct node {
    uv_loop_t *loop;
    char *home;
    char *network;
    char *listen;
    bool offline;
    uint64_t quota_bytes;
    node_log_fn *log;
    void *log_user;
    uint64_t start_ms;
    struct awake awake; /* the core's clock */
    uint8_t secret_key[32];
    struct node_id self;

    struct store *store;
    struct catalog *catalog;
    struct journal *roots;
    struct journal *choices;
    struct transport *transport;
    struct core *core;

    uv_timer_t timer;      /* the core's deadline */
    uint64_t timer_due_ms; /* UINT64_MAX = not running */
    uv_timer_t flush_timer;
    bool flushing;
    struct err flush_err; /* of the flush under way */
    uv_prepare_t turn;    /* a turn of the loop ends */

    struct core_effects fx; /* being carried out */
    bool stepping;          /* they are */
    zmq_msg_t *message;     /* of the EV_MESSAGE being handled */

    struct holding *holdings;
    struct lane lanes[LANES];
    struct intake_item *waiting, **waiting_tail; /* received, no lane yet */
    struct intake_item *spare;                   /* kept for reuse */

    struct fetch *fetches;
    struct reader *readers;
    uint32_t works; /* on the pool */
    bool closing, transport_closed, handles_closed;
    int open_handles;
    void (*closed)(void *user);
    void *closed_user;
};

/* node.c */
/** node__post - tell the core, at once. Takes no memory: nothing is lost. */
void node__post(struct node *n, struct core_event *ev);
void node__try_finish_close(struct node *n);

/** node__forget_old_bans - of the journal; the core forgets by itself. */
void node__forget_old_bans(struct node *n);
void node__log(struct node *n, enum node_log_level level, const char *event,
               const char *const *facts);

/* effects.c */
void node__carry_out(struct node *n, const struct core_effect *fx);

/* holding.c */
struct holding *holding__find(struct node *n, const struct record_id *edition);
struct holding *holding__of_swarm(struct node *n, swarm_no swarm);
void holding__release(struct node *n, const struct record_id *edition);
void holding__free_all(struct node *n);
void holding__load(struct node *n, const struct record_id *edition,
                   uint64_t token);
/** holding__not_found - the answer to a load of what is not here (@why: an
 *  ERR_*). */
void holding__not_found(struct node *n, uint64_t token, int why);
/** holding__ref - the entry of @slot, or NULL beyond the table. */
const struct chunk_ref *holding__ref(const struct holding *h, uint32_t slot);
/** holding__incomplete - a chunk turned out to be missing: say so. */
void holding__incomplete(struct node *n, const struct holding *h);

/* intake.c */
void intake__take(struct node *n, const struct core_effect *fx);
/** intake__start - give what waits to idle workers. */
void intake__start(struct node *n);
/** intake__uses - is a chunk for @t still on its way to it? */
bool intake__uses(const struct node *n, const struct target *t);
int intake__init(struct node *n);
void intake__deinit(struct node *n);

/* readopt.c */
/** readopt__folders - once, at the start: slow when the index was made anew. */
void readopt__folders(struct node *n);

/* serve.c */
void serve__chunk(struct node *n, const struct core_effect *fx);

/* fetch.c */
void fetch__notice(struct node *n, const struct core_effect *fx);
/** fetch__manifest_ready - open the folders of the fetches that wait for @h,
 *  on a worker; then @then on the loop. Before any content chunk comes in. */
void fetch__manifest_ready(struct node *n, struct holding *h,
                           void (*then)(void *user), void *user);
/** fetch__wants_folder - is there a fetch of @course with a folder to open? */
bool fetch__wants_folder(const struct node *n, const struct course_id *course);
/** fetch__no_memory - the core cannot take up @course. */
void fetch__no_memory(struct node *n, const struct course_id *course);
/** fetch__disk_failed - chunks of @target (NULL: of any fetch) could not be
 *  written. */
void fetch__disk_failed(struct node *n, const struct target *target, int rc,
                        const struct err *e);
void fetch__intake_moved(struct node *n); /* a lane has ended */
void fetch__end_all(struct node *n);
/** fetch__removed - nobody shall go on fetching @course. */
void fetch__removed(struct node *n, const struct course_id *course);

/* reader.c */
void reader__end_all(struct node *n);

#endif
