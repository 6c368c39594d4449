/* catalog_internal: shared by the files of the catalog. */
#ifndef STORAGE_CATALOG_INTERNAL_H
#define STORAGE_CATALOG_INTERNAL_H

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

sqlite3_stmt *catalog__prepare(struct catalog *c, const char *sql);
/** catalog__prepare_for - with blob @a bound to ?1 when it is not NULL. */
sqlite3_stmt *catalog__prepare_for(struct catalog *c, const char *sql,
                                   const uint8_t *a);

#endif
