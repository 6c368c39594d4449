/* catalog_revoked: what authors have withdrawn. There are few of them: each
 * question reads and checks those of the course. */
#include "storage/catalog_internal.h"

#include <stdlib.h>
#include <string.h>

struct said { /* a revocation */
    struct record r;
    struct revocation_payload p; /* borrows bytes */
    struct buf bytes;
};

struct list {
    struct said *items;
    size_t n, cap;
};

static void list_deinit(struct list *l)
{
    for (size_t i = 0; i < l->n; i++)
        buf_deinit(&l->items[i].bytes);
    free(l->items);
}

/* One that has rotted says nothing. */
static int add(struct catalog *c, const struct record_id *id, struct list *l,
               struct err *e)
{
    struct said s = {.bytes = BUF_INIT};
    struct said *grown;

    if (l->n == l->cap) {
        l->cap = l->cap ? 2 * l->cap : 8;
        grown = realloc(l->items, l->cap * sizeof *l->items);
        if (grown == NULL)
            return err_set(e, ERR_NOMEM, "revocations");
        l->items = grown;
    }
    if (catalog__read(c, id, &s.bytes, NULL) == 0 &&
        record_decode(s.bytes.base, s.bytes.len, c->network, &s.r, NULL) == 0 &&
        s.r.type == RECORD_REVOCATION &&
        revocation_decode(s.r.payload, &s.p, NULL) == 0)
        l->items[l->n++] = s;
    else
        buf_deinit(&s.bytes);
    return 0;
}

/* Those about @course, of @author alone unless it is NULL; the highest number
 * first. With the index locked. */
static int load(struct catalog *c, const struct course_id *course,
                const struct author_id *author, size_t max, struct list *l,
                struct err *e)
{
    struct record_id ids[CATALOG_REVOCATIONS_MAX * 4];
    sqlite3_stmt *st = catalog__prepare_for(
        c,
        "SELECT id FROM record WHERE course = ?1 AND type = ?2 AND"
        " (author = ?3 OR ?3 IS NULL) AND state != 3"
        " ORDER BY seq DESC, time DESC, id LIMIT ?4",
        course->b);
    size_t n = 0;
    int rc = 0;

    if (st == NULL)
        return index_fail(c->ix, "revocations", e);
    if (max > sizeof ids / sizeof ids[0])
        max = sizeof ids / sizeof ids[0];
    (void)sqlite3_bind_int(st, 2, RECORD_REVOCATION);
    if (author != NULL)
        (void)sqlite3_bind_blob(st, 3, author->b, ID_BYTES, SQLITE_STATIC);
    (void)sqlite3_bind_int64(st, 4, (sqlite3_int64)max);
    while (n < max && sqlite3_step(st) == SQLITE_ROW)
        if (sqlite3_column_bytes(st, 0) == ID_BYTES)
            memcpy(ids[n++].b, sqlite3_column_blob(st, 0), ID_BYTES);
    (void)sqlite3_finalize(st);
    for (size_t i = 0; i < n && rc == 0; i++)
        rc = add(c, &ids[i], l, e);
    return rc;
}

int catalog__said(struct catalog *c, const struct author_id *author,
                  const struct revocation_payload *p, bool *out_said,
                  struct err *e)
{
    struct list l = {0};
    int rc = load(c, &p->course, author, SIZE_MAX, &l, e);

    *out_said = false;
    for (size_t i = 0; i < l.n; i++) {
        const struct revocation_payload *q = &l.items[i].p;

        *out_said |= p->has_edition ? revocation_covers(q, &p->edition, p->seq)
                                    : !q->has_edition && p->seq <= q->seq;
    }
    if (rc == 0 && !*out_said && l.n >= CATALOG_REVOCATIONS_MAX)
        rc = err_set(e, ERR_LIMIT,
                     "more than %d revocations of one author about one course",
                     CATALOG_REVOCATIONS_MAX);
    list_deinit(&l);
    return rc;
}

/* The one of @l that withdraws @edition, or NULL. */
static const struct said *find(const struct list *l,
                               const struct record_id *edition, uint64_t seq)
{
    for (size_t i = 0; i < l->n; i++)
        if (revocation_covers(&l->items[i].p, edition, seq))
            return &l->items[i];
    return NULL;
}

bool catalog_withdrawn(struct catalog *c, const struct course_id *course,
                       const struct record_id *edition, uint64_t seq,
                       struct buf *out)
{
    struct list l = {0};
    const struct said *s;

    index_lock(c->ix);
    (void)load(c, course, NULL, SIZE_MAX, &l, NULL);
    index_unlock(c->ix);
    s = find(&l, edition, seq);
    if (s != NULL && out != NULL)
        (void)buf_append(out, s->r.payload.p, s->r.payload.len);
    list_deinit(&l);
    return s != NULL;
}

struct choice {
    const struct list *l;
    const struct said *why; /* the newest edition is not offered */
    struct record_id edition;
    uint64_t seq;
    bool any, found;
};

static void choose(void *user, const struct record_id *edition, uint64_t seq)
{
    struct choice *x = user;
    const struct said *s = x->found ? NULL : find(x->l, edition, seq);

    if (x->found)
        return;
    if (!x->any)
        x->why = s;
    x->any = true;
    if (s != NULL)
        return;
    x->found = true;
    x->edition = *edition;
    x->seq = seq;
}

int catalog_offered(struct catalog *c, const struct course_id *course,
                    struct record_id *out_edition, uint64_t *out_seq,
                    struct err *e)
{
    struct list l = {0};
    struct choice x = {.l = &l};
    int rc;

    index_lock(c->ix);
    rc = load(c, course, NULL, SIZE_MAX, &l, e);
    index_unlock(c->ix);
    if (rc == 0)
        rc = catalog_editions(c, course, choose, &x, e);
    if (rc == 0 && x.found) {
        *out_edition = x.edition;
        if (out_seq != NULL)
            *out_seq = x.seq;
    } else if (rc == 0 && l.n != 0) {
        /* Without an edition: somebody told only that it is withdrawn. */
        const struct said *why = x.why != NULL ? x.why : &l.items[0];

        rc = err_set(e, ERR_REFUSED, "withdrawn by its author: %.*s",
                     (int)why->p.reason.len, (const char *)why->p.reason.p);
    } else if (rc == 0) {
        rc = err_set(e, ERR_NOT_FOUND, "no edition of course '%.16s' is here",
                     course_id_hex(course).s);
    }
    list_deinit(&l);
    return rc;
}

int catalog_revocations(struct catalog *c, const struct course_id *course,
                        size_t max, void (*fn)(void *user, struct span record),
                        void *user, struct err *e)
{
    struct list l = {0};
    int rc;

    index_lock(c->ix);
    rc = load(c, course, NULL, max, &l, e);
    index_unlock(c->ix);
    for (size_t i = 0; i < l.n && rc == 0; i++)
        fn(user, buf_span(&l.items[i].bytes));
    list_deinit(&l);
    return rc;
}
