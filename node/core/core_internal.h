/* core_internal: the core's own structures, shared by the files of node/core:
 *
 * core.c     events in, the tick, effects out
 * peer.c     connections, HELLO
 * blame.c    known peers, scores, bans
 * book.c     addresses and dials
 * exchange.c PEERS
 * topic.c    courses to be complete
 * records.c  RECORDS in and out, what the store said
 * load.c     what was asked of the store
 * swarm.c    editions and who is there
 * have.c     telling and hearing HAVE
 * picker.c   which slot next
 * ask.c      how many of whom, deadlines
 * request.c  requests and CHUNKs
 * upload.c   serving
 * check.c    invariants
 *
 * Connections, swarms, topics and known peers are plain lists: a node has tens
 * of each, and a list cannot go stale. */
#ifndef NODE_CORE_CORE_INTERNAL_H
#define NODE_CORE_CORE_INTERNAL_H

#include "crypto/base/buf.h"
#include "node/core/bits.h"
#include "node/core/core.h"
#include "node/core/rng.h"
#include "node/wire/msg.h"

#define CONNS_MAX 256
#define CONNS_DIALLED 8 /* on top: hints, and as many that are asked for */
#define KNOWN_MAX 1024
#define BANS_MAX 4096
#define BOOK_MAX 1024
#define INTERESTS_MAX 256 /* courses a peer asked for and we remember */
#define LOADS_MAX 256     /* outstanding loads of all kinds */
#define LOADS_FOR_PEERS 128
#define LOADS_PER_PEER 16
#define REQS_MAX 1024    /* asked of one peer, whatever their bytes */
#define UPLOADS_MAX 8192 /* wanted by one peer, likewise */
#define RECENT_MAX 4     /* connections of a key that blame knows */
#define SERVING_MAX 64   /* swarms that only serve */
/* Of a step, that nobody can do without: a drop for each connection, a load for
 * each that there may be, and what swarms and topics have to say. */
#define EFFECTS_SPARE 1024
#define COPIES_MAX 2 /* peers asked for one slot at a time */
#define TICK_BUSY_MS 100
#define TICK_IDLE_MS 1000
#define STRANGE_MAX 10 /* messages of unknown types */
#define EXTENT 64      /* slots that lie together, picked together: one word */
#define NONE UINT32_MAX

struct swarm;
struct conn;

/* ---- connections -------------------------------------------------- */

/* One slot asked of one peer. Live: it counts as a copy on its way. Overdue, so
 * not live: the slot is open to others again, but an answer is welcome.
 * Cancelled: the peer was told, and may have sent it all the same. */
struct request {
    uint32_t id;
    uint32_t slot;
    struct swarm *swarm; /* NULL: gone */
    uint32_t len;        /* stored bytes */
    bool live;
    bool late; /* it was overdue, or is cancelled and not answered in time */
    bool cancelled;
    uint64_t sent_ms;
    uint64_t patience_ms; /* late after that, when others offer the slot */
};

/* One slot wanted by one peer of us. */
struct upload {
    uint32_t request;
    uint32_t slot;
    swarm_no swarm;
    uint32_t len;
};

/* How fast what is handed to the transport leaves it. */
struct drain {
    uint64_t bps; /* 0 = not known yet */
    uint64_t bytes, since_ms;
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
    uint32_t cursor; /* extent it works on, or NONE */
    uint64_t told_ms;
    uint64_t pause_until_ms; /* it is busy */
    uint32_t pause_ms;
    uint32_t refused, answered; /* of the last ones, not here and served */
    uint32_t joined;            /* its number in the swarm; 0 = not heard yet */
    uint32_t introduced;        /* others up to this number were named to it */
};

enum ask_state { ASK_DUE, ASK_SENT, ASK_EMPTY, ASK_ANSWERED };

struct ask { /* what we ask a peer about a course */
    struct course_id course;
    enum ask_state state;
    uint32_t request;
    uint64_t at_ms; /* due from, sent at */
};

struct interest { /* what a peer asked us about a course */
    struct course_id course;
    struct record_id edition; /* the last one that we both know */
    bool has_edition;
    struct record_id revocation; /* the last one that we told, or zero */
};

/* A peer by key, over all of its connections in this run. */
struct known {
    struct known *next;
    struct node_id node;
    char address[CORE_ADDRESS_MAX];
    bool greeted;
    bool outbound;
    enum core_road road;
    enum peer_scope scope;
    conn_no recent[RECENT_MAX]; /* newest first, for blame when gone */
    uint32_t conns;             /* open now */
    uint32_t rtt_ms;
    uint32_t good, rejected;
    uint64_t received_bytes, sent_bytes;
    int32_t score; /* 0 and below */
};

struct conn {
    struct conn *next;
    conn_no no;
    struct known *known;
    struct node_id node;
    bool outbound;
    bool greeted;  /* its HELLO came */
    bool dropping; /* FX_DROP was given: nothing more to say to it */
    bool failed;   /* no memory for something of it: it is to end */
    enum peer_scope scope;
    enum core_road road;
    char address[CORE_ADDRESS_MAX];
    uint16_t listen_port;
    uint64_t up_ms;
    uint64_t said_ms; /* its last message, of any kind */
    struct part *parts;

    /* asking */
    uint32_t next_request;
    uint32_t forgotten;   /* answers up to this request come too late */
    struct request *reqs; /* in order of asking, from req_head */
    size_t req_head, req_count, req_cap;
    uint64_t inflight_bytes; /* of reqs: asked and not received */
    uint64_t window_bytes;
    uint64_t ceiling_bytes; /* of the window, after it said "busy" */
    uint64_t rate_bps;
    uint64_t rate_bytes, rate_since_ms;
    uint64_t heard_ms;  /* last chunk */
    uint32_t rtt_ms;    /* least seen; 0 = none yet */
    uint32_t late_ring; /* bits of the last answers: 1 = late */
    bool snubbed;
    uint64_t probe_ms; /* next probe while it is slow */
    uint32_t unasked;  /* answers to nothing */
    uint32_t good;

    /* serving */
    struct upload *ups; /* a ring */
    size_t up_head, up_count, up_cap;
    uint64_t up_bytes;     /* stored bytes queued */
    uint64_t unsent_bytes; /* frames with the driver and the transport */
    uint64_t again_ms;     /* the transport was full: not before */
    struct drain drain;
    uint64_t moved_ms;   /* when it took something last, or began to */
    uint32_t steps_back; /* so often, since its last turn */
    int64_t deficit;

    /* limits */
    uint64_t bucket_us;           /* its requests: used up to that time */
    uint64_t out_bucket_us;       /* ours to it */
    uint8_t strange[STRANGE_MAX]; /* types of its that we do not know */
    size_t strange_count;
    bool lacks_peers; /* it does not know that message */
    uint32_t hints_taken, hints_given;
    uint64_t hints_taken_ms, hints_given_ms; /* since when */

    struct ask *asks;
    size_t ask_count, ask_cap;
    struct interest *interests;
    size_t interest_count, interest_cap, interest_next;
    bool missed_have; /* told us of an edition before we could follow */
};

/* ---- swarms ------------------------------------------------------- */

#define HAVE_BATCH 64

struct swarm {
    struct swarm *next;
    swarm_no no;
    struct record_id edition;
    struct course_id course;
    uint64_t seq;
    const struct chunk_table *table; /* the driver's */
    bool has_manifest;
    bool loading_manifest;
    bool look_again; /* once that is over */
    bool fetching;
    bool listing;   /* of its content only the priority range is wanted */
    bool completed; /* NOTICE_COMPLETE was given */
    struct bits have;
    struct bits asked; /* copies[i] != 0 */
    uint8_t *copies;   /* requests that live, and stores under way */
    uint16_t *avail;   /* parts with a map that has the slot */
    struct bits sent;  /* to somebody, in this round of serving */
    uint32_t sent_count;
    uint32_t have_count;
    uint32_t open_count; /* neither held nor asked */
    uint64_t total_bytes, have_bytes;
    uint32_t storing; /* stores under way */
    uint64_t storing_bytes;
    uint32_t serving;               /* FX_SERVE under way */
    uint32_t part_count, all_parts; /* and those with everything */
    uint32_t joined;                /* numbers given */
    bool introduce;                 /* somebody is new */
    uint64_t introduced_ms;
    uint32_t fresh[HAVE_BATCH]; /* stored, not told yet */
    size_t fresh_count;
    uint64_t told_ms;
    uint64_t used_ms;
    uint64_t pause_until_ms; /* after the disk failed */
    uint32_t priority_first, priority_count;
    uint64_t fetched_bytes;
    uint32_t fetched_chunks, rejected_chunks;
    uint64_t rate_bytes, rate_since_ms, rate_bps;
};

/* ---- courses and loads -------------------------------------------- */

/* A course that is to be complete here. */
struct topic {
    struct topic *next;
    struct course_id course;
    bool listing;             /* its content is not wanted */
    struct buf course_record; /* empty: not known yet */
    uint64_t seq;             /* of the edition in work; 0 = none */
    struct record_id edition;
    struct record_id fork; /* another one of that seq, as seen last */
    struct swarm *swarm;
    uint32_t storing;               /* FX_STORE_RECORDS under way */
    uint64_t storing_seq;           /* highest of them */
    bool need_course, need_edition; /* to be loaded when there is room */
    bool loading;                   /* one of them is on its way */
    uint64_t retry_ms;
    bool withdrawn; /* a revocation is known */
    bool told_no_peers, told_no_source, told_unknown;
    uint64_t quiet_ms; /* nothing to ask anybody since; 0 = not so */
    uint64_t notified_ms;
    uint32_t notified_have, notified_parts;
};

enum load_kind {
    LOAD_TOPIC,    /* EV_COURSE for a fetch */
    LOAD_ANSWER,   /* EV_COURSE for an ASK */
    LOAD_PUSH,     /* EV_COURSE for all who are interested */
    LOAD_FETCH,    /* EV_EDITION for a fetch */
    LOAD_SERVE,    /* EV_EDITION for a HAVE or WANT */
    LOAD_MANIFEST, /* EV_EDITION of a swarm */
    LOAD_STORE,    /* EV_RECORDS_STORED for a fetch */
};

struct load {
    uint64_t token;
    enum load_kind kind;
    conn_no conn; /* for whom; 0 = for ourselves */
    uint32_t request;
    swarm_no swarm;
    struct course_id course;
    struct record_id edition;
    bool revoked; /* LOAD_STORE: something withdrawn is among the records */
};

/* ---- addresses ---------------------------------------------------- */

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
    uint64_t last_ms; /* last dial; 0 = never */
};

struct ban {
    struct node_id node;
    uint64_t until_wall_ms;
    uint64_t until_ms; /* of this run: the wall clock may jump; 0 = by that */
};

/* ---- the core ----------------------------------------------------- */

struct fixup { /* SENDs hold offsets until the arena stands still */
    size_t effect;
    size_t offset;
};

struct core {
    struct core_config cfg;
    struct rng rng;
    uint64_t order_key; /* this node's own order of extents */
    uint64_t now_ms, wall_ms;
    uint64_t tick_ms; /* the next one */
    uint16_t listen_port;

    struct conn *conns;
    size_t conn_count;
    struct known *known;
    size_t known_count;
    struct swarm *swarms;
    swarm_no last_swarm;
    struct topic *topics;
    struct load loads[LOADS_MAX];
    size_t load_count;
    uint64_t last_token;
    struct entry *book;
    size_t book_count;
    struct ban *bans;
    size_t ban_count;

    uint64_t unsent_bytes;   /* of all connections */
    struct drain drain;      /* of all together: our line, when it is thin */
    uint64_t unstored_bytes; /* of live requests and stores, of all */
    uint32_t overdue_count;  /* requests neither live nor cancelled */
    uint64_t best_rate_bps;  /* of the fastest peer */
    uint64_t usual_rate_bps; /* the mean of those that gave something */
    bool starved;       /* somebody did not ask for want of unstored room */
    conn_no asked_last; /* turns: last one that asked, was served */
    conn_no served_last;

    /* what is left to do at the end of the step */
    struct conn *pump_one; /* this one may ask more */
    bool pump_all;         /* all may */
    bool pump_up;          /* somebody may be served */
    bool look;             /* dials, asks and notices may be due */
    bool any_failed;       /* some connection has */

    struct core_effect *fx;
    size_t fx_count, fx_cap;
    struct buf arena; /* bytes of SENDs */
    struct fixup *fixups;
    size_t fixup_count, fixup_cap;
    struct span spans[16]; /* of FX_STORE_RECORDS */
    size_t span_count;
    struct buf kept; /* their bytes; holds one step's worth */
};

/* core.c */
struct core_effect *core__effect(struct core *c, enum core_effect_kind kind);
/** core__has_room - for another, beside those nobody can do without. */
bool core__has_room(struct core *c);
/** core__send - or end the connection, when there is no memory for it. */
void core__send(struct core *c, struct conn *to, const struct msg *m);
void core__notify(struct core *c, const struct course_id *course,
                  const struct swarm *s, enum core_notice notice);
/** core__wake - tick no later than @at_ms. */
void core__wake(struct core *c, uint64_t at_ms);
/**
 * core__grow - room for one more of @size bytes behind @count.
 * Return: the list, moved perhaps; NULL when out of memory (@list stays).
 */
void *core__grow(void *list, size_t *cap, size_t count, size_t size);

/* peer.c */
struct conn *peer__find(const struct core *c, conn_no no);
void peer__up(struct core *c, const struct core_event *ev);
void peer__down(struct core *c, conn_no no);
/** peer__drop - end the connection; it leaves every swarm at once. */
void peer__drop(struct core *c, struct conn *p);
void peer__hello(struct core *c, struct conn *p, const struct msg *m);
/** peer__spend - one of its requests a second. false: too many, dropped. */
bool peer__spend(struct core *c, struct conn *p);
/** peer__pace - may we send it another request of that kind now? */
bool peer__pace(struct core *c, struct conn *p);
void peer__tick(struct core *c);

/* blame.c */
struct known *blame__know(struct core *c, const struct node_id *node);
struct known *blame__by_conn(struct core *c, conn_no no);
bool blame__banned(const struct core *c, const struct node_id *node);
void blame__set_ban(struct core *c, const struct node_id *node,
                    uint64_t until_wall_ms);
void blame__ban(struct core *c, const struct node_id *node, uint64_t ms,
                const char *why);
void blame__protocol(struct core *c, struct conn *p, const char *why);
void blame__penalty(struct core *c, struct conn *p, int32_t points);
/** blame__late - costs score, but no peer is banned for being slow. */
void blame__late(struct conn *p);
void blame__bad_chunk(struct core *c, struct known *k);

/* topic.c */
struct topic *topic__find(const struct core *c, const struct course_id *course);
/** topic__fetch - @listing: no more than the manifest, unless another fetch
 * wants the content. false: out of memory. */
bool topic__fetch(struct core *c, const struct course_id *course, bool listing);
void topic__stop(struct core *c, const struct course_id *course);
void topic__free(struct topic *t);
/** topic__greet - a new connection: ask it for all that we want. */
void topic__greet(struct core *c, struct conn *p);
struct ask *topic__ask_of(struct conn *p, const struct course_id *course);
void topic__ask_again(struct core *c, const struct course_id *course,
                      struct conn *p, uint64_t at_ms);
/** topic__ask_later - likewise, once, about a course that nobody fetches here:
 *  a few of a peer's, so that it cannot make us remember more. */
void topic__ask_later(struct core *c, const struct course_id *course,
                      struct conn *p, uint64_t at_ms);
void topic__forget_ask(struct conn *p, const struct course_id *course);
/** topic__follow - work on edition @ed from now on. false: out of memory. */
bool topic__follow(struct core *c, struct topic *t,
                   const struct core_edition *ed);
/** topic__changed - notices that were given may be given again. */
void topic__changed(struct core *c);
/** topic__work - send what is due to be asked and loaded. */
void topic__work(struct core *c);
void topic__tick(struct core *c);

/* load.c */
/** load__new - one that is to be asked for. NULL: too many at once. */
struct load *load__new(struct core *c, enum load_kind kind, conn_no conn);
/** load__take - it came. false: it is none of ours. */
bool load__take(struct core *c, uint64_t token, struct load *out);
/** load__course, load__edition - ask the store. */
void load__course(struct core *c, const struct load *l);
void load__edition(struct core *c, const struct load *l);

/* records.c */
/** records__serve - load @edition because @p wants to take part in it.
 *  false: not one of the courses it asked for, or too many at once. */
bool records__serve(struct core *c, struct conn *p,
                    const struct record_id *edition);
void records__ask(struct core *c, struct conn *p, const struct msg *m);
void records__got(struct core *c, struct conn *p, const struct msg *m);
void records__course(struct core *c, const struct core_event *ev);
void records__edition(struct core *c, const struct core_event *ev);
void records__stored(struct core *c, const struct core_event *ev);
/** records__push - tell those who asked about the course and know less. */
void records__push(struct core *c, const struct course_id *course);
void records__new_edition(struct core *c, const struct course_id *course);
/** records__gained - look again at what there is of the course, and tell those
 *  who were told that there is less. */
void records__gained(struct core *c, const struct course_id *course);

/* swarm.c */
struct swarm *swarm__by_no(const struct core *c, swarm_no no);
struct swarm *swarm__by_edition(const struct core *c,
                                const struct record_id *edition);
/** swarm__open - find or make; an old one grows when @ed has the manifest. */
struct swarm *swarm__open(struct core *c, const struct core_edition *ed);
void swarm__close(struct core *c, struct swarm *s);
void swarm__stop(struct core *c, struct swarm *s);
uint32_t swarm__blobs(const struct swarm *s);
void swarm__set_have(struct core *c, struct swarm *s, uint32_t slot);
void swarm__lost(struct core *c, struct swarm *s, uint32_t slot);
void swarm__check_complete(struct core *c, struct swarm *s);
/** swarm__look_again - load what is held of it: there may be more. */
void swarm__look_again(struct core *c, struct swarm *s);
/** swarm__gain - what was found then; nobody has been told yet. */
void swarm__gain(struct swarm *s, const struct core_edition *ed);
/** swarm__hold, swarm__release - one more, one less copy on its way. */
void swarm__hold(struct swarm *s, uint32_t slot);
void swarm__release(struct core *c, struct swarm *s, uint32_t slot);
struct part *swarm__part(const struct swarm *s, const struct conn *p);
/** swarm__join - NULL: out of memory, and the connection is to end. */
struct part *swarm__join(struct core *c, struct swarm *s, struct conn *p);
void swarm__leave_all(struct core *c, struct conn *p);
bool swarm__part_has(const struct part *t, uint32_t slot);
void swarm__part_all(struct swarm *s, struct part *t);
/** swarm__part_only - if it has all: that was the first @n slots. */
void swarm__part_only(struct swarm *s, struct part *t, uint32_t n);
void swarm__part_add(struct swarm *s, struct part *t, uint32_t slot);
void swarm__part_lacks(struct swarm *s, struct part *t, uint32_t slot);
/** swarm__sources - how many peers offer the slot. */
uint32_t swarm__sources(const struct swarm *s, uint32_t slot);
void swarm__tick(struct core *c);

/* have.c */
void have__tell(struct core *c, struct part *t); /* all that we have */
void have__tell_fresh(struct core *c, struct swarm *s);
void have__tell_nothing(struct core *c, struct conn *p,
                        const struct record_id *edition);
void have__hear(struct core *c, struct conn *p, const struct msg *m);

/* exchange.c */
void exchange__introduce(struct core *c, struct swarm *s);
void exchange__peers(struct core *c, struct conn *p, const struct msg *m);

/* picker.c */
/**
 * picker__next - an open slot to ask of @t.
 * @lone: only slots that no trusted peer offers.
 */
bool picker__next(struct core *c, struct part *t, bool lone,
                  uint32_t *out_slot);

/* request.c */
void request__chunk(struct core *c, struct conn *p, const struct msg *m);
void request__stored(struct core *c, const struct core_event *ev);
void request__refused(struct core *c, struct conn *p, const struct msg *m);
struct request *request__at(const struct conn *p, size_t i);
/** request__push - a new one behind the others; its id is the highest. */
bool request__push(struct conn *p, const struct request *r);
/** request__overdue - it is no copy any more, but may come. */
void request__overdue(struct core *c, struct conn *p, size_t i);
/** request__give_up - not wanted any more, and the peer is told so. */
void request__give_up(struct core *c, struct conn *p, size_t i);
/** request__forget_old - do not expect answers that were given up long ago. */
void request__forget_old(struct core *c, struct conn *p, uint64_t age_ms);
/** request__drop_all - the connection ends. */
void request__drop_all(struct core *c, struct conn *p);
/** request__cancel_swarm - nothing more of @s is wanted. */
void request__cancel_swarm(struct core *c, struct swarm *s);
/** request__forget_swarm - @s goes. */
void request__forget_swarm(struct core *c, const struct swarm *s);
/** request__is_slow - late now, too often, or late and never good. */
bool request__is_slow(const struct conn *p);
/** request__owed_word - slots of extent @e that this key owes already. */
uint64_t request__owed_word(const struct core *c, const struct conn *p,
                            const struct swarm *s, uint32_t e);
void request__note_late(struct core *c, struct conn *p, bool late);

/* ask.c */
void ask__one(struct core *c, struct conn *p); /* @p may have room */
void ask__all(struct core *c);
void ask__tick(struct core *c);

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
/** book__asked_for - did somebody ask for whom we have reached? */
bool book__asked_for(const struct core *c, const struct core_event *ev);
void book__up(struct core *c, struct conn *p);
void book__greeted(struct core *c, const struct conn *p);
void book__down(struct core *c, const struct conn *p);
/** book__unwanted - a connection came up, and was one too many. */
void book__unwanted(struct core *c, const struct core_event *ev);
void book__failed(struct core *c, const struct core_event *ev);
void book__work(struct core *c); /* dial who is due */
/** book__dialling - is a first try under way? */
bool book__dialling(const struct core *c);
/** book__next_ms - when the next dial is due; UINT64_MAX = none. */
uint64_t book__next_ms(const struct core *c);

#endif
