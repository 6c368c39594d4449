/* catalog_list: the editions of a course. */
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
