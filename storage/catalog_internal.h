/* catalog_internal: shared by the files of the catalog. */
#ifndef STORAGE_CATALOG_INTERNAL_H
#define STORAGE_CATALOG_INTERNAL_H

#include "crypto/revocation.h"
#include "storage/catalog.h"
#include "storage/catalog_log.h"
#include "storage/index.h"

enum state { /* column record.state */
             STATE_HISTORY = 0,
             STATE_CURRENT = 1,
             STATE_FORK =
                 2, /* a later one of two with one seq: kept as proof */
             STATE_REMOVED = 3 /* by `rm`; the log still has it */
};

struct catalog {
    char *home;
    char *network;
    struct catalog_log log;
    struct index *ix; /* its lock guards everything here */
    bool behind;      /* the log's last record is not in the index yet */
};

/** catalog__read - append the bytes of a record that was not removed. With the
 *  index locked, as all of these. */
int catalog__read(struct catalog *c, const struct record_id *id,
                  struct buf *out, struct err *e);

/** catalog__said - is there a revocation of @author that says as much as @p?
 *  ERR_LIMIT: he has made more of them than we keep. */
int catalog__said(struct catalog *c, const struct author_id *author,
                  const struct revocation_payload *p, bool *out_said,
                  struct err *e);

sqlite3_stmt *catalog__prepare(struct catalog *c, const char *sql);
/** catalog__prepare_for - with blob @a bound to ?1 when it is not NULL. */
sqlite3_stmt *catalog__prepare_for(struct catalog *c, const char *sql,
                                   const uint8_t *a);

/* catalog_mend.c; with the index locked */

/** catalog__check_id - is it that record? The log's sum says that an entry is
 *  whole; which it is, an index that has rotted may have wrong: ERR_CORRUPT. */
int catalog__check_id(struct catalog *c, const struct buf *bytes,
                      const struct record_id *id, struct err *e);

/** catalog__mend - a record that is here, at @at: if it has rotted, its bytes
 *  go there again. ERR_IO: that is not where it stood, and the next start makes
 *  the index anew. */
int catalog__mend(struct catalog *c, uint64_t at, const uint8_t *record,
                  size_t len, bool own, struct err *e);

#endif
