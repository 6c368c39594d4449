/* core: the peer protocol as a state machine. Events in, effects out; no clock,
 * no file, no socket, no thread, no chance of its own. node/driver runs it for
 * real, simulations/ on a virtual world: the very same objects.
 *
 * What it knows: the connections and their peers, one swarm for each edition
 * that is being fetched or served, an address book, bans and scores.
 * What it does not: where bytes lie (the store's affair) and how they travel.
 * Source: node/PROTOCOL.md sections 5 and 6. */
#ifndef NODE_CORE_CORE_H
#define NODE_CORE_CORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "crypto/base/err.h"
#include "crypto/base/ids.h"
#include "storage/manifest.h"

struct core;

/* A connection: the driver's number, never used twice in one run. */
typedef uint64_t conn_no;
/* A swarm: the core's number for one edition, never used twice in one run. */
typedef uint32_t swarm_no;

#define CORE_REVOCATIONS_MAX 8 /* told about one course */
#define CORE_ADDRESS_MAX 128   /* "HOST:PORT", IPv6 in brackets, with NUL */

/* Where an address or a connection lies: decides limits and what hints from it
 * may name (PROTOCOL 6.1). Loopback, LAN and explicit peers form no group. */
enum peer_scope {
    SCOPE_LOOPBACK,
    SCOPE_LAN, /* private and link-local */
    SCOPE_PUBLIC,
};

enum core_road { /* how we came to know an address; cli.md's "road" */
                 ROAD_INBOUND,
                 ROAD_EXPLICIT, /* --peer */
                 ROAD_TICKET,
                 ROAD_EXCHANGE,
                 ROAD_LAST_SEEN,
                 ROAD_LAN,
};

/* formats.md 8, but for two: a window starts with 64 KiB (256 there) and the
 * unsent bytes of a peer with 16, since on lines of 1 Mbit/s what was asked for
 * or handed over too early came twice. The simulator shrinks them by coin. */
struct core_limits {
    uint32_t window_start_bytes;  /* 64 KiB */
    uint32_t window_wan_bytes;    /* 4 MiB */
    uint32_t window_lan_bytes;    /* 7 MiB: loopback and LAN */
    uint32_t unstored_bytes;      /* 16 MiB: asked and not yet stored, all */
    uint32_t want_queue_bytes;    /* 8 MiB a peer, serving side */
    uint32_t unsent_start_bytes;  /* 16 KiB: while a peer's rate is not known */
    uint32_t unsent_peer_bytes;   /* 4 MiB handed to the transport, a peer */
    uint32_t unsent_total_bytes;  /* 48 MiB, all peers */
    uint32_t ids_per_want;        /* 16 */
    uint32_t requests_per_s;      /* 50, other than want */
    uint64_t connect_deadline_ms; /* 5,000: HELLO after connecting */
    uint64_t request_min_ms;      /* 2,000 */
    uint64_t request_max_ms;      /* 10,000 while another peer offers it */
    uint64_t request_alone_ms;    /* 120,000 */
    uint64_t ban_corrupt_ms;      /* 24 h */
    uint64_t ban_corrupt_first_ms; /* 1 h: first one, and 64 good before */
    uint64_t ban_protocol_ms;      /* 1 h */
    uint64_t ban_score_ms;         /* 10 min */
    uint32_t dials_max;            /* 8 outbound that nobody asked for */
    uint64_t dial_backoff_ms;      /* 5,000, doubled to 1 h, +-20 % */
    uint32_t requests_max;         /* 1,024 asked of one peer */
    uint32_t wanted_max;           /* 8,192 wanted by one peer */
    uint32_t interests_max;        /* 256 courses that a peer asked for */
    uint32_t serving_max;          /* 64 editions that are only served */
    uint32_t conns_max;            /* 256; a few that we dial on top */
    uint32_t known_max;            /* 1,024 peers; no fewer than connections */
    uint32_t bans_max;             /* 4,096 */
    uint32_t book_max;             /* 1,024 addresses */
};

/** core_limits_default - the figures above. */
void core_limits_default(struct core_limits *l);

struct core_config {
    struct node_id self;
    uint64_t rng_seed[4]; /* all of the core's chance comes from here */
    const char *network;  /* "main"; borrowed for the core's life */
    uint16_t listen_port; /* told in HELLO; 0 = none */
    const char *agent;    /* borrowed */
    struct core_limits limits;
};

/* ---- events ------------------------------------------------------------- */

enum core_event_kind {
    EV_PEER_UP,   /* a CURVE handshake is done, both directions */
    EV_PEER_DOWN, /* the connection is gone, whoever ended it */
    EV_MESSAGE,   /* one frame; the core decodes it */
    EV_SENT,      /* the transport is rid of that many CHUNK bytes */
    EV_DIAL_FAILED,
    EV_SERVED,         /* result of FX_SERVE */
    EV_STORED,         /* result of FX_STORE */
    EV_RECORDS_STORED, /* result of FX_STORE_RECORDS */
    EV_COURSE,         /* result of FX_LOAD_COURSE */
    EV_EDITION,        /* result of FX_LOAD_EDITION and FX_LOAD_MANIFEST */
    EV_TIMEOUT,        /* core_deadline_ms has come */
    EV_FETCH,          /* command: make this course complete here */
    EV_STOP_FETCH,     /* command: stop asking; what came stays */
    EV_PRIORITY,    /* command: these slots first, in order (deadline mode) */
    EV_HINT,        /* command or discovery: an address of a peer */
    EV_BLOCK,       /* command: refuse a key until a time; 0 = lift it */
    EV_NEW_EDITION, /* command: this node published or imported an edition */
    EV_LOST,        /* the store found out that it lacks a chunk after all */
    EV_REMOVED,     /* command: this course is not here any more */
    EV_GAINED,      /* command: more of this course is here, by another road */
    EV_WITHDRAWN,   /* command: this node withdrew something of a course */
};

enum store_result {
    STORE_OK,
    STORE_BAD,    /* the digest is not the slot's id: the peer's fault */
    STORE_FAILED, /* disk: our fault; the slot is wanted again later */
};

enum serve_result {
    SERVE_OK,      /* handed to the transport; EV_SENT will follow */
    SERVE_MISSING, /* not here any more, or found corrupt */
    SERVE_AWAY,    /* not here now, but may come back by itself */
    SERVE_AGAIN,   /* the transport is full: try after an EV_SENT */
    SERVE_GONE,    /* the connection is */
};

/* What a node holds of an edition, as it is when loaded. */
struct core_edition {
    struct record_id edition;
    struct course_id course;
    uint64_t seq;
    const struct chunk_table *table; /* borrowed while the swarm lives: the
                                        driver frees it after FX_RELEASE */
    bool has_manifest;   /* table covers content too, else only the blobs */
    const uint8_t *have; /* bits, MSB first, (table->count + 7) / 8 bytes;
                            borrowed for the call; NULL = nothing */
    bool have_all;       /* `have` is then ignored */
};

struct core_event {
    enum core_event_kind kind;
    uint64_t now_ms;  /* monotonic */
    uint64_t wall_ms; /* for what outlives the process: ban times */
    union {
        struct {
            conn_no conn;
            struct node_id node;
            bool outbound;
            enum peer_scope scope;
            enum core_road road;
            const char *address; /* of the other side as seen, "HOST:PORT" */
        } up;
        struct {
            conn_no conn;
        } down;
        struct {
            conn_no conn;
            const uint8_t *data; /* borrowed for the call */
            size_t len;
        } message;
        struct {
            conn_no conn;
            uint32_t bytes;
        } sent;
        struct {
            struct node_id node;
            char address[CORE_ADDRESS_MAX];
            bool refused; /* reached, but it would not have us */
        } dial_failed;
        struct {
            conn_no conn;
            swarm_no swarm;
            uint32_t slot;
            uint32_t request;
            uint32_t bytes; /* handed over, when SERVE_OK */
            enum serve_result result;
        } served;
        struct {
            conn_no conn; /* whose bytes they were */
            swarm_no swarm;
            uint32_t slot;
            enum store_result result;
        } stored;
        struct {
            uint64_t token; /* as in the effect */
            bool ok;
        } records_stored;
        struct {
            uint64_t token;
            struct course_id course;
            bool found;
            bool failed; /* something of it may be there and was not read */
            /* Borrowed for the call. NULL = not held. */
            const uint8_t *course_record;
            size_t course_record_len;
            const uint8_t *edition_record;
            size_t edition_record_len;
            const uint8_t *profile_record;
            size_t profile_record_len;
            /* What authors have withdrawn; the edition is not among it, unless
             * the owner offers it all the same. */
            struct span revocations[CORE_REVOCATIONS_MAX];
            size_t revocation_count;
        } course;
        struct {
            uint64_t token;
            bool found;        /* false: not held, or its manifest is bad */
            bool bad_manifest; /* decoded and refused: the author's fault */
            bool failed;       /* not found, and may be there all the same */
            struct core_edition edition;
        } edition;
        struct {
            struct course_id course;
            bool listing; /* what the newest edition holds; of its content
                             only what EV_PRIORITY names */
        } fetch;
        struct {
            struct course_id course;
        } stop_fetch, new_edition, removed, gained, withdrawn;
        struct {
            struct course_id course;
            uint32_t first; /* slot */
            uint32_t count; /* 0 = back to rarest first */
        } priority;
        struct {
            struct node_id node;
            char address[CORE_ADDRESS_MAX];
            enum core_road road;
            enum peer_scope scope;
            bool has_course;
            struct course_id course; /* what it is a hint for */
        } hint;
        struct {
            struct node_id node;
            uint64_t until_wall_ms; /* UINT64_MAX = for good */
        } block;
        struct {
            swarm_no swarm;
            uint32_t slot;
        } lost;
    } u;
};

/* ---- effects ------------------------------------------------------------ */

enum core_effect_kind {
    FX_SEND,          /* a control message */
    FX_SERVE,         /* load this slot's stored bytes, send them as a CHUNK;
                         answer with EV_SERVED */
    FX_STORE,         /* the body of the message being handled is this slot's
                         stored bytes: check the digest, keep them, answer with
                         EV_STORED. The driver keeps the message: no copy. */
    FX_STORE_RECORDS, /* keep these records (the core has checked them), then
                         EV_RECORDS_STORED */
    FX_LOAD_COURSE,   /* -> EV_COURSE */
    FX_LOAD_EDITION,  /* -> EV_EDITION, the edition of a course to be had here,
                         or one that is named */
    FX_LOAD_MANIFEST, /* all blob slots are stored: decode -> EV_EDITION */
    FX_RELEASE,       /* the swarm is gone: its chunk table may be freed */
    FX_DIAL,
    FX_DROP,           /* close this connection; EV_PEER_DOWN follows */
    FX_BAN,            /* remember and refuse at the door from now on */
    FX_ADDRESS_WORKED, /* remember this address over restarts */
    FX_NOTIFY,
};

enum core_notice {
    NOTICE_EDITION,        /* the course's current edition is known now */
    NOTICE_MANIFEST,       /* its manifest too: totals can be shown */
    NOTICE_PROGRESS,       /* at most 4 a second */
    NOTICE_COMPLETE,       /* every slot is stored */
    NOTICE_NO_PEERS,       /* fetching, nobody reachable, no dial under way */
    NOTICE_NO_SOURCE,      /* peers, but none has what is missing */
    NOTICE_BAD_EDITION,    /* the manifest was refused */
    NOTICE_UNKNOWN_COURSE, /* every peer reached says it knows nothing of it */
    NOTICE_WITHDRAWN,      /* in place of NO_SOURCE, UNKNOWN_COURSE: what is
                              known of it is withdrawn by its author */
};

struct core_effect {
    enum core_effect_kind kind;
    union {
        struct {
            conn_no conn;
            const uint8_t *data; /* borrowed until the next core_step */
            size_t len;
        } send;
        struct {
            conn_no conn;
            swarm_no swarm;
            uint32_t slot;
            uint32_t request;
        } serve;
        struct {
            conn_no conn;
            swarm_no swarm;
            uint32_t slot;
            size_t body_offset; /* where the stored bytes start in the frame */
        } store;
        struct {
            uint64_t token;
            const struct span *records; /* borrowed until the next core_step */
            size_t count;
        } store_records;
        struct {
            uint64_t token;
            struct course_id course;
        } load_course;
        struct {
            uint64_t token;
            struct course_id course;
            bool named; /* this one: */
            struct record_id edition;
        } load_edition;
        struct {
            uint64_t token;
            swarm_no swarm;
            struct record_id edition;
        } load_manifest;
        struct {
            swarm_no swarm;
            struct record_id edition;
        } release;
        struct {
            struct node_id node;
            char address[CORE_ADDRESS_MAX];
            enum core_road road;
        } dial;
        struct {
            conn_no conn;
        } drop;
        struct {
            struct node_id node;
            uint64_t until_wall_ms;
            const char *why; /* static text */
        } ban;
        struct {
            struct node_id node;
            char address[CORE_ADDRESS_MAX];
            bool has_course;
            struct course_id course;
        } address_worked;
        struct {
            enum core_notice notice;
            struct course_id course;
            swarm_no swarm; /* 0 when there is none yet */
        } notify;
    } u;
};

struct core_effects {
    const struct core_effect *list;
    size_t count;
};

/* ---- calls -------------------------------------------------------------- */

/** core_new - Return: NULL when out of memory. Free with core_free. */
struct core *core_new(const struct core_config *config);
void core_free(struct core *c);

/**
 * core_step - take one event, say what is to be done.
 * @out_fx: lent by the core, valid until the next core_step; carry the effects
 *          out in order.
 * Return: 0; ERR_NOMEM for an EV_FETCH (the core is as before). Whatever else
 * there is no memory for is made good: at worst a connection ends.
 * A peer's bytes never make this fail: they cost the peer.
 */
int core_step(struct core *c, const struct core_event *ev,
              struct core_effects *out_fx, struct err *e);

/**
 * core_step_amid - likewise, while effects of the last step are being carried
 * out: so that what comes of one need not be kept until the others are done.
 * @ev: no EV_MESSAGE.
 * @out_fx: those of the last step, which may have moved, and behind them what
 *          this one asks for.
 */
int core_step_amid(struct core *c, const struct core_event *ev,
                   struct core_effects *out_fx, struct err *e);

/** core_deadline_ms - when to send EV_TIMEOUT; UINT64_MAX = no timer. */
uint64_t core_deadline_ms(const struct core *c);

/**
 * core_owed_bytes - CHUNK bytes asked of @conn and not yet received, for the
 * transport's watchdog. 0 for a connection that is not known.
 */
uint64_t core_owed_bytes(const struct core *c, conn_no conn);

/** core_wanted - slots that @conn wants of us and that wait for their turn. */
size_t core_wanted(const struct core *c, conn_no conn);

/**
 * core_swarm_edition - which edition is swarm @no? So that a driver finds its
 * chunk table for FX_SERVE and FX_STORE. false: no such swarm.
 */
bool core_swarm_edition(const struct core *c, swarm_no no,
                        struct record_id *out_edition);

/** core_set_listen_port - told in HELLO from now on; known once bound. */
void core_set_listen_port(struct core *c, uint16_t port);

struct core_progress {
    bool known;     /* a swarm exists */
    swarm_no swarm; /* its number */
    bool has_manifest;
    uint32_t slots, slots_have;
    uint64_t stored_bytes, stored_bytes_have; /* sums of stored_len */
    uint64_t fetched_bytes;                   /* received, good, this run */
    uint32_t fetched_chunks, rejected_chunks;
    uint64_t rate_bps; /* received bytes a second, smoothed */
    uint32_t peers;    /* connected that take part */
    uint32_t seeders;  /* of those, with everything */
    struct record_id edition;
    uint64_t seq;
};

/** core_progress - how @course stands; all zero when unknown. */
void core_progress(const struct core *c, const struct course_id *course,
                   struct core_progress *out);

struct core_asked {    /* who was asked about a course that is being fetched */
    uint32_t answered; /* connected peers that said what they know of it */
    uint32_t knowing;  /* of these, that know it */
    bool waiting;      /* for a dial, a HELLO, an answer */
    bool storing;      /* records that came are not in use yet */
    bool known;        /* there are addresses or peers */
};

/** core_asked - all zero but `known` when @course is not being fetched. */
void core_asked(const struct core *c, const struct course_id *course,
                struct core_asked *out);

struct core_peer_info {
    struct node_id node;
    const char *address; /* borrowed until the next core_step */
    bool outbound;
    enum core_road road;
    enum peer_scope scope;
    uint32_t rtt_ms;
    uint64_t received_bytes, sent_bytes; /* CHUNK bodies */
    uint32_t rejected;                   /* bad chunks */
    int32_t score;
};

/** core_peers - call @fn for each peer heard of in this run (connected first).
 *  @connected: only those that are connected now. */
void core_peers(const struct core *c, bool connected,
                void (*fn)(void *user, const struct core_peer_info *p),
                void *user);

/**
 * core_check - every invariant the core can state about itself.
 * Return: NULL, or a static text naming the first broken one. Slow: for the
 * simulator and tests.
 */
const char *core_check(const struct core *c);

#endif
