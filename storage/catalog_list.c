/* catalog_list: several at once: courses, editions of one, records by their
 * ids' first digits. */
#include "storage/catalog_internal.h"

#include <stdlib.h>
#include <string.h>

struct listed {
    struct record_id id;
    uint64_t seq;
};

static int list_editions(struct catalog *c, sqlite3_stmt *st,
                         struct listed **list, size_t *n, struct err *e)
{
    size_t cap = 0;
    int rc;

    while ((rc = sqlite3_step(st)) == SQLITE_ROW) {
        if (*n == cap) {
            struct listed *grown;

            cap = cap ? 2 * cap : 16;
            grown = realloc(*list, cap * sizeof **list);
            if (grown == NULL)
                return err_set(e, ERR_NOMEM, "editions");
            *list = grown;
        }
        if (sqlite3_column_bytes(st, 0) != ID_BYTES)
            continue;
        memcpy((*list)[*n].id.b, sqlite3_column_blob(st, 0), ID_BYTES);
        (*list)[(*n)++].seq = (uint64_t)sqlite3_column_int64(st, 1);
    }
    return rc == SQLITE_DONE ? 0 : index_fail(c->ix, "editions", e);
}

int catalog_editions(struct catalog *c, const struct course_id *course,
                     void (*fn)(void *user, const struct record_id *edition,
                                uint64_t seq),
                     void *user, struct err *e)
{
    struct listed *list = NULL;
    sqlite3_stmt *st;
    size_t n = 0;
    int rc;

    index_lock(c->ix);
    st = catalog__prepare_for(
        c,
        "SELECT id, seq FROM record WHERE course = ?1 AND type = ?2"
        " AND state IN (0, 1) ORDER BY seq DESC, state DESC, id",
        course->b);
    if (st == NULL) {
        rc = index_fail(c->ix, "editions", e);
    } else {
        (void)sqlite3_bind_int(st, 2, RECORD_EDITION);
        rc = list_editions(c, st, &list, &n, e);
    }
    (void)sqlite3_finalize(st);
    index_unlock(c->ix);
    for (size_t i = 0; i < n && rc == 0; i++)
        fn(user, &list[i].id, list[i].seq);
    free(list);
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
