#include "storage/catalog_internal.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/course.h"
#include "crypto/edition.h"
#include "crypto/profile.h"
#include "storage/seq_file.h"
#include "storage/store.h"

/* ---- rows ------------------------------------------------------------------
 */

struct row {
    struct record r;
    struct record_id id;
    struct course_id course;
    bool has_course;
    uint64_t seq;
    struct record_id prev;
    uint64_t time_ms;
    uint64_t at; /* of its entry in the log */
    size_t len;
    enum state state;
    bool said; /* a revocation that says no more than one that is kept */
};

sqlite3_stmt *catalog__prepare(struct catalog *c, const char *sql)
{
    sqlite3_stmt *st = NULL;

    if (sqlite3_prepare_v2(index_db(c->ix), sql, -1, &st, NULL) != SQLITE_OK)
        return NULL;
    return st;
}

static int fill_row(struct row *row, struct err *e)
{
    struct edition_payload edition;
    struct course_payload course;
    struct profile_payload profile;
    struct revocation_payload revocation;
    int rc = 0;

    row->id = row->r.id;
    switch (row->r.type) {
    case RECORD_PROFILE:
        rc = profile_decode(row->r.payload, &profile, e);
        row->time_ms = rc == 0 ? profile.time_ms : 0;
        break;
    case RECORD_COURSE:
        rc = course_decode(row->r.payload, &course, e);
        row->time_ms = rc == 0 ? course.time_ms : 0;
        memcpy(row->course.b, row->id.b, sizeof row->id.b);
        row->has_course = true;
        break;
    case RECORD_EDITION:
        rc = edition_decode(row->r.payload, &edition, e);
        if (rc != 0)
            break;
        row->time_ms = edition.time_ms;
        row->course = edition.course;
        row->has_course = true;
        row->seq = edition.seq;
        row->prev = edition.prev;
        break;
    case RECORD_REVOCATION:
        rc = revocation_decode(row->r.payload, &revocation, e);
        if (rc != 0)
            break;
        row->time_ms = revocation.time_ms;
        row->course = revocation.course;
        row->has_course = true;
        row->seq = revocation.seq;
        break;
    case RECORD_TYPE_COUNT:
        break;
    }
    return rc;
}

sqlite3_stmt *catalog__prepare_for(struct catalog *c, const char *sql,
                                   const uint8_t *a)
{
    sqlite3_stmt *st = catalog__prepare(c, sql);

    if (st != NULL && a != NULL)
        (void)sqlite3_bind_blob(st, 1, a, ID_BYTES, SQLITE_STATIC);
    return st;
}

static int insert_row(struct catalog *c, const struct row *row, struct err *e)
{
    sqlite3_stmt *st =
        catalog__prepare_for(c,
                             "INSERT OR REPLACE INTO record"
                             " VALUES (?1,?2,?3,?4,?5,?6,1,?7,?8,?9)",
                             row->id.b);
    int rc;

    if (st == NULL)
        return index_fail(c->ix, "record", e);
    (void)sqlite3_bind_int(st, 2, (int)row->r.type);
    (void)sqlite3_bind_blob(st, 3, row->r.signer.b, ID_BYTES, SQLITE_STATIC);
    if (row->has_course)
        (void)sqlite3_bind_blob(st, 4, row->course.b, ID_BYTES, SQLITE_STATIC);
    (void)sqlite3_bind_int64(st, 5, (sqlite3_int64)row->seq);
    (void)sqlite3_bind_int64(st, 6, (sqlite3_int64)row->time_ms);
    (void)sqlite3_bind_int64(st, 7, (sqlite3_int64)row->at);
    (void)sqlite3_bind_int64(st, 8, (sqlite3_int64)row->len);
    (void)sqlite3_bind_int(st, 9, (int)row->state);
    rc = index_step(c->ix, st, "record", e);
    (void)sqlite3_finalize(st);
    return rc;
}

/* One row by id. ERR_NOT_FOUND without text. */
static int find_row(struct catalog *c, const struct record_id *id,
                    uint64_t *out_at, enum state *out_state, struct err *e)
{
    sqlite3_stmt *st = catalog__prepare_for(
        c, "SELECT off, state FROM record WHERE id = ?1", id->b);
    int rc;

    if (st == NULL)
        return index_fail(c->ix, "record", e);
    rc = sqlite3_step(st);
    if (rc == SQLITE_ROW) {
        *out_at = (uint64_t)sqlite3_column_int64(st, 0);
        *out_state = (enum state)sqlite3_column_int(st, 1);
    }
    (void)sqlite3_finalize(st);
    if (rc == SQLITE_ROW)
        return 0;
    return rc == SQLITE_DONE ? ERR_NOT_FOUND : index_fail(c->ix, "record", e);
}

/* The edition of @course that is current (@seq 0), or that of @seq which is no
 * fork: @author's, or with NULL anybody's. ERR_NOT_FOUND without text. */
static int find_edition(struct catalog *c, const struct course_id *course,
                        const struct author_id *author, uint64_t seq,
                        struct record_id *out_id, uint64_t *out_seq,
                        struct err *e)
{
    sqlite3_stmt *st = catalog__prepare_for(
        c,
        "SELECT id, seq FROM record WHERE course = ?1 AND type = ?2"
        " AND (state = 1 OR (state = 0 AND ?3 != 0)) AND (seq = ?3 OR ?3 = 0)"
        " AND (author = ?4 OR ?4 IS NULL)"
        " ORDER BY state DESC, seq DESC, id LIMIT 1",
        course->b);
    int rc;

    if (st == NULL)
        return index_fail(c->ix, "edition", e);
    (void)sqlite3_bind_int(st, 2, RECORD_EDITION);
    (void)sqlite3_bind_int64(st, 3, (sqlite3_int64)seq);
    if (author != NULL)
        (void)sqlite3_bind_blob(st, 4, author->b, ID_BYTES, SQLITE_STATIC);
    rc = sqlite3_step(st);
    if (rc == SQLITE_ROW && sqlite3_column_bytes(st, 0) == ID_BYTES) {
        memcpy(out_id->b, sqlite3_column_blob(st, 0), ID_BYTES);
        if (out_seq != NULL)
            *out_seq = (uint64_t)sqlite3_column_int64(st, 1);
    }
    (void)sqlite3_finalize(st);
    if (rc == SQLITE_ROW)
        return 0;
    return rc == SQLITE_DONE ? ERR_NOT_FOUND : index_fail(c->ix, "edition", e);
}

int catalog__read(struct catalog *c, const struct record_id *id,
                  struct buf *out, struct err *e)
{
    struct buf bytes = BUF_INIT;
    enum state state;
    uint64_t next;
    uint32_t flags;
    uint64_t at;
    int rc = find_row(c, id, &at, &state, e);

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

/* ---- rules -----------------------------------------------------------------
 */

static int check_author(struct catalog *c, const struct row *row, struct err *e)
{
    struct buf bytes = BUF_INIT;
    struct course_payload course;
    struct record_id id;
    struct record r;
    int rc;

    memcpy(id.b, row->course.b, sizeof id.b);
    rc = catalog__read(c, &id, &bytes, e);
    if (rc == ERR_NOT_FOUND)
        rc = err_set(e, ERR_REFUSED, "it is of a course that is not known");
    if (rc == 0)
        rc = record_decode(bytes.base, bytes.len, c->network, &r, e);
    if (rc == 0 && r.type != RECORD_COURSE)
        rc = err_set(e, ERR_REFUSED, "it is of what is no course");
    if (rc == 0)
        rc = course_decode(r.payload, &course, e);
    /* SPEC 3.3: "The signer MUST be one of the course's authors." */
    if (rc == 0 && !course_has_author(&course, &row->r.signer))
        rc = err_set(e, ERR_REFUSED, "it is by someone who is no author");
    buf_deinit(&bytes);
    return rc;
}

/* A chain is (author, course): co-authors of a course have one each. */
static int check_chain(struct catalog *c, struct row *row, struct err *e)
{
    struct record_id other;
    int rc = find_edition(c, &row->course, &row->r.signer, row->seq, &other,
                          NULL, e);

    if (rc == 0 && !record_id_eq(&other, &row->id)) {
        row->state = STATE_FORK;
        return 0;
    }
    if (rc != 0 && rc != ERR_NOT_FOUND)
        return rc;
    if (row->seq == 1)
        return 0;
    rc = find_edition(c, &row->course, &row->r.signer, row->seq - 1, &other,
                      NULL, e);
    /* SPEC 3.3: "where the record of seq - 1 is held, prev MUST be its id" */
    if (rc == 0 && !record_id_eq(&other, &row->prev))
        return err_set(e, ERR_REFUSED,
                       "edition %" PRIu64 " does not follow the one before it",
                       row->seq);
    return rc == ERR_NOT_FOUND ? 0 : rc;
}

/* What an edition is to those that are here: row->state. */
static int place_edition(struct catalog *c, struct row *row, struct err *e)
{
    struct record_id current;
    uint64_t top = 0;
    int rc = check_author(c, row, e);

    if (rc == 0)
        rc = check_chain(c, row, e);
    if (rc != 0 || row->state == STATE_FORK)
        return rc;
    rc = find_edition(c, &row->course, NULL, 0, &current, &top, e);
    if (rc != 0 && rc != ERR_NOT_FOUND)
        return rc;
    /* SPEC 3.3: "seq MUST NOT jump by more than 2^20" */
    if (row->seq > top && row->seq - top > EDITION_SEQ_JUMP_MAX)
        return err_set(e, ERR_REFUSED,
                       "edition number jumps from %" PRIu64 " to %" PRIu64, top,
                       row->seq);
    /* SPEC 3.3: "A seq below the current one never becomes current" */
    row->state = row->seq > top ? STATE_CURRENT : STATE_HISTORY;
    return 0;
}

static int place_revocation(struct catalog *c, struct row *row, struct err *e)
{
    struct revocation_payload p;
    int rc = check_author(c, row, e);

    if (rc == 0)
        rc = revocation_decode(row->r.payload, &p, e);
    return rc == 0 ? catalog__said(c, &row->r.signer, &p, &row->said, e) : rc;
}

static int judge(struct catalog *c, struct row *row, struct err *e)
{
    row->state = STATE_CURRENT;
    if (row->r.type == RECORD_EDITION)
        return place_edition(c, row, e);
    return row->r.type == RECORD_REVOCATION ? place_revocation(c, row, e) : 0;
}

/* ---- putting ---------------------------------------------------------------
 */

static int retire_current(struct catalog *c, const struct row *row,
                          struct err *e)
{
    sqlite3_stmt *st =
        catalog__prepare_for(c,
                             "UPDATE record SET state = 0 WHERE course ="
                             " ?1 AND type = ?2 AND state = 1",
                             row->course.b);
    int rc;

    if (st == NULL)
        return index_fail(c->ix, "edition", e);
    (void)sqlite3_bind_int(st, 2, RECORD_EDITION);
    rc = index_step(c->ix, st, "edition", e);
    (void)sqlite3_finalize(st);
    return rc;
}

static int commit_row(struct catalog *c, const struct row *row, struct err *e)
{
    int rc = index_begin(c->ix, e);

    if (rc == 0 && row->r.type == RECORD_EDITION && row->state == STATE_CURRENT)
        rc = retire_current(c, row, e);
    if (rc == 0)
        rc = insert_row(c, row, e);
    return index_finish(c->ix, rc, e);
}

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
        rc = commit_row(c, row, e);
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
static int take_rest(struct catalog *c, struct err *e)
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
    int rc = take_rest(c, e);

    if (rc != 0)
        return rc;
    rc = find_row(c, &row->id, &at, &known, e);
    if (rc == 0 && known != STATE_REMOVED)
        return known == STATE_FORK
                   ? conflict(row, e)
                   : catalog__mend(c, at, record, row->len, own, e);
    if (rc != 0 && rc != ERR_NOT_FOUND)
        return rc;
    rc = judge(c, row, e);
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
        rc = fill_row(&row, e);
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

static int forget_row(struct catalog *c, const struct course_id *course,
                      struct err *e)
{
    sqlite3_stmt *st = catalog__prepare_for(
        c, "UPDATE record SET state = 3 WHERE course = ?1 AND type != ?2",
        course->b);
    int rc;

    /* What its author withdrew stays withdrawn, should it come back. */
    if (st != NULL)
        (void)sqlite3_bind_int(st, 2, RECORD_REVOCATION);
    rc = st != NULL ? index_step(c->ix, st, "forget", e)
                    : index_fail(c->ix, "forget", e);

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
        return forget_row(c, &course, u->e);
    }
    if (record_decode(bytes->base, bytes->len, c->network, &row.r, NULL) != 0 ||
        fill_row(&row, NULL) != 0)
        return 0;
    chain = (flags & CATALOG_LOG_OWN) != 0 && row.r.type == RECORD_EDITION;
    rc = find_row(c, &row.id, &before, &known, u->e);
    if (rc == 0 && before == at) /* keep() may have died taking it back */
        return chain ? raise_seq(c, &row, &before, u->e) : 0;
    if (rc == 0 && known != STATE_REMOVED)
        row.state = known; /* it stands elsewhere, too: nothing else is new */
    else if (rc == 0 || rc == ERR_NOT_FOUND)
        rc = judge(c, &row, u->e);
    if (rc == ERR_REFUSED || rc == ERR_CORRUPT || rc == ERR_LIMIT ||
        (rc == 0 && row.said))
        return 0;
    if (rc == 0 && chain)
        rc = raise_seq(c, &row, &before, u->e);
    return rc != 0 ? rc : commit_row(c, &row, u->e);
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

/* ---- questions
 * -----------------------------------------------------------------------------------------
 */

int catalog_get(struct catalog *c, const struct record_id *id, struct buf *out,
                struct err *e)
{
    int rc;

    index_lock(c->ix);
    rc = catalog__read(c, id, out, e);
    index_unlock(c->ix);
    return rc;
}

size_t catalog_find(struct catalog *c, const char *hex_prefix, size_t max,
                    void (*fn)(void *user, const struct record_id *id),
                    void *user)
{
    struct record_id list[32];
    sqlite3_stmt *st;
    size_t n = 0;

    if (max > sizeof list / sizeof list[0])
        max = sizeof list / sizeof list[0];
    index_lock(c->ix);
    st = catalog__prepare(
        c, "SELECT id FROM record WHERE state != 3 AND"
           " substr(hex(id), 1, length(?1)) = upper(?1) LIMIT ?2");
    if (st != NULL) {
        (void)sqlite3_bind_text(st, 1, hex_prefix, -1, SQLITE_STATIC);
        (void)sqlite3_bind_int64(st, 2, (sqlite3_int64)max);
        while (n < max && sqlite3_step(st) == SQLITE_ROW)
            memcpy(list[n++].b, sqlite3_column_blob(st, 0), ID_BYTES);
        (void)sqlite3_finalize(st);
    }
    index_unlock(c->ix);
    for (size_t i = 0; i < n; i++)
        fn(user, &list[i]);
    return n;
}

int catalog_current(struct catalog *c, const struct course_id *course,
                    struct record_id *out_edition, uint64_t *out_seq,
                    struct err *e)
{
    int rc;

    index_lock(c->ix);
    rc = take_rest(c, e);
    if (rc == 0)
        rc = find_edition(c, course, NULL, 0, out_edition, out_seq, e);
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
    rc = take_rest(c, e);
    if (rc == 0)
        rc = find_edition(c, course, NULL, seq, out_edition, NULL, e);
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
    rc = take_rest(c, e);
    if (rc == 0)
        rc = find_edition(c, course, NULL, 0, &id, &top, e);
    index_unlock(c->ix);
    if (rc == ERR_NOT_FOUND)
        rc = 0;
    if (rc == 0)
        rc = seq_file_read(c->home, author, course, &kept, e);
    if (rc == 0)
        *out_seq = (top > kept ? top : kept) + 1;
    return rc;
}

int catalog_courses(struct catalog *c,
                    void (*fn)(void *user, const struct course_id *course),
                    void *user, struct err *e)
{
    struct course_id *list = NULL;
    size_t n = 0;
    size_t cap = 0;
    sqlite3_stmt *st;
    int step = SQLITE_DONE;
    int rc = 0;

    index_lock(c->ix);
    st = catalog__prepare(c,
                          "SELECT id FROM record WHERE type = ?1 AND state != 3"
                          " ORDER BY id");
    if (st == NULL)
        rc = index_fail(c->ix, "courses", e);
    else
        (void)sqlite3_bind_int(st, 1, RECORD_COURSE);
    while (rc == 0 && (step = sqlite3_step(st)) == SQLITE_ROW) {
        if (n == cap) {
            struct course_id *grown;

            cap = cap ? 2 * cap : 64;
            grown = realloc(list, cap * sizeof *list);
            if (grown == NULL) {
                rc = err_set(e, ERR_NOMEM, "courses");
                break;
            }
            list = grown;
        }
        memcpy(list[n++].b, sqlite3_column_blob(st, 0), ID_BYTES);
    }
    if (rc == 0 && step != SQLITE_DONE)
        rc = index_fail(c->ix, "courses", e);
    (void)sqlite3_finalize(st);
    index_unlock(c->ix);
    for (size_t i = 0; i < n && rc == 0; i++)
        fn(user, &list[i]);
    free(list);
    return rc;
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
        rc = forget_row(c, course, e);
        if (rc != 0) /* or an index made anew would forget it, one day */
            catalog_log_undo(&c->log, at);
    }
    index_unlock(c->ix);
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
