#include "storage/catalog_row.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "storage/seq_file.h"
#include "storage/store.h"

/* ---- putting ---------------------------------------------------------------
 */

static int raise_seq(struct catalog *c, const struct row *row,
                     uint64_t *out_before, struct err *e)
{
    int rc =
        seq_file_read(c->home, &row->r.signer, &row->course, out_before, e);

    if (rc != 0 || *out_before >= row->seq)
        return rc;
    return seq_file_write(c->home, &row->r.signer, &row->course, row->seq, e);
}

/* Log, then the seq file, then the index: a crash between two is made good by
 * the next open, which finds the record in the log. A failure undoes what went
 * before, lest the next edition's number contradict one that nobody has; on a
 * disk so full that the number cannot be lowered, its record stays instead. */
static int keep(struct catalog *c, struct row *row, const uint8_t *record,
                bool own, struct err *e)
{
    bool chain = own && row->r.type == RECORD_EDITION;
    uint64_t before = UINT64_MAX;
    int rc = catalog_log_append(&c->log, record, row->len,
                                own ? CATALOG_LOG_OWN : 0, &row->at, e);

    if (rc != 0)
        return rc;
    if (chain)
        rc = raise_seq(c, row, &before, e);
    if (rc == 0)
        rc = catalog__commit_row(c, row, e);
    if (rc == 0)
        return 0;
    if (chain && before < row->seq &&
        seq_file_write(c->home, &row->r.signer, &row->course, before, NULL) !=
            0)
        c->behind = true;
    else
        catalog_log_undo(&c->log, row->at);
    return rc;
}

static int conflict(const struct row *row, struct err *e)
{
    return err_set(e, ERR_CONFLICT,
                   "two different editions %" PRIu64 " of one author",
                   row->seq);
}

static int catch_up(struct catalog *c, struct err *e);

/* With the index locked: what keep() had to leave to later. */
int catalog__take_rest(struct catalog *c, struct err *e)
{
    int rc = c->behind ? catch_up(c, e) : 0;

    if (rc == 0)
        c->behind = false;
    return rc;
}

/* With the index locked. */
static int put_locked(struct catalog *c, struct row *row, const uint8_t *record,
                      bool own, struct err *e)
{
    enum state known;
    uint64_t at;
    int rc = catalog__take_rest(c, e);

    if (rc != 0)
        return rc;
    rc = catalog__find_row(c, &row->id, &at, &known, e);
    if (rc == 0 && known != STATE_REMOVED)
        return known == STATE_FORK
                   ? conflict(row, e)
                   : catalog__mend(c, at, record, row->len, own, e);
    if (rc != 0 && rc != ERR_NOT_FOUND)
        return rc;
    rc = catalog__judge(c, row, e);
    if (rc == 0 && row->said)
        return 0;
    if (rc == 0 && !(own && row->state == STATE_FORK)) /* no proof against us */
        rc = keep(c, row, record, own, e);
    if (rc == 0 && row->state == STATE_FORK)
        rc = conflict(row, e);
    return rc;
}

int catalog_put(struct catalog *c, const uint8_t *record, size_t len, bool own,
                struct record_id *out_id, struct err *e)
{
    struct row row = {.len = len};
    int rc = record_decode(record, len, c->network, &row.r, e);

    if (rc == 0)
        rc = catalog__fill_row(&row, e);
    if (rc != 0)
        return rc;
    index_lock(c->ix);
    rc = put_locked(c, &row, record, own, e);
    index_unlock(c->ix);
    if ((rc == 0 || rc == ERR_CONFLICT) && out_id != NULL)
        *out_id = row.id;
    return rc;
}

/* ---- open ------------------------------------------------------------------
 */

static int indexed_end(struct catalog *c, uint64_t *out, struct err *e)
{
    sqlite3_stmt *st =
        catalog__prepare(c, "SELECT coalesce(max(off), 0) FROM record");
    int rc = 0;

    if (st == NULL || sqlite3_step(st) != SQLITE_ROW)
        rc = index_fail(c->ix, "records", e);
    else
        *out = (uint64_t)sqlite3_column_int64(st, 0);
    (void)sqlite3_finalize(st);
    return rc;
}

struct catching_up {
    struct catalog *c;
    struct err *e;
};

/* A record that the rules refuse today is passed over: it was kept once. */
static int take_up(void *user, const struct buf *bytes, uint32_t flags,
                   uint64_t at)
{
    struct catching_up *u = user;
    struct catalog *c = u->c;
    struct row row = {.len = bytes->len, .at = at};
    struct course_id course;
    enum state known;
    uint64_t before;
    bool chain;
    int rc;

    if ((flags & CATALOG_LOG_FORGET) != 0) {
        if (bytes->len != ID_BYTES)
            return 0;
        memcpy(course.b, bytes->base, ID_BYTES);
        return catalog__forget_rows(c, &course, u->e);
    }
    if (record_decode(bytes->base, bytes->len, c->network, &row.r, NULL) != 0 ||
        catalog__fill_row(&row, NULL) != 0)
        return 0;
    chain = (flags & CATALOG_LOG_OWN) != 0 && row.r.type == RECORD_EDITION;
    rc = catalog__find_row(c, &row.id, &before, &known, u->e);
    if (rc == 0 && before == at) /* keep() may have died taking it back */
        return chain ? raise_seq(c, &row, &before, u->e) : 0;
    if (rc == 0 && known != STATE_REMOVED)
        row.state = known; /* it stands elsewhere, too: nothing else is new */
    else if (rc == 0 || rc == ERR_NOT_FOUND)
        rc = catalog__judge(c, &row, u->e);
    if (rc == ERR_REFUSED || rc == ERR_CORRUPT || rc == ERR_LIMIT ||
        (rc == 0 && row.said))
        return 0;
    if (rc == 0 && chain)
        rc = raise_seq(c, &row, &before, u->e);
    return rc != 0 ? rc : catalog__commit_row(c, &row, u->e);
}

/* Takes up what stands in the log behind the last record that the index knows.
 * An index that does not fit the log is emptied. */
static int catch_up(struct catalog *c, struct err *e)
{
    struct catching_up u = {c, e};
    struct buf bytes = BUF_INIT;
    uint64_t from = 0;
    uint64_t next;
    uint32_t flags;
    bool rotten = false;
    int rc = indexed_end(c, &from, e);

    if (rc == 0 && from != 0 &&
        catalog_log_read(&c->log, from, &bytes, &flags, &next, NULL) ==
            ERR_CORRUPT) {
        from = 0;
        rotten = true;
        if (sqlite3_exec(index_db(c->ix), "DELETE FROM record", NULL, NULL,
                         NULL) != SQLITE_OK)
            rc = index_fail(c->ix, "records", e);
    }
    buf_deinit(&bytes);
    return rc != 0 ? rc
                   : catalog_log_scan(&c->log, from, rotten, take_up, &u, e);
}

int catalog_open(const char *home, struct store *s, const char *network,
                 struct catalog **out, struct err *e)
{
    struct catalog *c = calloc(1, sizeof *c);
    int rc;

    if (c == NULL)
        return err_set(e, ERR_NOMEM, "catalog");
    c->log.fd = -1;
    c->ix = store_index(s);
    c->home = strdup(home);
    c->network = strdup(network);
    rc = c->home != NULL && c->network != NULL
             ? catalog_log_open(home, &c->log, e)
             : err_set(e, ERR_NOMEM, "catalog");
    if (rc == 0) {
        index_lock(c->ix);
        rc = catch_up(c, e);
        index_unlock(c->ix);
    }
    if (rc != 0) {
        err_wrap(e, "open the catalog");
        catalog_close(c);
        return rc;
    }
    *out = c;
    return 0;
}

void catalog_close(struct catalog *c)
{
    if (c == NULL)
        return;
    catalog_log_close(&c->log);
    free(c->network);
    free(c->home);
    free(c);
}

int catalog_forget(struct catalog *c, const struct course_id *course,
                   struct err *e)
{
    uint64_t at;
    int rc;

    index_lock(c->ix);
    rc = catalog_log_append(&c->log, course->b, ID_BYTES, CATALOG_LOG_FORGET,
                            &at, e);
    if (rc == 0) {
        rc = catalog__forget_rows(c, course, e);
        if (rc != 0) /* or an index made anew would forget it, one day */
            catalog_log_undo(&c->log, at);
    }
    index_unlock(c->ix);
    return rc;
}
