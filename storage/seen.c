#include "storage/seen.h"

#include <stdlib.h>
#include <string.h>

#include "storage/index.h"
#include "storage/manifest_load.h"

#define FORM 1 /* another one when folders are cut in another way */

struct row { /* owned copies */
    struct buf index_blob, tree_blob, files;
    struct manifest_totals totals;
};

static void row_deinit(struct row *r)
{
    buf_deinit(&r->index_blob);
    buf_deinit(&r->tree_blob);
    buf_deinit(&r->files);
}

static int take_blob(sqlite3_stmt *st, int column, struct buf *out)
{
    const void *p = sqlite3_column_blob(st, column);
    int n = sqlite3_column_bytes(st, column);

    return p != NULL && n > 0 ? buf_append(out, p, (size_t)n) : ERR_NOT_FOUND;
}

static int take_row(sqlite3_stmt *st, struct row *out)
{
    int rc = take_blob(st, 0, &out->index_blob);

    if (rc == 0)
        rc = take_blob(st, 1, &out->tree_blob);
    if (rc == 0)
        rc = take_blob(st, 2, &out->files);
    out->totals = (struct manifest_totals){
        .files = (uint64_t)sqlite3_column_int64(st, 3),
        .bytes = (uint64_t)sqlite3_column_int64(st, 4),
        .chunks = (uint64_t)sqlite3_column_int64(st, 5),
        .stored_bytes = (uint64_t)sqlite3_column_int64(st, 6)};
    return rc;
}

static int read_row(struct store *s, const char *dir, struct row *out)
{
    static const char sql[] =
        "SELECT index_blob, tree_blob, list, files, bytes, chunks, stored"
        " FROM seen WHERE dir = ?1 AND form = ?2";
    struct index *ix = store_index(s);
    sqlite3_stmt *st = NULL;
    int rc = ERR_NOT_FOUND;

    index_lock(ix);
    if (sqlite3_prepare_v2(index_db(ix), sql, -1, &st, NULL) == SQLITE_OK) {
        (void)sqlite3_bind_text(st, 1, dir, -1, SQLITE_STATIC);
        (void)sqlite3_bind_int(st, 2, FORM);
        if (sqlite3_step(st) == SQLITE_ROW)
            rc = take_row(st, out);
    }
    (void)sqlite3_finalize(st);
    index_unlock(ix);
    return rc;
}

static int load_files(const struct row *r, struct seen *out)
{
    size_t bytes = out->m.file_count * sizeof *out->files;

    if (r->files.len != bytes)
        return ERR_NOT_FOUND;
    out->files = malloc(bytes);
    if (out->files == NULL)
        return ERR_NOMEM;
    memcpy(out->files, r->files.base, bytes);
    return 0;
}

int seen_load(struct store *s, const char *dir, struct seen *out)
{
    struct chunk_table blobs = CHUNK_TABLE_INIT;
    struct row row = {.index_blob = BUF_INIT};
    int rc = read_row(s, dir, &row);

    *out = (struct seen){0};
    if (rc == 0)
        rc = chunk_table_from_blobs(buf_span(&row.index_blob),
                                    buf_span(&row.tree_blob), &blobs, NULL);
    if (rc == 0)
        rc = manifest_load(s, &blobs, &row.totals, &out->m, NULL);
    if (rc == 0) {
        rc = load_files(&row, out);
        if (rc != 0)
            seen_deinit(out);
    }
    chunk_table_deinit(&blobs);
    row_deinit(&row);
    return rc == 0 ? 0 : ERR_NOT_FOUND;
}

int seen_save(struct store *s, const char *dir, const struct seen_blobs *blobs,
              const struct seen_file *files, size_t count, struct err *e)
{
    static const char sql[] = "INSERT OR REPLACE INTO seen VALUES"
                              " (?1,?2,?3,?4,?5,?6,?7,?8,?9)";
    struct index *ix = store_index(s);
    sqlite3_stmt *st = NULL;
    int rc;

    index_lock(ix);
    if (sqlite3_prepare_v2(index_db(ix), sql, -1, &st, NULL) != SQLITE_OK) {
        rc = index_fail(ix, "seen", e);
    } else {
        const struct manifest_totals *t = &blobs->totals;

        (void)sqlite3_bind_text(st, 1, dir, -1, SQLITE_STATIC);
        (void)sqlite3_bind_int(st, 2, FORM);
        (void)sqlite3_bind_blob64(st, 3, blobs->index_blob.p,
                                  blobs->index_blob.len, SQLITE_STATIC);
        (void)sqlite3_bind_blob64(st, 4, blobs->tree_blob.p,
                                  blobs->tree_blob.len, SQLITE_STATIC);
        (void)sqlite3_bind_blob64(st, 5, files, count * sizeof *files,
                                  SQLITE_STATIC);
        (void)sqlite3_bind_int64(st, 6, (sqlite3_int64)t->files);
        (void)sqlite3_bind_int64(st, 7, (sqlite3_int64)t->bytes);
        (void)sqlite3_bind_int64(st, 8, (sqlite3_int64)t->chunks);
        (void)sqlite3_bind_int64(st, 9, (sqlite3_int64)t->stored_bytes);
        rc = index_step(ix, st, "seen", e);
    }
    (void)sqlite3_finalize(st);
    index_unlock(ix);
    return rc;
}

void seen_deinit(struct seen *s)
{
    manifest_deinit(&s->m);
    free(s->files);
    s->files = NULL;
}

bool seen_equal(const struct seen_file *a, const struct seen_file *b)
{
    return a->ctime_ns != 0 && a->ctime_ns == b->ctime_ns &&
           a->mtime_ns == b->mtime_ns && a->size == b->size &&
           a->inode == b->inode;
}
