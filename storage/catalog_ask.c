/* catalog_ask: what is here of a record, a course, an author. */
#include "storage/catalog_row.h"

#include <string.h>

#include "storage/seq_file.h"

int catalog__read(struct catalog *c, const struct record_id *id,
                  struct buf *out, struct err *e)
{
    struct buf bytes = BUF_INIT;
    enum state state;
    uint64_t next;
    uint32_t flags;
    uint64_t at;
    int rc = catalog__find_row(c, id, &at, &state, e);

    if (rc == ERR_NOT_FOUND || (rc == 0 && state == STATE_REMOVED))
        return err_set(e, ERR_NOT_FOUND, "record '%.16s' is not here",
                       record_id_hex(id).s);
    if (rc == 0)
        rc = catalog_log_read(&c->log, at, &bytes, &flags, &next, e);
    if (rc == 0)
        rc = catalog__check_id(c, &bytes, id, e);
    if (rc == 0 && buf_append(out, bytes.base, bytes.len) != 0)
        rc = err_set(e, ERR_NOMEM, "record");
    buf_deinit(&bytes);
    return rc;
}

int catalog_get(struct catalog *c, const struct record_id *id, struct buf *out,
                struct err *e)
{
    int rc;

    index_lock(c->ix);
    rc = catalog__read(c, id, out, e);
    index_unlock(c->ix);
    return rc;
}

int catalog_current(struct catalog *c, const struct course_id *course,
                    struct record_id *out_edition, uint64_t *out_seq,
                    struct err *e)
{
    int rc;

    index_lock(c->ix);
    rc = catalog__take_rest(c, e);
    if (rc == 0)
        rc = catalog__find_edition(c, course, NULL, 0, out_edition, out_seq, e);
    index_unlock(c->ix);
    if (rc == ERR_NOT_FOUND)
        (void)err_set(e, rc, "no edition of course '%.16s' is here",
                      course_id_hex(course).s);
    return rc;
}

int catalog_edition(struct catalog *c, const struct course_id *course,
                    uint64_t seq, struct record_id *out_edition, struct err *e)
{
    int rc;

    index_lock(c->ix);
    rc = catalog__take_rest(c, e);
    if (rc == 0)
        rc = catalog__find_edition(c, course, NULL, seq, out_edition, NULL, e);
    index_unlock(c->ix);
    if (rc == ERR_NOT_FOUND)
        (void)err_set(e, rc, "edition %llu is not here",
                      (unsigned long long)seq);
    return rc;
}

int catalog_profile(struct catalog *c, const struct author_id *author,
                    struct buf *out, struct err *e)
{
    struct record_id id;
    sqlite3_stmt *st;
    int rc = ERR_NOT_FOUND;

    index_lock(c->ix);
    /* SPEC 3.1: "Newest time_ms wins, then the higher record id." */
    st = catalog__prepare(
        c, "SELECT id FROM record WHERE author = ?1 AND type = ?2"
           " ORDER BY time DESC, id DESC LIMIT 1");
    if (st != NULL) {
        (void)sqlite3_bind_blob(st, 1, author->b, ID_BYTES, SQLITE_STATIC);
        (void)sqlite3_bind_int(st, 2, RECORD_PROFILE);
        if (sqlite3_step(st) == SQLITE_ROW) {
            memcpy(id.b, sqlite3_column_blob(st, 0), ID_BYTES);
            rc = 0;
        }
        (void)sqlite3_finalize(st);
    }
    if (rc == 0)
        rc = catalog__read(c, &id, out, e);
    index_unlock(c->ix);
    return rc;
}

int catalog_next_seq(struct catalog *c, const struct author_id *author,
                     const struct course_id *course, uint64_t *out_seq,
                     struct err *e)
{
    struct record_id id;
    uint64_t top = 0;
    uint64_t kept = 0;
    int rc;

    index_lock(c->ix);
    rc = catalog__take_rest(c, e);
    if (rc == 0)
        rc = catalog__find_edition(c, course, NULL, 0, &id, &top, e);
    index_unlock(c->ix);
    if (rc == ERR_NOT_FOUND)
        rc = 0;
    if (rc == 0)
        rc = seq_file_read(c->home, author, course, &kept, e);
    if (rc == 0)
        *out_seq = (top > kept ? top : kept) + 1;
    return rc;
}

int catalog_set_held(struct catalog *c, const struct record_id *edition,
                     enum held_state state, struct err *e)
{
    sqlite3_stmt *st;
    int rc;

    index_lock(c->ix);
    st = catalog__prepare(c, "INSERT OR REPLACE INTO held VALUES (?1, ?2)");
    if (st == NULL) {
        rc = index_fail(c->ix, "held", e);
    } else {
        (void)sqlite3_bind_blob(st, 1, edition->b, ID_BYTES, SQLITE_STATIC);
        (void)sqlite3_bind_int(st, 2, (int)state);
        rc = index_step(c->ix, st, "held", e);
    }
    (void)sqlite3_finalize(st);
    index_unlock(c->ix);
    return rc;
}

enum held_state catalog_held(struct catalog *c, const struct record_id *edition)
{
    enum held_state state = HELD_NOTHING;
    sqlite3_stmt *st;

    index_lock(c->ix);
    st = catalog__prepare(c, "SELECT state FROM held WHERE edition = ?1");
    if (st != NULL) {
        (void)sqlite3_bind_blob(st, 1, edition->b, ID_BYTES, SQLITE_STATIC);
        if (sqlite3_step(st) == SQLITE_ROW)
            state = (enum held_state)sqlite3_column_int(st, 0);
        (void)sqlite3_finalize(st);
    }
    index_unlock(c->ix);
    return state;
}
