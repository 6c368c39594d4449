/* disk_footage: large files of the user's own, published where they lie. He
 * films anew, cuts, puts them on a shelf and back, and copies them with and
 * without their times. What is known of a file is what lies there when somebody
 * looks: his programs seldom sync. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/digest.h"
#include "simulations/alloc_fail.h"
#include "simulations/disk_author.h"
#include "simulations/disk_deeds.h"
#include "simulations/mem.h"
#include "storage/disk.h"
#include "storage/export.h"
#include "storage/file_io.h"

#define FOLDER DISK_FOOTAGE
#define TAKES 2
#define LEN_MIN (1u << 20) /* of what stays in place */
#define LEN_SPAN (1u << 17)
#define LEN_MAX (1u << 22)
#define CUT_MAX 9000

struct shot {
    uint8_t *bytes; /* owned; NULL: there is none */
    size_t len;
    int64_t mtime_ns; /* when it was published */
};

struct edition {
    struct record_id id;
    struct manifest m;
    struct shot takes[TAKES];
};

struct disk_footage {
    struct disk_author by;
    struct shot takes[TAKES]; /* what he has written last */
    struct edition *list;
    size_t count;
    size_t told;     /* edition whose rows the store was told; count: none */
    bool due[TAKES]; /* of that, they have to be there still */
};

static void path_of(const char *folder, size_t take, char out[64])
{
    (void)snprintf(out, 64, "%s/take-%zu.mov", folder, take);
}

static void set_shot(struct shot *s, const uint8_t *bytes, size_t len)
{
    uint8_t *copy = mem_copy(bytes, len);

    free(s->bytes);
    s->bytes = copy;
    s->len = len;
}

/* ---- what lies there -------------------------------------------------------
 */

enum lies { LIES_SAME, LIES_OTHER, LIES_HIDDEN, LIES_NOT };

static int64_t time_of(const struct stat *st)
{
    return (int64_t)st->st_mtim.tv_sec * 1000000000 + st->st_mtim.tv_nsec;
}

static bool holds(const char *path, const struct shot *s)
{
    struct buf is = BUF_INIT;
    bool same = file_io_load(path, LEN_MAX, &is, NULL) == 0 &&
                is.len == s->len && memcmp(is.base, s->bytes, is.len) == 0;

    buf_deinit(&is);
    return same;
}

/* As it was published; else, can that be seen without reading it? */
static enum lies how_lies(size_t take, const struct shot *s)
{
    struct stat st;
    char path[64];

    path_of(FOLDER, take, path);
    if (disk_lstat(path, &st) != 0)
        return LIES_NOT;
    if ((uint64_t)st.st_size != s->len || time_of(&st) != s->mtime_ns)
        return LIES_OTHER;
    return holds(path, s) ? LIES_SAME : LIES_HIDDEN;
}

/* ---- he films --------------------------------------------------------------
 */

static int film(struct disk_world *w, size_t take, struct err *err)
{
    size_t len = LEN_MIN + (size_t)disk_below(w, LEN_SPAN);
    struct shot *s = &w->footage->takes[take];
    char path[64];

    free(s->bytes);
    s->len = len;
    s->bytes = mem_new(len + 8, 1);
    for (size_t i = 0; i < len; i += 8) {
        uint64_t word = rng_next(&w->rng);

        memcpy(s->bytes + i, &word, sizeof word);
    }
    path_of(FOLDER, take, path);
    return file_io_save(path, s->bytes, s->len, err);
}

/* His program writes into the file as it is, and leaves the rest to the kernel.
 */
static int cut(struct disk_world *w, size_t take, int fd, struct err *err)
{
    struct shot *s = &w->footage->takes[take];
    size_t at = (size_t)disk_below(w, s->len);
    size_t n = 1 + (size_t)disk_below(w, CUT_MAX);
    struct iovec piece;

    n = n < s->len - at ? n : s->len - at;
    for (size_t i = 0; i < n; i++)
        s->bytes[at + i] ^= (uint8_t)(1 + disk_below(w, 255));
    piece = (struct iovec){s->bytes + at, n};
    if (disk_pwritev(fd, &piece, 1, (off_t)at) != (ssize_t)n ||
        (disk_below(w, 2) == 0 && disk_fsync(fd) != 0))
        return err_set(err, ERR_IO, "the cut is not saved");
    return 0;
}

/* The time that it was published with, or another one. */
static int touch(struct disk_world *w, size_t take, int fd, struct err *err)
{
    const struct disk_footage *f = w->footage;
    struct timespec times[2] = {{0, UTIME_OMIT}, {0, UTIME_NOW}};

    if (f->count != 0 && disk_below(w, 2) == 0) {
        int64_t ns = f->list[f->count - 1].takes[take].mtime_ns;

        times[1].tv_sec = (time_t)(ns / 1000000000);
        times[1].tv_nsec = (long)(ns % 1000000000);
    }
    return disk_futimens(fd, times) == 0 ? 0
                                         : err_set(err, ERR_IO, "no new time");
}

static int work_on(struct disk_world *w, size_t take, bool cutting,
                   struct err *err)
{
    char path[64];
    int fd;
    int rc;

    path_of(FOLDER, take, path);
    fd = disk_open(path, O_RDWR, 0);
    if (fd < 0)
        return errno == ENOENT ? 0 : err_set(err, ERR_IO, "it does not open");
    rc = cutting ? cut(w, take, fd, err) : touch(w, take, fd, err);
    (void)disk_close(fd);
    return rc;
}

static int lend(size_t take, struct err *err)
{
    char here[64];
    char away[64];
    struct stat st;
    bool is_here;

    path_of(FOLDER, take, here);
    path_of(DISK_SHELF, take, away);
    is_here = disk_lstat(here, &st) == 0;
    if (!is_here && disk_lstat(away, &st) != 0)
        return 0;
    return disk_rename(is_here ? here : away, is_here ? away : here) == 0
               ? 0
               : err_set(err, ERR_IO, "it cannot be moved");
}

int disk_film(struct disk_world *w, struct err *err)
{
    size_t take = (size_t)disk_below(w, TAKES);
    uint64_t what = disk_below(w, 8);

    if (w->footage->takes[take].bytes == NULL || what == 0)
        return film(w, take, err);
    if (what < 3)
        return work_on(w, take, true, err);
    return what < 5 ? work_on(w, take, false, err) : lend(take, err);
}

/* ---- he publishes ----------------------------------------------------------
 */

/* He has looked at each before: what a crash has left of a file is made anew.
 * What is on the shelf is left out. */
static int make_right(struct disk_world *w, bool *out_any, struct err *err)
{
    int rc = 0;

    for (size_t i = 0; i < TAKES && rc == 0; i++) {
        const struct shot *s = &w->footage->takes[i];
        char here[64];
        char away[64];
        struct stat st;
        bool shelved;
        bool right;

        if (s->bytes == NULL)
            continue;
        path_of(FOLDER, i, here);
        path_of(DISK_SHELF, i, away);
        vdisk_hold(w->disk, true);
        right = holds(here, s);
        shelved = disk_lstat(here, &st) != 0 && disk_lstat(away, &st) == 0;
        vdisk_hold(w->disk, false);
        *out_any |= !shelved;
        if (!right && !shelved)
            rc = file_io_save(here, s->bytes, s->len, err);
    }
    return rc;
}

static struct edition *note_edition(struct disk_footage *f,
                                    const struct manifest *m)
{
    struct edition *e;

    f->list = mem_grow(f->list, f->count + 1, sizeof *f->list);
    e = &f->list[f->count];
    *e = (struct edition){.id = f->by.top, .m = *m};
    for (size_t i = 0; i < TAKES; i++) {
        struct stat st;
        char path[64];

        path_of(FOLDER, i, path);
        f->due[i] = disk_lstat(path, &st) == 0;
        if (!f->due[i])
            continue;
        set_shot(&e->takes[i], f->takes[i].bytes, f->takes[i].len);
        e->takes[i].mtime_ns = time_of(&st);
    }
    f->told = f->count++;
    return e;
}

static int64_t file_of(const struct edition *e, size_t take)
{
    char path[64];

    path_of(FOLDER, take, path);
    return manifest_find(&e->m, path + sizeof FOLDER);
}

struct compare {
    const struct shot *with;
    size_t at;
    bool same;
};

static int compare_piece(void *user, const uint8_t *p, size_t n)
{
    struct compare *c = user;

    c->same = c->same && n <= c->with->len - c->at &&
              memcmp(c->with->bytes + c->at, p, n) == 0;
    c->at += n;
    return 0;
}

static void check_content(struct disk_world *w, const struct edition *e)
{
    for (size_t i = 0; i < TAKES; i++) {
        struct compare c = {.with = &e->takes[i], .same = true};
        int64_t file = file_of(e, i);
        int rc;

        if (c.with->bytes == NULL)
            continue;
        rc = file < 0 ? ERR_NOT_FOUND
                      : export_read(w->node.store, &e->m, (uint32_t)file, 0,
                                    LEN_MAX, compare_piece, &c, NULL);
        if (rc != 0 || !c.same || c.at != c.with->len)
            disk_fail(w, "S1", "published in place is not take %zu: %s", i,
                      err_words(rc));
    }
}

static int keep_in_place(struct disk_world *w, const struct edition *e,
                         struct err *err)
{
    const struct disk_place at = {DISK_ROOTS, "inplace", FOLDER, 1};
    struct id_hex course = course_id_hex(&w->footage->by.course);
    struct id_hex edition = record_id_hex(&e->id);
    const char *const values[2] = {course.s, edition.s};

    return disk_set(w, &at, values, 2, err);
}

int disk_show_footage(struct disk_world *w, struct err *err)
{
    struct disk_footage *f = w->footage;
    const struct edition *e;
    struct manifest m = {0};
    bool any = false;
    int rc = w->rotten || w->index_rotten ? 0 : make_right(w, &any, err);

    if (rc != 0 || !any)
        return rc;
    f->told = f->count; /* until it has ended, either may be there */
    rc = disk_author_import(w, &f->by, FOLDER, &m, err);
    if (rc == 0 && !disk_alive(w))
        manifest_deinit(&m);
    if (rc != 0 || !disk_alive(w))
        return rc;
    (void)alloc_fail_stop(); /* he looks at it himself */
    vdisk_hold(w->disk, true);
    e = note_edition(f, &m);
    check_content(w, e);
    vdisk_hold(w->disk, false);
    return keep_in_place(w, e, err);
}

/* ---- what stays ------------------------------------------------------------
 */

/* The one that `roots` names. */
static struct edition *current(struct disk_world *w)
{
    const struct disk_place at = {DISK_ROOTS, "inplace", FOLDER, 1};
    char value[DISK_VALUE];

    disk_read_fact(w, &at, value);
    for (size_t i = w->footage->count; i-- > 0;)
        if (strcmp(record_id_hex(&w->footage->list[i].id).s, value) == 0)
            return &w->footage->list[i];
    return NULL;
}

static bool is_named(struct disk_world *w, const struct chunk_id *id,
                     size_t take, enum lies lies)
{
    enum store_file_state state;
    char path[64];
    char said[256];

    path_of(FOLDER, take, path);
    return store_file_of(w->node.store, id, said, sizeof said, &state) == 0 &&
           strcmp(said, path) == 0 &&
           state == (lies == LIES_NOT ? STORE_FILE_ABSENT : STORE_FILE_CHANGED);
}

struct look {
    struct disk_world *w;
    const struct edition *e;
    size_t take;
    enum lies lies;
    bool due;
};

static void check_chunk(const struct look *l, uint32_t slot)
{
    static uint8_t bytes[CHUNK_RAW_MAX];
    const struct chunk_ref *ref = &l->e->m.table.refs[slot];
    const uint8_t *is =
        l->e->takes[l->take].bytes + manifest_slot_offset(&l->e->m, slot);
    struct id_hex hex = chunk_id_hex(&ref->id);
    bool has = store_has(l->w->node.store, &ref->id);
    int rc =
        store_read(l->w->node.store, &ref->id, bytes, sizeof bytes, NULL, NULL);

    if (rc == 0 && memcmp(bytes, is, ref->raw_len) != 0)
        disk_fail(l->w, "S1", "chunk %.12s in place is read with other bytes",
                  hex.s);
    if (rc == 0 || l->lies == LIES_HIDDEN || l->w->index_rotten)
        return;
    if (has)
        disk_fail(l->w, "S12", "chunk %.12s in place counts as held: %s", hex.s,
                  err_words(rc));
    if (l->due && l->lies == LIES_SAME)
        disk_fail(l->w, "S2", "chunk %.12s lies in place, and is lost", hex.s);
    if (l->due && l->lies != LIES_SAME &&
        !is_named(l->w, &ref->id, l->take, l->lies))
        disk_fail(l->w, "P1", "the file of chunk %.12s is not named", hex.s);
}

static void check_take(struct disk_world *w, const struct edition *e,
                       size_t take)
{
    struct disk_footage *f = w->footage;
    bool told = e == f->list + f->told;
    struct look l = {w, e, take, LIES_NOT, told && f->due[take]};
    const struct manifest_stream *s =
        &e->m.streams[e->m.files[file_of(e, take)].stream];

    l.lies = how_lies(take, &e->takes[take]);
    for (uint32_t i = 0; i < s->chunk_count; i++)
        if (e->m.table.refs[s->first_slot + i].flags == 0)
            check_chunk(&l, s->first_slot + i);
    if (told && l.lies == LIES_HIDDEN) /* who reads that takes it for rot */
        f->due[take] = false;
}

void disk_check_footage(struct disk_world *w)
{
    const struct edition *e = w->footage != NULL ? current(w) : NULL;

    for (size_t i = 0; e != NULL && i < TAKES; i++)
        if (e->takes[i].bytes != NULL)
            check_take(w, e, i);
}

/* ---- an index that was made anew -------------------------------------------
 */

static bool has_blobs(struct disk_world *w, const struct edition *e)
{
    const struct chunk_table *t = &e->m.table;

    for (uint32_t i = 0; i < t->index_count + t->tree_count; i++)
        if (!store_has(w->node.store, &t->refs[i].id))
            return false;
    return true;
}

/* Only what lies there now can be found again. */
static void forget_away(struct disk_world *w, const struct edition *e)
{
    struct disk_footage *f = w->footage;

    vdisk_hold(w->disk, true);
    for (size_t i = 0; i < TAKES; i++)
        f->due[i] = f->due[i] && e->takes[i].bytes != NULL &&
                    how_lies(i, &e->takes[i]) == LIES_SAME;
    vdisk_hold(w->disk, false);
}

int disk_readopt_footage(struct disk_world *w)
{
    struct disk_footage *f = w->footage;
    const struct edition *e = f != NULL ? current(w) : NULL;
    uint64_t chunks;
    int rc;

    if (e == NULL || w->plan.slip == DISK_SLIP_NOT_IN_PLACE)
        return 0;
    if (e != f->list + f->told || !has_blobs(w, e))
        f->told = f->count;
    if (!has_blobs(w, e))
        return 0;
    forget_away(w, e);
    rc = export_adopt(w->node.store, &e->m, FOLDER, &chunks, NULL);
    return rc == ERR_NOT_FOUND ? 0 : rc;
}

/* ---- from the first day to the last ----------------------------------------
 */

void disk_footage_forget(struct disk_world *w)
{
    if (w->footage != NULL)
        w->footage->told = w->footage->count;
}

struct disk_author *disk_footage_author(struct disk_footage *f)
{
    return &f->by;
}

struct disk_footage *disk_footage_new(struct rng *rng)
{
    struct disk_footage *f = mem_new(1, sizeof *f);

    disk_author_init(&f->by, rng);
    f->by.in_place = true;
    (void)disk_mkdir(FOLDER, 0755);
    (void)disk_mkdir(DISK_SHELF, 0755);
    return f;
}

void disk_footage_free(struct disk_footage *f)
{
    if (f == NULL)
        return;
    for (size_t i = 0; i < f->count; i++) {
        manifest_deinit(&f->list[i].m);
        for (size_t k = 0; k < TAKES; k++)
            free(f->list[i].takes[k].bytes);
    }
    for (size_t k = 0; k < TAKES; k++)
        free(f->takes[k].bytes);
    free(f->list);
    disk_author_deinit(&f->by);
    free(f);
}
