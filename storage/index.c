#include "storage/index_internal.h"

#include <errno.h>
#include <string.h>

void index_lock(struct index *ix)
{
    (void)pthread_mutex_lock(&ix->mutex);
}

void index_unlock(struct index *ix)
{
    (void)pthread_mutex_unlock(&ix->mutex);
}

void index_wait(struct index *ix)
{
    (void)pthread_cond_wait(&ix->changed, &ix->mutex);
}

void index_wake(struct index *ix)
{
    (void)pthread_cond_broadcast(&ix->changed);
}

sqlite3 *index_db(struct index *ix)
{
    return ix->db;
}

static bool no_room(int errnum)
{
    return errnum == ENOSPC || errnum == EDQUOT;
}

int index__say(sqlite3 *db, const char *what, struct err *e)
{
    int last = errno;
    int code = sqlite3_errcode(db) & 0xff;
    int why = code == SQLITE_IOERR || code == SQLITE_CANTOPEN
                  ? sqlite3_system_errno(db)
                  : 0;
    bool full;

    /* A failed commit does not set it; only what the exit code hangs on is
     * guessed. SQLite knows ENOSPC as its own error, but not EDQUOT. */
    if (why == 0 && code == SQLITE_IOERR && no_room(last))
        why = last;
    full = code == SQLITE_FULL || no_room(why);
    if (why != 0)
        (void)err_errno(e, why, "%s: %s", what, sqlite3_errmsg(db));
    else
        (void)err_set(e, ERR_IO, "%s: %s", what, sqlite3_errmsg(db));
    if (e != NULL)
        e->code = full ? ERR_NO_SPACE : ERR_IO;
    return full ? ERR_NO_SPACE : ERR_IO;
}

int index_fail(struct index *ix, const char *what, struct err *e)
{
    int code = sqlite3_errcode(ix->db) & 0xff;
    int rc;

    index__note_sync(ix);
    if (code == SQLITE_CORRUPT || code == SQLITE_NOTADB)
        index_distrust(ix);
    rc = index__say(ix->db, what, e);
    err_wrap(e, "index");
    return rc;
}

int index_step(struct index *ix, sqlite3_stmt *st, const char *what,
               struct err *e)
{
    int rc = sqlite3_step(st);
    int out =
        rc == SQLITE_DONE || rc == SQLITE_ROW ? 0 : index_fail(ix, what, e);

    (void)sqlite3_reset(st);
    return out;
}

/* ---- recent rows
 * ---------------------------------------------------------------------------
 */

static void read_row(sqlite3_stmt *st, struct index_chunk *out)
{
    memcpy(out->ref.id.b, sqlite3_column_blob(st, 0), ID_BYTES);
    out->place = (uint32_t)sqlite3_column_int64(st, 1);
    out->offset = (uint64_t)sqlite3_column_int64(st, 2);
    out->ref.stored_len = (uint32_t)sqlite3_column_int64(st, 3);
    out->ref.raw_len = (uint32_t)sqlite3_column_int64(st, 4);
    out->ref.flags = (uint8_t)sqlite3_column_int(st, 5);
    out->sum = (uint64_t)sqlite3_column_int64(st, 6);
}

int index__load_recent(struct index *ix)
{
    sqlite3_stmt *st = NULL;
    int rc = sqlite3_prepare_v2(ix->db, "SELECT * FROM recent", -1, &st, NULL);

    recent_clear(ix->recent);
    while (rc == SQLITE_OK && sqlite3_step(st) == SQLITE_ROW) {
        struct index_chunk c;

        if (sqlite3_column_bytes(st, 0) != ID_BYTES ||
            recent_count(ix->recent) == RECENT_MAX) {
            rc = SQLITE_CORRUPT;
            break;
        }
        read_row(st, &c);
        if (recent_find(ix->recent, &c.ref.id) == NULL)
            recent_add(ix->recent, &c);
    }
    if (rc == SQLITE_OK)
        rc = sqlite3_finalize(st);
    else
        (void)sqlite3_finalize(st);
    return index__verdict(rc);
}

/* What a rollback has left is read anew. Until that succeeds nobody is told
 * that a chunk is not held: its row may be among those that are not seen. */
static int find_recent(struct index *ix, struct err *e)
{
    int rc = ix->recent_lost ? index__load_recent(ix) : 0;

    if (rc == 0) {
        ix->recent_lost = false;
        return 0;
    }
    if (rc == ERR_CORRUPT)
        index_distrust(ix); /* the packs are asked next time */
    return err_set(e, ERR_IO, "index: its newest rows cannot be read");
}

static int move_recent(struct index *ix, struct err *e)
{
    int rc = index_step(ix, ix->st[S_MERGE], "merge", e);

    if (rc == 0)
        rc = index_step(ix, ix->st[S_CLEAR_RECENT], "merge", e);
    if (rc == 0)
        recent_clear(ix->recent);
    return rc;
}

/* All rows in the one sorted table, for whoever looks at it by place, or
 * changes it. In the caller's transaction, or in one of its own. */
static int merge(struct index *ix, struct err *e)
{
    bool alone = sqlite3_get_autocommit(ix->db) != 0;
    int rc = find_recent(ix, e);

    if (rc != 0 || recent_count(ix->recent) == 0)
        return rc;
    if (alone)
        rc = index_begin(ix, e);
    if (rc == 0)
        rc = move_recent(ix, e);
    return alone ? index_finish(ix, rc, e) : rc;
}

/* ---- transactions
 * ---------------------------------------------------------------------------
 */

int index_begin(struct index *ix, struct err *e)
{
    return index_step(ix, ix->st[S_BEGIN], "begin", e);
}

int index_commit(struct index *ix, struct err *e)
{
    int rc = index_step(ix, ix->st[S_COMMIT], "commit", e);

    if (rc != 0)
        index_rollback(ix);
    return rc;
}

void index_rollback(struct index *ix)
{
    if (sqlite3_get_autocommit(ix->db) == 0)
        (void)index_step(ix, ix->st[S_ROLLBACK], "rollback", NULL);
    ix->recent_lost = true;
    (void)find_recent(ix, NULL);
}

int index_finish(struct index *ix, int rc, struct err *e)
{
    if (rc == 0)
        return index_commit(ix, e);
    index_rollback(ix);
    return rc;
}

/* ---- chunks
 * ---------------------------------------------------------------------------
 */

int index_find(struct index *ix, const struct chunk_id *id,
               struct index_chunk *out, struct err *e)
{
    const struct index_chunk *recent;
    sqlite3_stmt *st = ix->st[S_FIND];
    int rc = find_recent(ix, e);

    if (rc != 0)
        return rc;
    recent = recent_find(ix->recent, id);
    if (recent != NULL) {
        if (out != NULL)
            *out = *recent;
        return 0;
    }
    (void)sqlite3_bind_blob(st, 1, id->b, sizeof id->b, SQLITE_STATIC);
    rc = sqlite3_step(st);
    if (rc == SQLITE_ROW && out != NULL)
        read_row(st, out);
    (void)sqlite3_reset(st);
    if (rc == SQLITE_ROW)
        return 0;
    return rc == SQLITE_DONE ? ERR_NOT_FOUND : index_fail(ix, "find", e);
}

static int put_row(struct index *ix, enum statement which,
                   const struct index_chunk *c, struct err *e)
{
    sqlite3_stmt *st = ix->st[which];

    (void)sqlite3_bind_blob(st, 1, c->ref.id.b, sizeof c->ref.id.b,
                            SQLITE_STATIC);
    (void)sqlite3_bind_int64(st, 2, c->place);
    (void)sqlite3_bind_int64(st, 3, (sqlite3_int64)c->offset);
    (void)sqlite3_bind_int64(st, 4, c->ref.stored_len);
    (void)sqlite3_bind_int64(st, 5, c->ref.raw_len);
    (void)sqlite3_bind_int64(st, 6, c->ref.flags);
    (void)sqlite3_bind_int64(st, 7, (sqlite3_int64)c->sum);
    return index_step(ix, st, "put chunk", e);
}

/* A step that changes the sorted table, once all rows are in it. */
static int change(struct index *ix, enum statement which, const char *what,
                  struct err *e)
{
    int rc = index_step(ix, ix->st[which], what, e);

    ix->changes = rc == 0 ? (uint64_t)sqlite3_changes(ix->db) : 0;
    return rc;
}

int index_put(struct index *ix, const struct index_chunk *c, bool replace,
              struct err *e)
{
    int rc = find_recent(ix, e);

    ix->changes = 0;
    if (rc != 0)
        return rc;
    if (replace || recent_count(ix->recent) == RECENT_MAX)
        rc = merge(ix, e);
    if (rc == 0 && replace) {
        rc = put_row(ix, S_REPLACE, c, e);
        ix->changes = rc == 0;
        return rc;
    }
    if (rc == 0)
        rc = index_find(ix, &c->ref.id, NULL, e);
    if (rc != ERR_NOT_FOUND)
        return rc;
    rc = put_row(ix, S_PUT_RECENT, c, e);
    if (rc == 0) {
        recent_add(ix->recent, c);
        ix->changes = 1;
    }
    return rc;
}

int index_drop(struct index *ix, const struct chunk_id *id, struct err *e)
{
    int rc = merge(ix, e);

    (void)sqlite3_bind_blob(ix->st[S_DROP], 1, id->b, sizeof id->b,
                            SQLITE_STATIC);
    return rc == 0 ? change(ix, S_DROP, "drop chunk", e) : rc;
}

uint64_t index_changed(struct index *ix)
{
    return ix->changes;
}

int index_move(struct index *ix, const struct index_chunk *from,
               const struct index_chunk *to, struct err *e)
{
    sqlite3_stmt *st = ix->st[S_MOVE];
    int rc = merge(ix, e);

    (void)sqlite3_bind_blob(st, 1, from->ref.id.b, sizeof from->ref.id.b,
                            SQLITE_STATIC);
    (void)sqlite3_bind_int64(st, 2, from->place);
    (void)sqlite3_bind_int64(st, 3, (sqlite3_int64)from->offset);
    (void)sqlite3_bind_int64(st, 4, to->place);
    (void)sqlite3_bind_int64(st, 5, (sqlite3_int64)to->offset);
    return rc == 0 ? change(ix, S_MOVE, "move chunk", e) : rc;
}

int index_drop_in(struct index *ix, uint32_t place, uint64_t from,
                  struct err *e)
{
    sqlite3_stmt *st = ix->st[S_DROP_IN];
    int rc = merge(ix, e);

    (void)sqlite3_bind_int64(st, 1, place);
    (void)sqlite3_bind_int64(st, 2, (sqlite3_int64)from);
    return rc == 0 ? change(ix, S_DROP_IN, "drop chunks", e) : rc;
}

int index_drop_place(struct index *ix, uint32_t place, struct err *e)
{
    int rc = index_drop_in(ix, place, 0, e);

    (void)sqlite3_bind_int64(ix->st[S_DROP_PLACE], 1, place);
    return rc != 0 ? rc : index_step(ix, ix->st[S_DROP_PLACE], "drop place", e);
}

int index_put_place(struct index *ix, const struct index_place *p,
                    struct err *e)
{
    sqlite3_stmt *st = ix->st[S_PUT_PLACE];

    (void)sqlite3_bind_int64(st, 1, p->place);
    (void)sqlite3_bind_text(st, 2, p->path, -1, SQLITE_STATIC);
    (void)sqlite3_bind_int64(st, 3, (sqlite3_int64)p->size);
    (void)sqlite3_bind_int64(st, 4, p->mtime_ns);
    (void)sqlite3_bind_int64(st, 5, p->settled);
    (void)sqlite3_bind_int64(st, 6, (sqlite3_int64)p->end);
    (void)sqlite3_bind_int64(st, 7, (sqlite3_int64)p->synced);
    return index_step(ix, st, "put place", e);
}

int index_put_moving(struct index *ix, const struct index_place *p,
                     struct err *e)
{
    sqlite3_stmt *st = ix->st[S_PUT_MOVING];

    (void)sqlite3_bind_int64(st, 1, p->place);
    (void)sqlite3_bind_text(st, 2, p->path, -1, SQLITE_STATIC);
    (void)sqlite3_bind_int64(st, 3, (sqlite3_int64)p->size);
    (void)sqlite3_bind_int64(st, 4, p->mtime_ns);
    return index_step(ix, st, "note a move", e);
}

int index_drop_moving(struct index *ix, uint32_t place, struct err *e)
{
    (void)sqlite3_bind_int64(ix->st[S_DROP_MOVING], 1, place);
    return index_step(ix, ix->st[S_DROP_MOVING], "end a move", e);
}

static int each_place(struct index *ix, const char *sql,
                      int (*fn)(void *user, const struct index_place *p),
                      void *user, struct err *e)
{
    sqlite3_stmt *st = NULL;
    int rc = 0;
    int step = SQLITE_DONE;

    if (sqlite3_prepare_v2(ix->db, sql, -1, &st, NULL) != SQLITE_OK)
        return index_fail(ix, "places", e);
    while (rc == 0 && (step = sqlite3_step(st)) == SQLITE_ROW) {
        struct index_place p = {
            .place = (uint32_t)sqlite3_column_int64(st, 0),
            .path = (const char *)sqlite3_column_text(st, 1),
            .size = (uint64_t)sqlite3_column_int64(st, 2),
            .mtime_ns = sqlite3_column_int64(st, 3),
            .settled = sqlite3_column_int(st, 4) != 0,
            .end = (uint64_t)sqlite3_column_int64(st, 5),
            .synced = (uint64_t)sqlite3_column_int64(st, 6),
        };

        rc = fn(user, &p);
    }
    if (rc == 0 && step != SQLITE_DONE)
        rc = index_fail(ix, "places", e);
    (void)sqlite3_finalize(st);
    return rc;
}

int index_places(struct index *ix,
                 int (*fn)(void *user, const struct index_place *p), void *user,
                 struct err *e)
{
    return each_place(ix, "SELECT * FROM place ORDER BY no", fn, user, e);
}

int index_last_place(struct index *ix, uint32_t *out, struct err *e)
{
    sqlite3_stmt *st = NULL;
    int rc = 0;

    *out = 0;
    if (sqlite3_prepare_v2(ix->db,
                           "SELECT max(ifnull((SELECT max(place) FROM chunk), "
                           "0), ifnull((SELECT max(place) FROM recent), 0))",
                           -1, &st, NULL) != SQLITE_OK)
        return index_fail(ix, "places", e);
    if (sqlite3_step(st) == SQLITE_ROW)
        *out = (uint32_t)sqlite3_column_int64(st, 0);
    else
        rc = index_fail(ix, "places", e);
    (void)sqlite3_finalize(st);
    return rc;
}

int index_movings(struct index *ix,
                  int (*fn)(void *user, const struct index_place *p),
                  void *user, struct err *e)
{
    return each_place(ix, "SELECT no, path, size, mtime, 0, 0, 0 FROM moving",
                      fn, user, e);
}

int index_in_place(struct index *ix, uint32_t place, uint64_t from,
                   int (*fn)(void *user, const struct index_chunk *c),
                   void *user, struct err *e)
{
    sqlite3_stmt *st = NULL;
    int rc = 0;
    int step = SQLITE_DONE;

    rc = merge(ix, e);
    if (rc != 0)
        return rc;
    if (sqlite3_prepare_v2(ix->db,
                           "SELECT * FROM chunk WHERE place = ?1 AND off >= ?2"
                           " ORDER BY off",
                           -1, &st, NULL) != SQLITE_OK)
        return index_fail(ix, "chunks of a place", e);
    (void)sqlite3_bind_int64(st, 1, place);
    (void)sqlite3_bind_int64(st, 2, (sqlite3_int64)from);
    while (rc == 0 && (step = sqlite3_step(st)) == SQLITE_ROW) {
        struct index_chunk c;

        if (sqlite3_column_bytes(st, 0) != ID_BYTES)
            continue;
        read_row(st, &c);
        rc = fn(user, &c);
    }
    if (rc == 0 && step != SQLITE_DONE)
        rc = index_fail(ix, "chunks of a place", e);
    (void)sqlite3_finalize(st);
    return rc;
}

int index_bytes_in(struct index *ix, uint32_t place, uint64_t *out_bytes,
                   struct err *e)
{
    sqlite3_stmt *st = NULL;
    int rc = merge(ix, e);

    if (rc != 0)
        return rc;
    if (sqlite3_prepare_v2(ix->db,
                           "SELECT coalesce(sum(len), 0) FROM chunk WHERE"
                           " place = ?1",
                           -1, &st, NULL) != SQLITE_OK ||
        sqlite3_bind_int64(st, 1, place) != SQLITE_OK ||
        sqlite3_step(st) != SQLITE_ROW)
        rc = index_fail(ix, "bytes of a file", e);
    else
        *out_bytes = (uint64_t)sqlite3_column_int64(st, 0);
    (void)sqlite3_finalize(st);
    return rc;
}

int index_totals(struct index *ix, uint64_t *out_chunks,
                 uint64_t *out_file_bytes, struct err *e)
{
    sqlite3_stmt *st = NULL;
    int rc = merge(ix, e);

    if (rc != 0)
        return rc;
    if (sqlite3_prepare_v2(ix->db,
                           "SELECT count(*), coalesce(sum(len) FILTER (WHERE"
                           " place >= 1073741824), 0) FROM chunk",
                           -1, &st, NULL) != SQLITE_OK ||
        sqlite3_step(st) != SQLITE_ROW) {
        rc = index_fail(ix, "totals", e);
    } else {
        *out_chunks = (uint64_t)sqlite3_column_int64(st, 0);
        *out_file_bytes = (uint64_t)sqlite3_column_int64(st, 1);
    }
    (void)sqlite3_finalize(st);
    return rc;
}

/* ---- the publisher's index
 * ------------------------------------------------------------------ */

int index_plain_find(struct index *ix, uint32_t scope,
                     const struct chunk_id *plain, struct chunk_id *out,
                     struct err *e)
{
    sqlite3_stmt *st = ix->st[S_PLAIN_FIND];
    int rc;

    (void)sqlite3_bind_int64(st, 1, scope);
    (void)sqlite3_bind_blob(st, 2, plain->b, sizeof plain->b, SQLITE_STATIC);
    rc = sqlite3_step(st);
    if (rc == SQLITE_ROW && sqlite3_column_bytes(st, 0) == ID_BYTES)
        memcpy(out->b, sqlite3_column_blob(st, 0), ID_BYTES);
    else if (rc == SQLITE_ROW)
        rc = SQLITE_DONE;
    (void)sqlite3_reset(st);
    if (rc == SQLITE_ROW)
        return 0;
    return rc == SQLITE_DONE ? ERR_NOT_FOUND : index_fail(ix, "plain", e);
}

int index_plain_put(struct index *ix, uint32_t scope,
                    const struct chunk_id *plain, const struct chunk_id *stored,
                    struct err *e)
{
    sqlite3_stmt *st = ix->st[S_PLAIN_PUT];

    (void)sqlite3_bind_int64(st, 1, scope);
    (void)sqlite3_bind_blob(st, 2, plain->b, sizeof plain->b, SQLITE_STATIC);
    (void)sqlite3_bind_blob(st, 3, stored->b, sizeof stored->b, SQLITE_STATIC);
    return index_step(ix, st, "plain", e);
}

int index_plain_prune(struct index *ix, struct err *e)
{
    int rc = merge(ix, e);

    return rc == 0 ? index_step(ix, ix->st[S_PLAIN_PRUNE], "plain", e) : rc;
}
