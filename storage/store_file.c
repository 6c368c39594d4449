/* store_file: chunks that lie in files outside the packs. */
#include "storage/store_internal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "crypto/digest.h"
#include "storage/disk.h"

static bool is_at(const struct place *p, const char *path, uint64_t sum)
{
    return p->path != NULL && p->path_sum == sum && strcmp(p->path, path) == 0;
}

uint32_t store_file_find(struct store *s, const char *path)
{
    uint64_t sum = digest_sum64(path, strlen(path));
    uint32_t no = 0;

    index_lock(s->ix);
    for (size_t i = 0; i < s->place_count; i++)
        if (is_at(&s->places[i], path, sum))
            no = s->places[i].no & ~INDEX_FILE;
    index_unlock(s->ix);
    return no;
}

/* With the lock. Takes p->path when it succeeds. */
static int add_file(struct store *s, struct place *p, uint32_t *out_file,
                    struct err *e)
{
    int rc;

    p->no = (s->last_file + 1) | INDEX_FILE;
    rc = store__save_place(s, p, e);
    if (rc == 0)
        rc = store__add_place(s, p, e);
    if (rc != 0)
        return rc;
    s->last_file++;
    *out_file = p->no & ~INDEX_FILE;
    return 0;
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
    rc = add_file(s, &p, out_file, e);
    index_unlock(s->ix);
    if (rc != 0)
        free(p.path);
    return rc;
}

int store_file_refer(struct store *s, const char *path, uint64_t size,
                     int64_t mtime_ns, uint32_t *out_file, struct err *e)
{
    struct place p = {.synced = 1,
                      .path = strdup(path),
                      .path_sum = digest_sum64(path, strlen(path)),
                      .size = size,
                      .mtime_ns = mtime_ns,
                      .settled = true};
    uint32_t known = 0;
    int rc = 0;

    if (p.path == NULL)
        return err_set(e, ERR_NOMEM, "file");
    index_lock(s->ix);
    for (size_t i = 0; i < s->place_count && known == 0; i++)
        if (is_at(&s->places[i], path, p.path_sum) && s->places[i].settled &&
            s->places[i].size == size && s->places[i].mtime_ns == mtime_ns)
            known = s->places[i].no & ~INDEX_FILE;
    if (known == 0)
        rc = add_file(s, &p, out_file, e);
    index_unlock(s->ix);
    if (known != 0)
        *out_file = known;
    if (known != 0 || rc != 0)
        free(p.path);
    return rc;
}

int store_file_supersede(struct store *s, uint32_t file, struct err *e)
{
    const struct place *p;
    int rc = 0;

    index_lock(s->ix);
    p = store__place(s, file | INDEX_FILE);
    for (size_t i = 0; p != NULL && i < s->place_count && rc == 0;) {
        const struct place *other = &s->places[i];

        if (other->no != p->no && is_at(other, p->path, p->path_sum)) {
            rc = store__drop_file(s, other->no, e);
            p = store__place(s, file | INDEX_FILE); /* they have moved */
        } else {
            i++;
        }
    }
    index_unlock(s->ix);
    return rc;
}

static int64_t mtime_ns(const struct stat *st)
{
    return (int64_t)st->st_mtim.tv_sec * 1000000000 + st->st_mtim.tv_nsec;
}

/* The file lies at @path now. Takes @path when it succeeds. @st: it is whole
 * and settled as that; NULL: it is a partial. */
static int set_path(struct store *s, uint32_t file, char *path,
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
    next.size = st != NULL ? (uint64_t)st->st_size : 0;
    next.mtime_ns = st != NULL ? mtime_ns(st) : 0;
    next.settled = st != NULL;
    next.asked = 0;
    rc = index_begin(s->ix, e);
    if (rc == 0)
        rc = store__save_place(s, &next, e);
    if (rc == 0)
        rc = index_drop_moving(s->ix, next.no, e);
    rc = index_finish(s->ix, rc, e);
    if (rc != 0)
        return rc; /* the path is still the caller's */
    free(p->path);
    *p = next;
    store__forget_fd(s, p->no); /* the name may mean another file now */
    return 0;
}

static int move_to(struct store *s, uint32_t file, const char *path,
                   bool settled, struct err *e)
{
    char *copy = strdup(path);
    struct stat st;
    int rc;

    if (copy == NULL)
        return err_set(e, ERR_NOMEM, "file");
    if (disk_lstat(path, &st) != 0 || !S_ISREG(st.st_mode)) {
        free(copy);
        return err_set(e, ERR_NOT_FOUND, "'%s' is not a plain file", path);
    }
    index_lock(s->ix);
    rc = set_path(s, file, copy, settled ? &st : NULL, e);
    index_unlock(s->ix);
    if (rc != 0)
        free(copy);
    return rc;
}

int store_file_settle(struct store *s, uint32_t file, const char *path,
                      struct err *e)
{
    return move_to(s, file, path, true, e);
}

int store_file_take(struct store *s, uint32_t file, const char *path,
                    struct err *e)
{
    return move_to(s, file, path, false, e);
}

int store_file_moving(struct store *s, uint32_t file, const char *path,
                      struct err *e)
{
    struct index_place to = {.place = file | INDEX_FILE, .path = path};
    const struct place *p;
    struct stat st;
    int rc = 0;

    index_lock(s->ix);
    p = store__place(s, to.place);
    if (p == NULL)
        rc = err_set(e, ERR_NOT_FOUND, "file %u", file);
    else if (disk_lstat(p->path, &st) != 0)
        rc = err_errno(e, errno, "look at '%s'", p->path);
    if (rc == 0) {
        to.size = (uint64_t)st.st_size;
        to.mtime_ns = mtime_ns(&st);
        rc = index_put_moving(s->ix, &to, e);
    }
    index_unlock(s->ix);
    return rc;
}

/* ---- moves that were not ended ----------------------------------------
 */

struct moves {
    struct index_place *list; /* paths are copies */
    size_t count;
};

static int note_move(void *user, const struct index_place *p)
{
    struct moves *m = user;
    struct index_place *grown =
        realloc(m->list, (m->count + 1) * sizeof *m->list);

    if (grown == NULL)
        return ERR_NOMEM;
    m->list = grown;
    grown[m->count] = *p;
    grown[m->count].path = p->path != NULL ? strdup(p->path) : NULL;
    return grown[m->count++].path != NULL ? 0 : ERR_NOMEM;
}

/* It has left where it was, and is where it went to. */
static bool has_moved(struct store *s, const struct index_place *to)
{
    const struct place *p = store__place(s, to->place);
    struct stat st;

    return p != NULL && disk_lstat(p->path, &st) != 0 && errno == ENOENT &&
           disk_lstat(to->path, &st) == 0 && S_ISREG(st.st_mode) &&
           (uint64_t)st.st_size == to->size && mtime_ns(&st) == to->mtime_ns;
}

/* Somebody has found it there since: the chunks lie in that one. */
static bool is_known_there(const struct store *s, const struct index_place *to)
{
    uint64_t sum = digest_sum64(to->path, strlen(to->path));

    for (size_t i = 0; i < s->place_count; i++) {
        const struct place *p = &s->places[i];

        if (p->no != to->place && is_at(p, to->path, sum) && p->settled &&
            p->size == to->size && p->mtime_ns == to->mtime_ns)
            return true;
    }
    return false;
}

/* A partial came to its place; a settled file was taken from there. */
static int end_move(struct store *s, uint32_t file, const char *path,
                    struct err *e)
{
    bool settled = store__place(s, file | INDEX_FILE)->settled;
    int rc = move_to(s, file, path, !settled, e);

    return rc == 0 && !settled ? store_file_supersede(s, file, e) : rc;
}

int store__end_moves(struct store *s, struct err *e)
{
    struct moves m = {NULL, 0};
    int rc = index_movings(s->ix, note_move, &m, e);

    for (size_t i = 0; i < m.count && rc == 0; i++) {
        uint32_t file = m.list[i].place & ~INDEX_FILE;

        if (has_moved(s, &m.list[i]) && !is_known_there(s, &m.list[i])) {
            rc = end_move(s, file, m.list[i].path, e);
        } else {
            index_lock(s->ix);
            rc = index_drop_moving(s->ix, m.list[i].place, e);
            index_unlock(s->ix);
        }
    }
    for (size_t i = 0; i < m.count; i++)
        free((char *)(uintptr_t)m.list[i].path);
    free(m.list);
    return rc;
}

int store_file_of(struct store *s, const struct chunk_id *id, char *path,
                  size_t cap, enum store_file_state *out_state)
{
    const struct place *p = NULL;
    struct index_chunk c;
    struct stat st;
    int rc;

    index_lock(s->ix);
    s->looks++;
    rc = index_find(s->ix, id, &c, NULL);
    if (rc == 0 && (c.place & INDEX_FILE) != 0)
        p = store__place(s, c.place);
    if (rc == 0 && p == NULL)
        rc = ERR_NOT_FOUND;
    if (rc == 0) {
        (void)snprintf(path, cap, "%s", p->path);
        *out_state = store__intact(s, c.place)       ? STORE_FILE_SAME
                     : disk_lstat(p->path, &st) != 0 ? STORE_FILE_ABSENT
                                                     : STORE_FILE_CHANGED;
    }
    index_unlock(s->ix);
    return rc;
}

void store_file_close(struct store *s, uint32_t file)
{
    index_lock(s->ix);
    store__forget_fd(s, file | INDEX_FILE);
    index_unlock(s->ix);
}

static bool is_below(const char *path, const char *dir)
{
    size_t n = strlen(dir);

    return strncmp(path, dir, n) == 0 &&
           (path[n] == '/' || path[n] == '\0' || n == 0 || dir[n - 1] == '/');
}

bool store_files_same(struct store *s, const char *dir)
{
    bool same = true;

    index_lock(s->ix);
    s->looks++;
    for (size_t i = 0; i < s->place_count && same; i++)
        same = !s->places[i].settled || !is_below(s->places[i].path, dir) ||
               store__intact(s, s->places[i].no);
    index_unlock(s->ix);
    return same;
}

int store_away(struct store *s, const char *dir, uint32_t *out_files,
               uint64_t *out_bytes, struct err *e)
{
    int rc = 0;

    *out_files = 0;
    *out_bytes = 0;
    index_lock(s->ix);
    s->looks++;
    for (size_t i = 0; i < s->place_count && rc == 0; i++) {
        const struct place *p = &s->places[i];
        uint64_t bytes = 0;

        if (!p->settled || !is_below(p->path, dir) || store__intact(s, p->no))
            continue;
        rc = index_bytes_in(s->ix, p->no, &bytes, e);
        *out_files += bytes != 0;
        *out_bytes += bytes;
    }
    index_unlock(s->ix);
    return rc;
}

bool store_kept_in(struct store *s, const struct chunk_id *id, const char *dir,
                   bool *out_held)
{
    const struct place *p;
    struct index_chunk c;
    bool kept;

    index_lock(s->ix);
    s->looks++;
    kept = index_find(s->ix, id, &c, NULL) == 0 && store__intact(s, c.place);
    *out_held = kept;
    if (kept && (c.place & INDEX_FILE) != 0) {
        p = store__place(s, c.place);
        kept = dir != NULL && p != NULL && is_below(p->path, dir);
    }
    index_unlock(s->ix);
    return kept;
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

int store__drop_file(struct store *s, uint32_t no, struct err *e)
{
    uint64_t dropped = 0;
    int rc = index_begin(s->ix, e);

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
    return rc;
}

int store_file_drop(struct store *s, uint32_t file, struct err *e)
{
    int rc;

    index_lock(s->ix);
    rc = store__drop_file(s, file | INDEX_FILE, e);
    index_unlock(s->ix);
    return rc;
}

int store_file_lost(struct store *s, uint32_t file, struct err *e)
{
    int rc;

    index_lock(s->ix);
    rc = store__drop_file(s, file | INDEX_FILE, e);
    if (rc == 0)
        rc = index_settle(s->ix, e);
    index_unlock(s->ix);
    return rc;
}

uint32_t store__settled_file(const struct store *s, uint32_t from)
{
    for (size_t i = 0; i < s->place_count; i++)
        if (s->places[i].settled && s->places[i].no >= (from | INDEX_FILE))
            return s->places[i].no;
    return 0;
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
