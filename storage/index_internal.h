/* index_internal: shared by the files of the index. */
#ifndef STORAGE_INDEX_INTERNAL_H
#define STORAGE_INDEX_INTERNAL_H

#include "storage/index.h"
#include "storage/recent.h"

#include <pthread.h>

enum statement {
    S_FIND,
    S_PUT_RECENT,
    S_MERGE,
    S_CLEAR_RECENT,
    S_REPLACE,
    S_MOVE,
    S_DROP,
    S_DROP_IN,
    S_DROP_PLACE,
    S_PUT_PLACE,
    S_PUT_MOVING,
    S_DROP_MOVING,
    S_PLAIN_FIND,
    S_PLAIN_PUT,
    S_PLAIN_PRUNE,
    S_BEGIN,
    S_COMMIT,
    S_ROLLBACK,
    STATEMENTS
};

struct index {
    sqlite3 *db;
    char *home;
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    bool distrusted;
    bool condemned; /* that it is distrusted is on the disk */
    bool unsynced;  /* a sync has failed */
    bool lacks_files;
    struct recent *recent; /* as the table of that name */
    bool recent_lost;      /* it is to be read anew */
    uint64_t changes;      /* of the last call that changes chunks */
    sqlite3_stmt *st[STATEMENTS];
};

/** index__verdict - what SQLite said, as one of: 0; ERR_CORRUPT: not usable,
 * make it again; ERR_BUSY; ERR_IO: leave it alone. */
int index__verdict(int said);

/** index__say - the failure of @db's last call as ERR_NO_SPACE or ERR_IO, with
 *  the system's reason where there is one. */
int index__say(sqlite3 *db, const char *what, struct err *e);

/** index__load_recent - what the table of recent rows says, into memory. As
 *  index__verdict. */
int index__load_recent(struct index *ix);

/* index_sync.c */

/** index__watch - of the database that was just opened: its log goes into it
 *  when that has grown, and not behind a failed sync. */
void index__watch(struct index *ix);

/** index__note_sync - was it a sync that failed in the last call? */
void index__note_sync(struct index *ix);

/** index__end_log - before it is closed: the log goes into it, or stays. */
void index__end_log(struct index *ix);

/** index__mark_path - of the file that says: do not believe this index. */
void index__mark_path(const struct index *ix, char *out, size_t cap);

#endif
