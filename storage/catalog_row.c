/* catalog_row: what the index says of a record. */
#include "storage/catalog_row.h"

#include <string.h>

#include "crypto/course.h"
#include "crypto/edition.h"
#include "crypto/profile.h"

sqlite3_stmt *catalog__prepare(struct catalog *c, const char *sql)
{
    sqlite3_stmt *st = NULL;

    if (sqlite3_prepare_v2(index_db(c->ix), sql, -1, &st, NULL) != SQLITE_OK)
        return NULL;
    return st;
}

int catalog__fill_row(struct row *row, struct err *e)
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

int catalog__find_row(struct catalog *c, const struct record_id *id,
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

int catalog__find_edition(struct catalog *c, const struct course_id *course,
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

int catalog__commit_row(struct catalog *c, const struct row *row, struct err *e)
{
    int rc = index_begin(c->ix, e);

    if (rc == 0 && row->r.type == RECORD_EDITION && row->state == STATE_CURRENT)
        rc = retire_current(c, row, e);
    if (rc == 0)
        rc = insert_row(c, row, e);
    return index_finish(c->ix, rc, e);
}

int catalog__forget_rows(struct catalog *c, const struct course_id *course,
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
