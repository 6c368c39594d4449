/* core_internal: the core's own structures, shared by the files of node/core.
 *
 *   core.c     events in, the tick, effects out        records.c  courses, ASK
 *   peer.c     connections, HELLO, scores, bans        swarm.c    who has what
 *   picker.c   which slot next                         request.c  asking, CHUNK
 *   upload.c   serving                                 book.c     addresses,
 * dials
 */
#ifndef NODE_CORE_CORE_INTERNAL_H
#define NODE_CORE_CORE_INTERNAL_H

#include "crypto/base/buf.h"
#include "crypto/record.h"
#include "node/core/bits.h"
#include "node/core/core.h"
#include "node/core/rng.h"
#include "node/wire/msg.h"

#define CONNS_MAX 256
#define TICK_BUSY_MS 100
#define TICK_IDLE_MS 1000
#define ASKED_MAX 8  /* courses a peer may ask for and we remember */
#define LOADS_MAX 64 /* outstanding loads of all kinds */
#define LOADS_PER_PEER 8
#define BOOK_MAX 1024
#define BANS_MAX 4096
#define LATE_RING 10
#define SWARM_IDLE_MS 60000
#define HAVE_EVERY_MS 250
#define HAVE_BATCH 64
#define PEERS_EVERY_MS 500
#define PEERS_WINDOW_MS 600000
#define EXTENT 64             /* slots picked together: one word */
#define UPLOAD_QUEUE_MAX 8192 /* entries, whatever their bytes */
#define UNSUPPORTED_MAX 10

struct swarm;
struct conn;

/* One slot asked of one peer. */
struct request {
    uint32_t id;
    uint32_t slot;
    struct swarm *swarm; /* NULL: cancelled, may still come */
    uint32_t len;        /* stored bytes */
    uint64_t sent_ms;
    uint64_t deadline_ms;
    bool late;
};

/* One slot asked by one peer of us. */
struct upload {
    uint32_t request;
    uint32_t slot;
    swarm_no swarm;
    uint32_t len;
};

/* A peer's part in a swarm. */
struct part {
    struct part *next; /* of the connection */
    struct swarm *swarm;
    struct conn *conn;
    bool heard;      /* it told what it has */
    bool told;       /* we told what we have */
    bool all;        /* it has everything */
    bool distrusted; /* it refused too much of what it promised */
    uint32_t slots;  /* as it counts them */
    struct bits has; /* empty when all */
    uint32_t cursor; /* extent it works on; UINT32_MAX = none */
    uint64_t pause_until_ms;
    uint32_t joined;      /* number in the swarm */
    uint32_t told_joined; /* peers up to this one were made known to it */
};

enum ask_state { ASK_NONE, ASK_SENT, ASK_EMPTY, ASK_ANSWERED };

struct conn {
    struct conn *next;
    conn_no no;
    struct node_id node;
    bool outbound;
    bool greeted;  /* its HELLO came */
    bool dropping; /* FX_DROP was given: nothing more to say to it */
    enum peer_scope scope;
    enum core_road road;
    char address[CORE_ADDRESS_MAX];
    uint16_t listen_port;
    uint64_t up_ms;
    struct part *parts;

    /* asking */
    uint32_t next_request;
    struct request *reqs; /* in order of asking, from head */
    size_t req_head, req_count, req_cap;
    uint64_t inflight_bytes; /* asked and not received */
    uint64_t window_bytes;
    uint64_t rate_bps;
    uint64_t rate_bytes, rate_since_ms;
    uint32_t rtt_ms; /* least seen; 0 = none yet */
    uint32_t recent_refused, recent_answers;
    uint16_t late_ring; /* bits of the last answers: 1 = late */
    uint8_t late_count; /* of them */
    bool snubbed;
    uint64_t probe_ms; /* next probe while snubbed */
    uint32_t good;     /* chunks that verified */
    uint32_t rejected;
    uint32_t unasked; /* answers to nothing */
    uint64_t received_bytes, sent_bytes;
    int32_t score;

    /* serving */
    struct upload *ups;
    size_t up_head, up_count, up_cap;
    uint64_t up_bytes;     /* stored bytes queued */
    uint64_t unsent_bytes; /* with the driver and the transport */
    int64_t deficit;

    /* limits on what it may ask */
    uint64_t bucket_us; /* time up to which its tokens are used */
    uint32_t unsupported;
    uint32_t hints_taken;
    uint64_t hints_since_ms;

    /* courses: what we asked it (fetching), what it asked us (serving) */
    struct {
        struct course_id course;
        uint32_t request;
        enum ask_state state;
    } asks[ASKED_MAX];
    struct {
        struct course_id course;
        struct record_id edition;
        bool has_edition;
    } interests[ASKED_MAX];
    size_t interest_count;
};

struct swarm {
    struct swarm *next;
    swarm_no no;
    struct record_id edition;
    struct course_id course;
    uint64_t seq;
    const struct chunk_table *table;
    bool has_manifest;
    bool loading_manifest;
    bool fetching;
    bool completed; /* NOTICE_COMPLETE was given */
    struct bits have;
    struct bits asked;  /* outstanding or being stored */
    struct bits second; /* asked of two peers */
    uint32_t have_count;
    uint64_t total_bytes, have_bytes;
    uint16_t *avail;    /* peers with a bitmap that has the slot */
    uint32_t all_parts; /* peers with everything */
    uint32_t part_count;
    uint32_t joined;
    uint32_t *late; /* slots that somebody is late with */
    size_t late_count, late_cap;
    uint32_t fresh[HAVE_BATCH]; /* stored, not told yet */
    size_t fresh_count;
    uint64_t tell_ms;
    uint64_t peers_ms;
    uint64_t used_ms;
    uint64_t pause_until_ms; /* after the disk failed */
    uint32_t priority_first, priority_count;
    uint64_t fetched_bytes;
    uint32_t fetched_chunks, rejected_chunks;
    uint64_t rate_bytes, rate_since_ms, rate_bps;
};

/* A course that is to be complete here. */
struct topic {
    struct topic *next;
    struct course_id course;
    bool has_course;
    struct buf course_record;
    uint64_t seq; /* of the edition accepted; 0 = none */
    struct record_id edition;
    struct swarm *swarm;
    bool storing; /* records on their way to the catalog */
    bool loading; /* edition on its way from it */
    bool told_no_peers, told_unknown;
    uint64_t notified_ms;
};

enum load_kind {
    LOAD_TOPIC,    /* EV_COURSE for a fetch */
    LOAD_ANSWER,   /* EV_COURSE for an ASK */
    LOAD_PUSH,     /* EV_COURSE for all who are interested */
    LOAD_FETCH,    /* EV_EDITION for a fetch */
    LOAD_SERVE,    /* EV_EDITION for a HAVE */
    LOAD_MANIFEST, /* EV_EDITION of a swarm */
    LOAD_STORE,    /* EV_RECORDS_STORED for a fetch */
};

struct load {
    uint64_t token;
    enum load_kind kind;
    conn_no conn;
    uint32_t request;
    swarm_no swarm;
    struct course_id course;
    uint64_t seq; /* LOAD_STORE: of the edition being stored */
    struct record_id edition;
};

enum book_state { BOOK_IDLE, BOOK_DIALLING, BOOK_CONNECTED };

struct entry {
    struct node_id node;
    char address[CORE_ADDRESS_MAX];
    enum core_road road;
    enum peer_scope scope;
    bool has_course;
    struct course_id course;
    enum book_state state;
    uint32_t tries;
    uint64_t next_ms; /* earliest dial */
};

struct ban {
    struct node_id node;
    uint64_t until_wall_ms;
};

struct fx_fixup { /* SEND effects hold offsets until the arena stands still */
    size_t effect;
    size_t offset;
};

struct core {
    struct core_config cfg;
    struct rng rng;
    uint64_t order_key; /* this node's own order of extents */
    uint64_t now_ms, wall_ms;
    uint64_t next_tick_ms;
    uint16_t listen_port;

    struct conn *conns;
    size_t conn_count;
    conn_no serve_after; /* round robin: last one served */
    struct swarm *swarms;
    swarm_no last_swarm;
    struct topic *topics;
    struct load loads[LOADS_MAX];
    size_t load_count;
    uint64_t last_token;
    struct entry *book;
    size_t book_count, book_cap;
    struct ban *bans;
    size_t ban_count, ban_cap;
    uint64_t unsent_bytes;   /* of all connections */
    uint64_t unstored_bytes; /* asked and not stored, of all */
    bool pump_down, pump_up; /* work to do at the end of the step */

    struct core_effect *fx;
    size_t fx_count, fx_cap;
    struct buf arena; /* bytes of SENDs */
    struct fx_fixup *fixups;
    size_t fixup_count, fixup_cap;
    struct span spans[4]; /* of FX_STORE_RECORDS */
    struct buf kept;      /* their bytes */
    bool oom;
};

/* core.c */
struct core_effect *core__effect(struct core *c, enum core_effect_kind kind);
void core__send(struct core *c, struct conn *to, const struct msg *m);
void core__notify(struct core *c, const struct course_id *course,
                  struct swarm *s, enum core_notice notice);
void core__wake(struct core *c, uint64_t at_ms); /* tick no later than this */

/* peer.c */
struct conn *peer__find(struct core *c, conn_no no);
void peer__up(struct core *c, const struct core_event *ev);
void peer__down(struct core *c, conn_no no);
void peer__drop(struct core *c, struct conn *p);
void peer__penalty(struct core *c, struct conn *p, int32_t points);
void peer__ban(struct core *c, struct conn *p, uint64_t ms, const char *why);
bool peer__banned(const struct core *c, const struct node_id *node);
void peer__set_ban(struct core *c, const struct node_id *node,
                   uint64_t until_wall_ms);
bool peer__spend(struct core *c, struct conn *p); /* the bucket of 50/s */
void peer__hello(struct core *c, struct conn *p, const struct msg *m);
void peer__tick(struct core *c);

/* records.c */
struct topic *topic__find(struct core *c, const struct course_id *course);
void topic__fetch(struct core *c, const struct course_id *course);
void topic__stop(struct core *c, const struct course_id *course);
void topic__greet(struct core *c, struct conn *p); /* ask it for our topics */
void topic__tick(struct core *c);
struct load *load__new(struct core *c, enum load_kind kind);
bool load__take(struct core *c, uint64_t token, struct load *out);
void records__ask(struct core *c, struct conn *p, const struct msg *m);
void records__got(struct core *c, struct conn *p, const struct msg *m);
void records__course(struct core *c, const struct core_event *ev);
void records__edition(struct core *c, const struct core_event *ev);
void records__stored(struct core *c, const struct core_event *ev);
void records__new_edition(struct core *c, const struct course_id *course);

/* swarm.c */
struct swarm *swarm__by_no(const struct core *c, swarm_no no);
struct swarm *swarm__by_edition(const struct core *c,
                                const struct record_id *edition);
struct swarm *swarm__open(struct core *c, const struct core_edition *ed);
void swarm__close(struct core *c, struct swarm *s);
uint32_t swarm__blobs(const struct swarm *s);
void swarm__set_have(struct core *c, struct swarm *s, uint32_t slot);
void swarm__lost(struct core *c, struct swarm *s, uint32_t slot);
struct part *swarm__part(const struct swarm *s, const struct conn *p);
struct part *swarm__join(struct core *c, struct swarm *s, struct conn *p);
void swarm__leave_all(struct core *c, struct conn *p);
void swarm__tell(struct core *c, struct part *t); /* our HAVE, whole */
void swarm__have(struct core *c, struct conn *p, const struct msg *m);
void swarm__part_lacks(struct swarm *s, struct part *t, uint32_t slot);
bool swarm__part_has(const struct part *t, uint32_t slot);
uint32_t swarm__sources(const struct swarm *s, uint32_t slot);
void swarm__tick(struct core *c);
void swarm__peers(struct core *c, struct conn *p, const struct msg *m);
void swarm__check_complete(struct core *c, struct swarm *s);

/* picker.c */
/** picker__next - a slot to ask of @t, not asked yet. false: none. */
bool picker__next(struct core *c, struct part *t, uint32_t *out_slot);

/* request.c */
void request__chunk(struct core *c, struct conn *p, const struct msg *m);
void request__stored(struct core *c, const struct core_event *ev);
void request__refused(struct core *c, struct conn *p, const struct msg *m);
void request__drop_all(struct core *c, struct conn *p);
void request__forget_swarm(struct core *c, struct swarm *s);
void request__pump(struct core *c);
void request__tick(struct core *c);

/* upload.c */
void upload__want(struct core *c, struct conn *p, const struct msg *m);
void upload__cancel(struct core *c, struct conn *p, const struct msg *m);
void upload__served(struct core *c, const struct core_event *ev);
void upload__sent(struct core *c, struct conn *p, uint32_t bytes);
void upload__drop_all(struct core *c, struct conn *p);
void upload__forget_swarm(struct core *c, swarm_no no);
void upload__pump(struct core *c);

/* book.c */
void book__hint(struct core *c, const struct core_event *ev);
void book__exchange(struct core *c, struct conn *from,
                    const struct course_id *course, const struct msg_peer *p);
void book__up(struct core *c, struct conn *p);
void book__down(struct core *c, const struct conn *p);
void book__failed(struct core *c, const struct core_event *ev);
void book__tick(struct core *c);
bool book__busy(const struct core *c); /* a dial is under way or due soon */

#endif
