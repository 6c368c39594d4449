/* catalog: the signed records this node keeps, and which edition of a course is
 * current. Records lie in an append-only file (catalog_log.h), synced before
 * catalog_put returns; the SQLite tables are an index over it in index.db and
 * are rebuilt from it. Thread-safe. Decides order
 * (chains, newest wins), not trust: it takes only records that record_decode
 * has accepted. Source: node/PROTOCOL.md section 3. */
#ifndef STORAGE_CATALOG_H
#define STORAGE_CATALOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "crypto/base/buf.h"
#include "crypto/base/err.h"
#include "crypto/base/ids.h"
#include "crypto/record.h"

struct catalog;
struct store;

/** catalog_open - over the same home and index.db as @s (which must outlive
 *  it). A torn tail of the record file is cut. */
int catalog_open(const char *home, struct store *s, const char *network,
                 struct catalog **out, struct err *e);
void catalog_close(struct catalog *c);

/**
 * catalog_put - verify (record_decode) and keep a record; durable on return.
 * @own: signed on this node: its seq is also kept in the file `seq`, the second
 *       copy that a lost index cannot take along.
 * @out_id: may be NULL.
 * Return: 0 (also when it was there already; had it rotted, it is mended);
 * ERR_MALFORMED; ERR_CORRUPT (bad signature); ERR_REFUSED (breaks the chain: a
 * jump, a wrong prev, a signer who is no author of the course, a course not
 * known); ERR_CONFLICT (equivocation: kept as proof, does not become current;
 * with @own not kept at all); ERR_LIMIT (a revocation more than are kept). A
 * revocation that says no more than one that is here is 0, and not kept.
 * ERR_NO_SPACE, ERR_IO: nothing was kept, and the number is free again; or, on
 * a disk where not even that can be written down, the record is kept and counts
 * from the next put, next_seq or open that succeeds.
 */
int catalog_put(struct catalog *c, const uint8_t *record, size_t len, bool own,
                struct record_id *out_id, struct err *e);

/** catalog_get - the bytes of a record. @out is appended to. ERR_NOT_FOUND. */
int catalog_get(struct catalog *c, const struct record_id *id, struct buf *out,
                struct err *e);

/** catalog_find - ids that start with the given hex digits. Calls @fn for at
 *  most @max. Return: how many. */
size_t catalog_find(struct catalog *c, const char *hex_prefix, size_t max,
                    void (*fn)(void *user, const struct record_id *id),
                    void *user);

/** catalog_current - the current edition of @course. ERR_NOT_FOUND. */
int catalog_current(struct catalog *c, const struct course_id *course,
                    struct record_id *out_edition, uint64_t *out_seq,
                    struct err *e);

/** catalog_edition - the edition of @course with @seq that was accepted. */
int catalog_edition(struct catalog *c, const struct course_id *course,
                    uint64_t seq, struct record_id *out_edition, struct err *e);

/** catalog_editions - call @fn for each edition of @course that was accepted,
 *  the newest first. Forks are not among them. */
int catalog_editions(struct catalog *c, const struct course_id *course,
                     void (*fn)(void *user, const struct record_id *edition,
                                uint64_t seq),
                     void *user, struct err *e);

/** catalog_profile - the newest profile of @author. ERR_NOT_FOUND. */
int catalog_profile(struct catalog *c, const struct author_id *author,
                    struct buf *out, struct err *e);

/** catalog_next_seq - the seq the next own edition must carry: one more than
 *  the highest of the catalog and of the file `seq`. */
int catalog_next_seq(struct catalog *c, const struct author_id *author,
                     const struct course_id *course, uint64_t *out_seq,
                     struct err *e);

/** catalog_courses - call @fn for each course with a record, by id. */
int catalog_courses(struct catalog *c,
                    void (*fn)(void *user, const struct course_id *course),
                    void *user, struct err *e);

#define CATALOG_REVOCATIONS_MAX 64 /* kept of one author about one course */

/** catalog_withdrawn - has an author of @course withdrawn @edition, whose
 * number is @seq? @out: NULL, or the payload's bytes are appended. */
bool catalog_withdrawn(struct catalog *c, const struct course_id *course,
                       const struct record_id *edition, uint64_t seq,
                       struct buf *out);

/** catalog_offered - the newest edition of @course that is not withdrawn.
 *  ERR_NOT_FOUND: none is known; ERR_REFUSED: all that are have been withdrawn,
 *  and @e says why. */
int catalog_offered(struct catalog *c, const struct course_id *course,
                    struct record_id *out_edition, uint64_t *out_seq,
                    struct err *e);

/** catalog_revocations - the records that withdraw something of @course, those
 *  of the highest numbers first, at most @max. Spans are borrowed for the call.
 */
int catalog_revocations(struct catalog *c, const struct course_id *course,
                        size_t max, void (*fn)(void *user, struct span record),
                        void *user, struct err *e);

/** catalog_forget - remove a course and its editions from the index (`rm`),
 *  durably. The record file still has them, and a later catalog_put brings them
 *  back. Its revocations stay. */
int catalog_forget(struct catalog *c, const struct course_id *course,
                   struct err *e);

/* What this node holds of an edition; a cache of what the store knows. */
enum held_state { HELD_NOTHING, HELD_PARTIAL, HELD_COMPLETE };

int catalog_set_held(struct catalog *c, const struct record_id *edition,
                     enum held_state state, struct err *e);
enum held_state catalog_held(struct catalog *c,
                             const struct record_id *edition);

#endif
