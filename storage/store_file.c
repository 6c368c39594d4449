/* store_file: chunks that lie in files outside the packs. */
#include "storage/store_internal.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "crypto/digest.h"

uint32_t store_file_find(struct store *s, const char *path)
{
    uint64_t sum = digest_sum64(path, strlen(path));
    uint32_t no = 0;

    index_lock(s->ix);
    for (size_t i = 0; i < s->place_count && no == 0; i++)
        if (s->places[i].path != NULL && s->places[i].path_sum == sum &&
            strcmp(s->places[i].path, path) == 0)
            no = s->places[i].no & ~INDEX_FILE;
    index_unlock(s->ix);
    return no;
}

int store_file_add(struct store *s, const char *path, uint32_t *out_file,
                   struct err *e)
{
    struct place p = {.synced = 1,
                      .path = strdup(path),
                      .path_sum = digest_sum64(path, strlen(path))};
    int rc;

    if (p.path == NULL)
        return err_set(e, ERR_NOMEM, "file");
    index_lock(s->ix);
    p.no = (s->last_file + 1) | INDEX_FILE;
    rc = store__save_place(s, &p, e);
    if (rc == 0)
        rc = store__add_place(s, &p, e);
    if (rc == 0)
        s->last_file++;
    index_unlock(s->ix);
    if (rc == 0)
        *out_file = p.no & ~INDEX_FILE;
    else
        free(p.path);
    return rc;
}

static int settle(struct store *s, uint32_t file, char *path,
                  const struct stat *st, struct err *e)
{
    struct place *p = store__place(s, file | INDEX_FILE);
    struct place next;
    int rc;

    if (p == NULL)
        return err_set(e, ERR_NOT_FOUND, "file %u", file);
    next = *p;
    next.path = path;
    next.path_sum = digest_sum64(path, strlen(path));
    next.size = (uint64_t)st->st_size;
    next.mtime_ns =
        (int64_t)st->st_mtim.tv_sec * 1000000000 + st->st_mtim.tv_nsec;
    next.settled = true;
    rc = store__save_place(s, &next, e);
    if (rc != 0)
        return rc;
    free(p->path);
    *p = next;
    store__forget_fd(s, p->no); /* the name may mean another file now */
    return 0;
}

int store_file_settle(struct store *s, uint32_t file, const char *path,
                      struct err *e)
{
    char *copy = strdup(path);
    struct stat st;
    int rc;

    if (copy == NULL)
        return err_set(e, ERR_NOMEM, "file");
    if (lstat(path, &st) != 0 || !S_ISREG(st.st_mode)) {
        free(copy);
        return err_set(e, ERR_NOT_FOUND, "'%s' is not a plain file", path);
    }
    index_lock(s->ix);
    rc = settle(s, file, copy, &st, e);
    index_unlock(s->ix);
    if (rc != 0)
        free(copy);
    return rc;
}

bool store_lies_at(struct store *s, const struct chunk_id *id, uint32_t file,
                   uint64_t offset)
{
    struct index_chunk c;
    bool here;

    index_lock(s->ix);
    here = index_find(s->ix, id, &c, NULL) == 0 &&
           c.place == (file | INDEX_FILE) && c.offset == offset;
    index_unlock(s->ix);
    return here;
}

int store_file_drop(struct store *s, uint32_t file, struct err *e)
{
    uint32_t no = file | INDEX_FILE;
    uint64_t dropped = 0;
    int rc;

    index_lock(s->ix);
    rc = index_begin(s->ix, e);
    if (rc == 0)
        rc = index_drop_in(s->ix, no, 0, e);
    if (rc == 0) {
        dropped = index_changed(s->ix);
        rc = index_drop_place(s->ix, no, e);
    }
    rc = index_finish(s->ix, rc, e);
    if (rc == 0) {
        s->chunks -= dropped;
        store__remove_place(s, no);
    }
    index_unlock(s->ix);
    return rc;
}

void store_file_each(struct store *s,
                     void (*fn)(void *user, uint32_t file, const char *path,
                                bool settled),
                     void *user)
{
    index_lock(s->ix);
    for (size_t i = 0; i < s->place_count; i++) {
        const struct place *p = &s->places[i];

        if (p->path != NULL)
            fn(user, p->no & ~INDEX_FILE, p->path, p->settled);
    }
    index_unlock(s->ix);
}
