/* api_internal: calls under way and what the handlers share. */
#ifndef NODE_API_API_INTERNAL_H
#define NODE_API_API_INTERNAL_H

#include <stdatomic.h>

#include "node/api/api.h"
#include "node/driver/reader.h"
#include "storage/import.h"

struct api_call {
    struct node *n;
    json_t *args;
    api_emit_fn *emit;
    void *user;
    bool orphaned;
    json_t *result; /* of the handler */
    int rc;
    struct err err;
    uv_timer_t timer;
    bool finished;
    /* for handlers on the pool */
    _Atomic bool cancel;
    _Atomic uint64_t done, total, files;
    const char *_Atomic unit; /* what done and total count; NULL: bytes */
    struct course_id course;  /* for what runs after */
    struct import_progress import;
    /* for get */
    struct fetch *fetch;
    /* for cat */
    struct reader *reader;
    struct held_manifest *hm;
};

/* A handler fills call->result and returns an ERR_*. Where it runs: */
enum api_where {
    API_LOOP,  /* on the loop: quick, may touch core and transport */
    API_POOL,  /* on a worker: store, catalog and journals only */
    API_ASYNC, /* on the loop, and ends by api__finish */
};

typedef int api_handler(struct api_call *call);

struct api_op {
    const char *name;
    enum api_where where;
    api_handler *fn;
    api_handler *after; /* API_POOL: on the loop, once fn has returned 0 or
                           left a result beside an error */
};

void api__finish(struct api_call *call, int rc);
void api__event(struct api_call *call, json_t *event); /* takes it */

const struct api_op *api__find(const char *name);

const char *api__text(const struct api_call *call, const char *key);
bool api__flag(const struct api_call *call, const char *key);

/** api__folder - the absolute path in @key. ERR_INVALID: a relative one: whose
 *  working folder would that be? */
int api__folder(struct api_call *call, const char *key, const char **out);

/** api__hold_sweeps - no gc between this and api__let_sweeps: what is found
 * held stays so until it is named live. On the pool: may wait for a gc. */
void api__hold_sweeps(void);
void api__let_sweeps(void);
/** api__sweep_mark - a number that changes with every gc. While sweeps are
 * held.
 */
uint64_t api__sweep_mark(void);

/** api__resolve - a course by id prefix, slug or ticket. ERR_NOT_FOUND,
 *  ERR_AMBIGUOUS with the list. */
int api__resolve(struct node *n, const char *name, struct course_id *out,
                 struct err *e);

/** api__local - the edition that this home shows: the current one, or the one
 *  that a rollback went to. */
int api__local(struct node *n, const struct course_id *course,
               struct record_id *out_edition, uint64_t *out_seq, struct err *e);
/** api__newest - it shows the current one from now on. */
int api__newest(struct api_call *call, const struct course_id *course);

/** api__add_kept - a target_kept_fn: @user: a JSON array. */
void api__add_kept(void *user, const char *path, const char *beside);

/** api__title - of the current edition, else of the course record. */
void api__title(struct node *n, const struct course_id *course,
                struct buf *out);
/** api__held - how much of an edition is here, from the store itself:
 *  "complete", "partial" or "listed"; *out_stored: stored bytes of it. */
const char *api__held(struct node *n, const struct record_id *edition,
                      uint64_t *out_stored);
/** api__tell_withdrawn - into @o: is this edition `withdrawn`, and why. */
void api__tell_withdrawn(struct node *n, const struct course_id *course,
                         const struct record_id *edition, uint64_t seq,
                         json_t *o);
/** api__versions - the editions known here, the newest first. */
json_t *api__versions(struct node *n, const struct course_id *course,
                      const struct record_id *current);

struct head { /* the newest of a chain that is known here */
    struct node *n;
    struct record_id edition; /* when its record is known */
    uint64_t seq;             /* 0: none */
};

/** api__head - of @course; numbers of withdrawn editions count. */
void api__head(struct node *n, const struct course_id *course,
               struct head *out);
/** api__newer_head - ERR_CONFLICT, with the words for it. */
int api__newer_head(const struct course_id *course, uint64_t newest,
                    struct err *e);
/** api__check_head - may @author sign what follows the newest edition known
 *  here? ERR_CONFLICT: it is his, was not signed here and is not whole here. */
int api__check_head(struct node *n, const struct course_id *course,
                    const struct author_id *author, struct err *e);
/** api__must_ask - the numbers of this home may be old, and nothing of @course
 *  was signed since. */
bool api__must_ask(struct node *n, const struct course_id *course);
/** api__signed_here - from now on they are not, for @course. */
int api__signed_here(struct api_call *call, const struct course_id *course);

/** api__hint_peers - tell the core of the peers in `peers` and of those of a
 *  ticket in `course`. */
int api__hint_peers(struct api_call *call, const struct course_id *course);

/** api__slug - lower case, letters and digits of any script, else '-'. */
void api__slug(const struct buf *title, struct buf *out);

api_handler api_ls, api_names, api_paths, api_info, api_diff, api_ticket,
    api_record, api_rm, api_removed, api_pin, api_unpin, api_verify, api_gc,
    api_export, api_prepare, api_commit, api_committed, api_get, api_rollback,
    api_status, api_stop, api_peer_ls, api_peer_add, api_peer_rm,
    api_peer_block, api_peer_unblock, api_put_record, api_withdraw,
    api_withdraw_commit, api_withdrawn, api_ask_head, api_pack, api_unpack,
    api_unpacked, api_why, api_why_peers, api_cat, api_away;

#endif
