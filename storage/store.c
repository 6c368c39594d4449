/* store: its life, and questions that are answered from the index. */
#include "storage/store_internal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "crypto/digest.h"
#include "storage/disk.h"
#include "storage/file_io.h"

#define PACK_MAX (256ull << 20)
#define FLUSH_BYTES (256ull << 20)
#define FLUSH_MS 5000
#define HAVE_STRIDE 2048 /* refs looked up before others get the lock */

/* ---- open and close
 * ---------------------------------------------------------------------- */

static int make_folder(const char *home, const char *name, struct err *e)
{
    char path[4096];

    (void)snprintf(path, sizeof path, "%s/%s", home, name);
    if (disk_mkdir(path, 0700) == 0)
        return file_io_sync_dir(home, e);
    /* One that a killed run has made is synced with the home, by the catalog,
     * before anything in it counts. */
    return errno == EEXIST ? 0 : err_errno(e, errno, "make folder '%s'", path);
}

static int load_place(void *user, const struct index_place *row)
{
    struct store *s = user;
    bool file = (row->place & INDEX_FILE) != 0;
    struct place p = {.no = row->place,
                      .settled = row->settled,
                      .size = row->size,
                      .mtime_ns = row->mtime_ns,
                      .end = row->end,
                      .synced = row->synced};

    if (file != (row->path != NULL) || p.no == 0)
        return 0; /* no row of ours */
    if (file) {
        p.path = strdup(row->path);
        if (p.path == NULL)
            return ERR_NOMEM;
        p.path_sum = digest_sum64(p.path, strlen(p.path));
        if ((p.no & ~INDEX_FILE) > s->last_file)
            s->last_file = p.no & ~INDEX_FILE;
    }
    return store__add_place(s, &p, NULL);
}

static void free_store(struct store *s, bool clean)
{
    for (size_t i = 0; i < STORE_FDS; i++)
        if (s->fds[i].fd >= 0)
            (void)disk_close(s->fds[i].fd);
    for (size_t i = 0; i < s->place_count; i++)
        free(s->places[i].path);
    index_close(s->ix, clean);
    free(s->places);
    free(s->home);
    free(s);
}

static struct store *new_store(const char *home,
                               const struct store_options *opt)
{
    struct store *s = calloc(1, sizeof *s);

    if (s == NULL || (s->home = strdup(home)) == NULL) {
        free(s);
        return NULL;
    }
    for (size_t i = 0; i < STORE_FDS; i++)
        s->fds[i].fd = -1;
    if (opt != NULL)
        s->opt = *opt;
    if (s->opt.pack_max_bytes == 0)
        s->opt.pack_max_bytes = PACK_MAX;
    if (s->opt.flush_every_bytes == 0)
        s->opt.flush_every_bytes = FLUSH_BYTES;
    if (s->opt.flush_every_ms == 0)
        s->opt.flush_every_ms = FLUSH_MS;
    return s;
}

/* The number of a file whose place is lost is not given again while rows name
 * it: they would count as lying in the new one. */
static int load_places(struct store *s, struct err *e)
{
    uint32_t last = 0;
    int rc = index_places(s->ix, load_place, s, e);

    if (rc == 0)
        rc = index_last_place(s->ix, &last, e);
    if ((last & INDEX_FILE) != 0 && (last & ~INDEX_FILE) > s->last_file)
        s->last_file = last & ~INDEX_FILE;
    return rc;
}

/* *out_bad: it failed on an index that turned out to be broken; the next try
 * begins with a new one. */
static int open_once(const char *home, const struct store_options *opt,
                     struct store **out, bool *out_bad, struct err *e)
{
    struct store *s = new_store(home, opt);
    uint64_t in_files;
    bool fresh = false;
    bool clean = false;
    int rc;

    if (s == NULL)
        return err_set(e, ERR_NOMEM, "store");
    rc = index_open(home, &s->ix, &fresh, &clean, e);
    if (rc == 0)
        rc = load_places(s, e);
    if (rc == 0)
        rc = store__recover(s, clean && !fresh, e);
    if (rc == 0)
        rc = index_totals(s->ix, &s->chunks, &in_files, e);
    if (rc != 0) {
        *out_bad = s->ix != NULL && index_distrusted(s->ix);
        free_store(s, false);
        return rc;
    }
    *out = s;
    return 0;
}

int store_open(const char *home, const struct store_options *opt,
               struct store **out, struct err *e)
{
    bool bad = false;
    int rc = make_folder(home, "packs", e);

    if (rc == 0)
        rc = open_once(home, opt, out, &bad, e);
    if (rc != 0 && bad)
        rc = open_once(home, opt, out, &bad, e);
    if (rc != 0)
        err_wrap(e, "open the store");
    return rc;
}

bool store_rebuilt(const struct store *s)
{
    return index_lacks_files(s->ix);
}

int store_readopted(struct store *s, struct err *e)
{
    return index_lacks_files(s->ix) ? index_knows_files(s->ix, e) : 0;
}

void store_close(struct store *s)
{
    if (s != NULL)
        free_store(s, true);
}

struct index *store_index(struct store *s)
{
    return s->ix;
}

/* ---- asking
 * ------------------------------------------------------------------------------------
 */

/* With the lock. Return: 0, ERR_NOT_FOUND, ERR_IO. */
static int look_up(struct store *s, const struct chunk_id *id, struct err *e)
{
    struct index_chunk c;
    int rc;

    if (s->chunks == 0)
        return ERR_NOT_FOUND;
    rc = index_find(s->ix, id, &c, e);
    return rc == 0 && !store__intact(s, c.place) ? ERR_NOT_FOUND : rc;
}

bool store_has(struct store *s, const struct chunk_id *id)
{
    bool held;

    index_lock(s->ix);
    s->looks++;
    held = look_up(s, id, NULL) == 0;
    index_unlock(s->ix);
    return held;
}

int store_have(struct store *s, const struct chunk_ref *refs, uint32_t count,
               uint8_t *bits, uint32_t *out_held, struct err *e)
{
    uint32_t held = 0;
    int rc = 0;

    memset(bits, 0, (count + 7) / 8);
    index_lock(s->ix);
    s->looks++;
    for (uint32_t i = 0; i < count && s->chunks != 0; i++) {
        rc = look_up(s, &refs[i].id, e);
        if (rc == 0) {
            bits[i / 8] |= (uint8_t)(0x80u >> (i % 8));
            held++;
        }
        if (rc != 0 && rc != ERR_NOT_FOUND)
            break;
        rc = 0;
        if (i % HAVE_STRIDE == HAVE_STRIDE - 1) {
            index_unlock(s->ix);
            index_lock(s->ix);
        }
    }
    index_unlock(s->ix);
    if (rc == 0)
        *out_held = held;
    return rc;
}

/* ---- the publisher's index
 * -------------------------------------------------------------------------- */

int store_plain_find(struct store *s, uint32_t scope,
                     const struct chunk_id *plain, struct chunk_ref *out_ref)
{
    struct index_chunk c;
    struct chunk_id id;
    int rc;

    index_lock(s->ix);
    rc = index_plain_find(s->ix, scope, plain, &id, NULL);
    if (rc == 0)
        rc = index_find(s->ix, &id, &c, NULL);
    s->looks++;
    if (rc == 0 && !store__intact(s, c.place))
        rc = ERR_NOT_FOUND;
    index_unlock(s->ix);
    if (rc == 0)
        *out_ref = c.ref;
    return rc;
}

int store_plain_put(struct store *s, uint32_t scope,
                    const struct store_plain *list, size_t count, struct err *e)
{
    int rc;

    index_lock(s->ix);
    rc = index_begin(s->ix, e);
    for (size_t i = 0; i < count && rc == 0; i++)
        rc = index_plain_put(s->ix, scope, &list[i].plain, &list[i].stored, e);
    rc = index_finish(s->ix, rc, e);
    index_unlock(s->ix);
    return rc;
}

/* ---- space
 * --------------------------------------------------------------------------------------------
 */

int store_usage(struct store *s, struct store_usage *out, struct err *e)
{
    struct store_usage u = {0};
    int rc;

    index_lock(s->ix);
    rc = index_totals(s->ix, &u.chunks, &u.file_bytes, e);
    for (size_t i = 0; i < s->place_count; i++)
        if ((s->places[i].no & INDEX_FILE) == 0)
            u.pack_bytes += s->places[i].end;
    u.unflushed_bytes = s->unflushed_bytes;
    index_unlock(s->ix);
    u.free_bytes = store__disk_free(s);
    if (rc == 0)
        *out = u;
    return rc;
}

int store_room(struct store *s, uint64_t bytes, struct err *e)
{
    uint64_t keep = s->opt.min_free_bytes;
    struct statvfs v;
    uint64_t avail;

    if (disk_statvfs(s->home, &v) != 0)
        return err_errno(e, errno, "ask the disk of '%s'", s->home);
    avail = (uint64_t)v.f_bavail * v.f_frsize;
    if (keep == 0) { /* 5 % of the disk or 1 GiB, whichever is less */
        keep = (uint64_t)v.f_blocks * v.f_frsize / 20;
        keep = keep < (1ull << 30) ? keep : 1ull << 30;
    }
    if (bytes > avail || avail - bytes < keep)
        return err_set(e, ERR_NO_SPACE,
                       "needs %llu MB, the disk has %llu MB free and %llu MB"
                       " of that stay free",
                       (unsigned long long)(bytes / 1000000),
                       (unsigned long long)(avail / 1000000),
                       (unsigned long long)(keep / 1000000));
    return 0;
}
