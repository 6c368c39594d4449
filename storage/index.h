/* index: the SQLite database of a home, index.db: which chunk lies where, and
 * the tables that the catalog keeps beside. One connection, guarded by one
 * mutex: take index_lock around every call but open and close.
 *
 * It is a cache. Packs, record logs and two text files are the truth, are
 * synced before anything is acknowledged, and make the index again; so it runs
 * with synchronous=NORMAL, which never corrupts and at worst forgets its last
 * commits at a power cut: store_open and catalog_open take those up again from
 * what stands behind the `end` that the index knows. */
#ifndef STORAGE_INDEX_H
#define STORAGE_INDEX_H

#include <stdbool.h>
#include <stdint.h>

#include <sqlite3.h>

#include "crypto/base/err.h"
#include "storage/manifest.h"

struct index;

/* A place is a pack (its number) or a file outside (number | INDEX_FILE). */
#define INDEX_FILE (UINT32_C(1) << 30)

struct index_chunk {
    struct chunk_ref ref;
    uint32_t place;
    uint64_t offset;
    uint64_t sum;
};

struct index_place {
    uint32_t place;
    const char *path; /* files: absolute; packs: NULL. Borrowed */
    uint64_t size;    /* files: when settled */
    int64_t mtime_ns;
    bool settled;
    uint64_t end;    /* packs: all records before this are in the index */
    uint64_t synced; /* packs: durable before this; files: 1 = nothing marked */
};

/**
 * index_open - open or make HOME/index.db (0600).
 * *out_fresh: it is new or was unusable (then the old one is moved aside to
 * index.db.bad-N): everything has to be put in again.
 * *out_clean: the last stop was clean, on this boot of the machine.
 * Return: 0; ERR_BUSY: another process has it; ERR_IO.
 */
int index_open(const char *home, struct index **out, bool *out_fresh,
               bool *out_clean, struct err *e);
/** index_close - @clean: note that this stop was a clean one. */
void index_close(struct index *ix, bool clean);

/** index_lacks_files - it was made anew, and nobody has said since that it
 * knows what lies in files outside: not in an earlier life either. */
bool index_lacks_files(const struct index *ix);
/** index_knows_files - say so. */
int index_knows_files(struct index *ix, struct err *e);

void index_lock(struct index *ix);
void index_unlock(struct index *ix);
/** index_wait - with the lock held: let others have it until index_wake. */
void index_wait(struct index *ix);
void index_wake(struct index *ix);

/** index_db - for statements of the catalog's own. */
sqlite3 *index_db(struct index *ix);

/** index_fail - the database's complaint as an error. A corrupt index is marked
 *  as by index_distrust. */
int index_fail(struct index *ix, const char *what, struct err *e);

/** index_distrust - it was caught saying what is not so: the next index_open
 *  moves it aside. */
void index_distrust(struct index *ix);
/** index_distrusted - has it been, in this life? */
bool index_distrusted(const struct index *ix);

int index_begin(struct index *ix, struct err *e);
/** index_commit - a failure has rolled back. */
int index_commit(struct index *ix, struct err *e);
void index_rollback(struct index *ix);
/** index_finish - commit when @rc is 0, else roll back. Return: @rc, or the
 *  error of the commit. */
int index_finish(struct index *ix, int rc, struct err *e);

/** index_settle - what was committed is durable. Needed where a file is about
 * to be used anew, or to go, which rows of before still mean: an index that
 * fell back behind that would take one chunk for another. Outside transactions.
 */
int index_settle(struct index *ix, struct err *e);

/** index_find - ERR_NOT_FOUND (without text), ERR_IO. @out may be NULL. */
int index_find(struct index *ix, const struct chunk_id *id,
               struct index_chunk *out, struct err *e);
/** index_put - insert; one that is there stays or, with @replace, goes. */
int index_put(struct index *ix, const struct index_chunk *c, bool replace,
              struct err *e);
/** index_changed - rows that the last put, move or drop has changed. */
uint64_t index_changed(struct index *ix);
/** index_move - the chunk that lies at @from lies at @to now. Does nothing when
 *  it does not lie at @from any more. */
int index_move(struct index *ix, const struct index_chunk *from,
               const struct index_chunk *to, struct err *e);
int index_drop(struct index *ix, const struct chunk_id *id, struct err *e);
/** index_drop_in - chunks of @place at offset @from or later. */
int index_drop_in(struct index *ix, uint32_t place, uint64_t from,
                  struct err *e);
/** index_drop_place - the place and every chunk in it. */
int index_drop_place(struct index *ix, uint32_t place, struct err *e);
int index_put_place(struct index *ix, const struct index_place *p,
                    struct err *e);
/** index_last_place - the highest that a row of a chunk names; 0 = none. */
int index_last_place(struct index *ix, uint32_t *out, struct err *e);

/** index_places - all of them, by number. */
int index_places(struct index *ix,
                 int (*fn)(void *user, const struct index_place *p), void *user,
                 struct err *e);
/** index_put_moving - the file @p->place goes to @p->path, where it will have
 *  that size and mtime. index_drop_moving: that is over. */
int index_put_moving(struct index *ix, const struct index_place *p,
                     struct err *e);
int index_drop_moving(struct index *ix, uint32_t place, struct err *e);
/** index_movings - as index_places, those of them. @fn must not change them. */
int index_movings(struct index *ix,
                  int (*fn)(void *user, const struct index_place *p),
                  void *user, struct err *e);
/** index_in_place - chunks of @place at offset @from or later, by offset. @fn
 *  must not change the table. */
int index_in_place(struct index *ix, uint32_t place, uint64_t from,
                   int (*fn)(void *user, const struct index_chunk *c),
                   void *user, struct err *e);
/** index_bytes_in - stored bytes of the chunks in @place. */
int index_bytes_in(struct index *ix, uint32_t place, uint64_t *out_bytes,
                   struct err *e);
int index_totals(struct index *ix, uint64_t *out_chunks,
                 uint64_t *out_file_bytes, struct err *e);

int index_plain_find(struct index *ix, uint32_t scope,
                     const struct chunk_id *plain, struct chunk_id *out,
                     struct err *e);
int index_plain_put(struct index *ix, uint32_t scope,
                    const struct chunk_id *plain, const struct chunk_id *stored,
                    struct err *e);
/** index_plain_prune - forget pieces whose stored chunk is not held. */
int index_plain_prune(struct index *ix, struct err *e);

/** index_step - run a prepared statement that returns no row, and reset it. */
int index_step(struct index *ix, sqlite3_stmt *st, const char *what,
               struct err *e);

#endif
