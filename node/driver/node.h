/* node: one home brought to life: store, catalog, journals, transport and core
 * in one libuv loop. Carries out the core's effects and feeds it events. Knows
 * no JSON and no commands: see node/api for those.
 * Every call on the loop's thread unless said otherwise. */
#ifndef NODE_DRIVER_NODE_H
#define NODE_DRIVER_NODE_H

#include <stdbool.h>
#include <stdint.h>

#include <uv.h>

#include "crypto/base/err.h"
#include "crypto/base/ids.h"
#include "node/core/core.h"
#include "storage/catalog.h"
#include "storage/journal.h"
#include "storage/manifest.h"
#include "storage/store.h"

struct node;
struct transport;

enum node_log_level { NODE_DEBUG, NODE_INFO, NODE_WARN };

/** node_log_fn - a line for the log. @event: "peer.up"; @facts: names and
 * values in turn, NULL behind the last. Values are keys, addresses, numbers and
 * words of ours: no peer chooses their text. Borrowed for the call; on the
 * loop. */
typedef void node_log_fn(void *user, enum node_log_level level,
                         const char *event, const char *const *facts);

struct node_config {
    const char *home;     /* exists, locked by the caller (storage/home.h) */
    const char *listen;   /* "ADDR:PORT"; NULL = dial only */
    const char *network;  /* NULL = "main" */
    bool offline;         /* no sockets to peers at all */
    uint64_t quota_bytes; /* for what is kept for others */
    node_log_fn *log;     /* NULL: none */
    void *log_user;
};

/** node_open - store, catalog, journals and core; the transport only starts
 *  with node_online. */
int node_open(uv_loop_t *loop, const struct node_config *config,
              struct node **out, struct err *e);

/** node_online - sockets up, last-seen peers dialled. Idempotent. */
int node_online(struct node *n, struct err *e);

/** node_close - stop, flush, free; @closed from the loop, within 5 s. */
void node_close(struct node *n, void (*closed)(void *user), void *user);

uv_loop_t *node_loop(struct node *n);
const char *node_home(const struct node *n);
const char *node_network(const struct node *n);
const struct node_id *node_self(const struct node *n);
const char *node_listening(const struct node *n); /* "" when not */
struct store *node_store(struct node *n);
struct catalog *node_catalog(struct node *n);
struct journal *node_roots(struct node *n); /* verbs: see storage/README */
struct journal *node_choices(struct node *n);
struct core *node_core(struct node *n);
struct transport *node_transport(struct node *n); /* NULL before online */
uint64_t node_quota(const struct node *n);
uint64_t node_uptime_ms(const struct node *n);

/**
 * node_work - run @work on the pool, then @done on the loop.
 * node_close waits for work that is out. 0 or ERR_NOMEM.
 */
int node_work(struct node *n, void (*work)(void *user),
              void (*done)(void *user), void *user);

/* An edition's manifest, decoded once and shared. Ref-counted. */
struct held_manifest {
    struct record_id edition;
    struct course_id course;
    uint64_t seq;
    struct buf record; /* the edition record */
    struct manifest m;
    uint32_t refs;
};

/** node_manifest_load - from the store; blocking, any thread (small). The
 *  caller gets one reference. ERR_NOT_FOUND when blob chunks are missing. */
int node_manifest_load(struct node *n, const struct record_id *edition,
                       struct held_manifest **out, struct err *e);

/** node_manifest_of - of an edition record that the catalog does not have yet;
 *  otherwise as node_manifest_load. */
int node_manifest_of(struct node *n, struct span record,
                     struct held_manifest **out, struct err *e);

/** held_manifest_unref - on the thread that has the others, if any. NULL is
 *  fine. */
void held_manifest_unref(struct held_manifest *h);

/** node_hint - tell the core of a peer's address. */
void node_hint(struct node *n, const struct node_id *node, const char *address,
               enum core_road road, const struct course_id *course);

/** node_block - refuse a key until @until_wall_ms (0 = lift, UINT64_MAX = for
 *  good) and remember it. */
void node_block(struct node *n, const struct node_id *node,
                uint64_t until_wall_ms, const char *why);

/** node_new_edition - a record was put in the catalog by hand (publish). */
void node_new_edition(struct node *n, const struct course_id *course);

/** node_gained - chunks of @course came by another road than the network: peers
 *  hear what there is to have now, fetches of it stop asking for it. */
void node_gained(struct node *n, const struct course_id *course);

/** node_withdrawn - a revocation was put in the catalog by hand: peers who
 * asked about the course hear of it. */
void node_withdrawn(struct node *n, const struct course_id *course);

/** node_edition - the edition of @course that this home goes by: the newest;
 * one that is withdrawn only when it is whole here. ERR_NOT_FOUND; ERR_REFUSED:
 * all are withdrawn and the newest is not whole here, @e says why. Any thread.
 */
int node_edition(struct node *n, const struct course_id *course,
                 struct record_id *out_edition, uint64_t *out_seq,
                 struct err *e);

/** node_removed - a course was taken out of the catalog: fetches of it end with
 *  ERR_NOT_FOUND, and peers are not served it any more. */
void node_removed(struct node *n, const struct course_id *course);

/* ---- fetching --------------------------------------------------------------
 */

struct fetch;

enum fetch_state {
    FETCH_LOOKING, /* no edition known yet */
    FETCH_LISTING, /* edition known, manifest on its way */
    FETCH_MOVING,  /* chunks on their way */
    FETCH_WRITING, /* everything held, files being put in place */
    FETCH_DONE,
};

struct fetch_peer {
    struct node_id node;
    uint64_t bytes;
    uint32_t rejected;
};

struct fetch_status {
    enum fetch_state state;
    struct course_id course;
    struct record_id edition;
    uint64_t seq;
    uint64_t content_bytes; /* 0 until the manifest is known */
    uint64_t files;
    uint64_t total_bytes; /* stored bytes of all slots */
    uint64_t have_bytes;
    uint64_t fetched_bytes;
    uint64_t rate_bps;
    uint32_t fetched_chunks, reused_chunks, rejected_chunks, missing_chunks;
    uint32_t peers, seeders;
    uint32_t answered; /* peers that said what they know of the course */
    uint32_t knowing;  /* of these, that know it */
    uint64_t elapsed_ms;
    const struct target *folder; /* for `done`: what became of it, or NULL */
};

enum fetch_purpose {
    FETCH_COURSE, /* all of it */
    FETCH_CHECK,  /* only see what there is to fetch */
    FETCH_HEAD,   /* only ask for records; ends when peers have said what they
                     know, or soon when there are none */
    FETCH_RANGE,  /* what fetch_prefer names, until fetch_end */
};

struct fetch_options {
    struct course_id course;
    enum fetch_purpose purpose;
    const char *to;      /* folder, or NULL: keep it in the home */
    bool follow;         /* to: only when it holds another edition now */
    bool must;           /* FETCH_HEAD: wait for one that knows the course */
    bool offline;        /* FETCH_HEAD: ask nobody */
    int32_t lesson;      /* 1..: this lesson first; 0 = none */
    uint64_t timeout_ms; /* without progress; 0 = 30,000 */
};

struct fetch_events {
    void (*progress)(void *user, const struct fetch_status *s);
    /* Once the manifest of an edition is known: what is missing will be
     * fetched. */
    void (*plan)(void *user, const struct fetch_status *s);
    /* The last call; rc 0, ERR_PARTIAL, ERR_NETWORK, ERR_CONFLICT, ... */
    void (*done)(void *user, int rc, const struct err *e,
                 const struct fetch_status *s, const struct fetch_peer *peers,
                 size_t peer_count);
};

/** fetch_start - get a course; two fetches of one course share the swarm. */
int fetch_start(struct node *n, const struct fetch_options *opt,
                const struct fetch_events *events, void *user,
                struct fetch **out, struct err *e);

/* FETCH_RANGE, each on the loop: */

/** fetch_manifest - of the edition it is about; NULL before `plan`. Borrowed
 *  until the next `plan` or `done`. */
struct held_manifest *fetch_manifest(const struct fetch *f);

/** fetch_prefer - these slots, in order, and nothing else of the content unless
 *  somebody fetches all of it. @count 0: none. */
void fetch_prefer(struct fetch *f, uint32_t first, uint32_t count);

/** fetch_waiting - is anybody waiting for chunks? Only then a lack of progress
 *  counts against the time-out. True at the start. */
void fetch_waiting(struct fetch *f, bool waiting);

/** fetch_look_again - the store lacks something that it had. */
void fetch_look_again(struct fetch *f);

/** fetch_end - it was enough: `done` follows, with 0. */
void fetch_end(struct fetch *f);

/** fetch_cancel - end it; what came stays. done is called with
 *  ERR_INTERRUPTED. */
void fetch_cancel(struct fetch *f);

#endif
