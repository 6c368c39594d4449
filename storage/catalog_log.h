/* catalog_log: records/000001.log, the append-only file that the catalog is an
 * index over. An entry is a 20-byte head, big-endian (magic "LyRc", length u32,
 * flags u32, sum u64 of the rest), then its bytes: a record, or the id of a
 * course that was forgotten. Not thread-safe. */
#ifndef STORAGE_CATALOG_LOG_H
#define STORAGE_CATALOG_LOG_H

#include <stdbool.h>
#include <stdint.h>

#include "crypto/base/buf.h"
#include "crypto/base/err.h"

#define CATALOG_LOG_OWN 1u    /* a record that was signed on this node */
#define CATALOG_LOG_FORGET 2u /* the bytes are a course id */

struct catalog_log {
    char *path;
    int fd;
    uint64_t end; /* where the next entry goes; set by catalog_log_scan */
};

int catalog_log_open(const char *home, struct catalog_log *out, struct err *e);
void catalog_log_close(struct catalog_log *l);

/** catalog_log_append - durable on return. *out_at: for catalog_log_read. A
 *  failure leaves the end where it was. */
int catalog_log_append(struct catalog_log *l, const uint8_t *p, size_t len,
                       uint32_t flags, uint64_t *out_at, struct err *e);

/** catalog_log_undo - the last entry, which began at @at, never was. */
void catalog_log_undo(struct catalog_log *l, uint64_t at);

/** catalog_log_read - the entry at @at; its bytes replace what @out held.
 *  ERR_CORRUPT: no whole entry stands there. */
int catalog_log_read(const struct catalog_log *l, uint64_t at, struct buf *out,
                     uint32_t *out_flags, uint64_t *out_next, struct err *e);

/** catalog_log_mend - the entry at @at, which has rotted, held @p: it does
 *  again, durably. ERR_NOT_FOUND: that is not where it stood. */
int catalog_log_mend(struct catalog_log *l, uint64_t at, const uint8_t *p,
                     size_t len, uint32_t flags, struct err *e);

/**
 * catalog_log_scan - each whole entry from @from on; what has rotted is
 * searched over. A torn tail behind the last of them is cut, and the end set;
 * what was found is durable.
 * @keep_tail: it is no torn tail but has rotted, and an index that falls back
 * may point into it: the end is behind it, lest others stand there then.
 * @fn: non-zero ends the scan and is returned.
 */
int catalog_log_scan(struct catalog_log *l, uint64_t from, bool keep_tail,
                     int (*fn)(void *user, const struct buf *bytes,
                               uint32_t flags, uint64_t at),
                     void *user, struct err *e);

#endif
