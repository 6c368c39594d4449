/* target_look: what stands in the folder before anything is written, and what
 * stands at one place in the end. */
#include "storage/target_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "storage/beneath.h"
#include "storage/disk.h"
#include "storage/export_internal.h"
#include "storage/file_io.h"

/* ---- the editions before ---------------------------------------------------
 */

bool target__before_has(const struct target *t, const char *path)
{
    for (size_t k = 0; k < t->before_count; k++)
        if (manifest_find(t->before[k], path) >= 0)
            return true;
    return false;
}

/* By the chunks alone: they may say no of a file that has the same bytes. */
static bool same_file(const struct manifest *a, uint32_t i,
                      const struct manifest *b, uint32_t j)
{
    const struct manifest_file *x = &a->files[i];
    const struct manifest_file *y = &b->files[j];
    uint32_t first[2];
    uint32_t count[2];
    uint32_t skip[2];

    if (x->size != y->size || x->flags != y->flags)
        return false;
    manifest_slots_of(a, i, 0, x->size, &first[0], &count[0], &skip[0]);
    manifest_slots_of(b, j, 0, y->size, &first[1], &count[1], &skip[1]);
    if (count[0] != count[1] || (count[0] != 0 && skip[0] != skip[1]))
        return false;
    for (uint32_t k = 0; k < count[0]; k++)
        if (!chunk_id_eq(&a->table.refs[first[0] + k].id,
                         &b->table.refs[first[1] + k].id))
            return false;
    return true;
}

/* Whoever wrote it there wrote what the new edition has, too. */
static bool is_unchanged(const struct target *t, uint32_t i)
{
    bool any = false;

    for (size_t k = 0; k < t->before_count; k++) {
        int64_t j = manifest_find(t->before[k], t->m->files[i].path);

        if (j < 0)
            continue;
        if (!same_file(t->m, i, t->before[k], (uint32_t)j))
            return false;
        any = true;
    }
    return any;
}

struct bytes {
    uint8_t *base;
    size_t len;
};

static int append(void *user, const uint8_t *p, size_t n)
{
    struct bytes *b = user;

    memcpy(b->base + b->len, p, n);
    b->len += n;
    return 0;
}

static bool same_bytes(const struct target *t, uint32_t i,
                       const struct manifest *b, uint32_t j)
{
    size_t size = (size_t)t->m->files[i].size;
    struct bytes x = {malloc(size + 1), 0};
    struct bytes y = {malloc(size + 1), 0};
    bool same = x.base != NULL && y.base != NULL &&
                export_read(t->s, t->m, i, 0, size, append, &x, NULL) == 0 &&
                export_read(t->s, b, j, 0, size, append, &y, NULL) == 0 &&
                memcmp(x.base, y.base, size) == 0;

    free(x.base);
    free(y.base);
    return same;
}

bool target__same_as_before(const struct target *t, uint32_t i)
{
    if (is_unchanged(t, i))
        return true;
    if (target__is_media(t, i)) /* its chunks would be the same */
        return false;
    for (size_t k = 0; k < t->before_count; k++) {
        const struct manifest *b = t->before[k];
        int64_t j = manifest_find(b, t->m->files[i].path);

        if (j >= 0 && b->files[j].size == t->m->files[i].size &&
            same_bytes(t, i, b, (uint32_t)j))
            return true;
    }
    return false;
}

/* ---- before the first byte -------------------------------------------------
 */

/* Put in place by a run that ended before it could say so. */
static bool lies_whole(const struct target *t, uint32_t i)
{
    const struct manifest_stream *s = &t->m->streams[t->m->files[i].stream];
    char path[TARGET_PATH_MAX];
    uint32_t no;

    target__full_path(t, t->m->files[i].path, path);
    no = store_file_find(t->s, path);
    if (no == 0 || !store_file_intact(t->s, no))
        return false;
    for (uint32_t k = 0; k < s->chunk_count; k++) {
        uint32_t slot = s->first_slot + k;

        if (t->m->table.refs[slot].flags != 0 ||
            !store_lies_at(t->s, &t->m->table.refs[slot].id, no,
                           manifest_slot_offset(t->m, slot)))
            return false;
    }
    return true;
}

/* Only a help: what cannot be adopted is fetched, or compared at the end. */
static void adopt(struct target *t, uint32_t i, int fd)
{
    char path[TARGET_PATH_MAX];
    uint64_t done;

    target__full_path(t, t->m->files[i].path, path);
    if (target__is_media(t, i))
        (void)export__adopt_file(t->s, t->m, i, fd, path, true, &done, NULL);
}

/* A folder of ours: something is there that may be ours, too. */
static void look_at_known(struct target *t, uint32_t i, uint64_t size)
{
    const struct manifest_file *f = &t->m->files[i];
    bool has = target__before_has(t, f->path);

    if (has && !t->unfinished && is_unchanged(t, i))
        target__count_done(t, i);
    else if (!target__is_media(t, i) || (!has && size == f->size))
        t->files[i].state = FILE_LATER;
    else if (size == f->size && lies_whole(t, i))
        target__count_done(t, i);
}

static int look_at_file(struct target *t, uint32_t i, int fd, uint64_t size,
                        struct err *e)
{
    const struct manifest_file *f = &t->m->files[i];

    if (size == f->size && !target__before_has(t, f->path))
        adopt(t, i, fd);
    if (t->known)
        look_at_known(t, i, size);
    else if (size == f->size ||
             (t->resumed && !target__is_media(t, i) && size < f->size))
        t->files[i].state = FILE_LATER;
    else
        return target__conflict(t, f->path, e);
    return 0;
}

int target__look(struct target *t, uint32_t i, struct err *e)
{
    const char *path = t->m->files[i].path;
    struct stat st;
    int rc = 0;
    int fd;

    if (t->was_empty && t->before_count == 0)
        return 0;
    fd = beneath_open(t->root, path, O_RDONLY | O_NONBLOCK, 0);
    if (fd >= 0 && disk_fstat(fd, &st) == 0 && S_ISREG(st.st_mode))
        rc = look_at_file(t, i, fd, (uint64_t)st.st_size, e);
    else if (fd == -ELOOP || fd == -EXDEV || (fd != -ENOENT && !t->known))
        rc = target__open_failed(t, path, fd >= 0 ? -EEXIST : fd, e);
    else if (!target__is_media(t, i) && target__before_has(t, path))
        t->files[i].state = FILE_LATER; /* one before may still make it */
    if (fd >= 0)
        (void)disk_close(fd);
    return rc;
}

/* ---- in the end -------------------------------------------------------------
 */

/* Of a comparison: it, or what it was to be compared with, cannot be read just
 * now. That says nothing about whose it is. */
static bool is_no_answer(int rc)
{
    return rc != 0 && rc != ERR_CONFLICT && rc != ERR_NOT_FOUND &&
           rc != ERR_CORRUPT;
}

/* Return: 0, or ERR_IO. */
static int is_before(const struct target *t, const char *path, int fd,
                     uint64_t size, bool *out)
{
    char full[TARGET_PATH_MAX];
    uint32_t no;

    target__full_path(t, path, full);
    no = store_file_find(t->s, full);
    for (size_t k = 0; k < t->before_count && !*out; k++) {
        const struct manifest *b = t->before[k];
        int64_t j = manifest_find(b, path);
        int rc;

        if (j < 0 || b->files[j].size != size)
            continue;
        /* Nobody but us has written to a file that is as it was settled. */
        rc = no != 0 && store_file_intact(t->s, no)
                 ? 0
                 : export__compare_file(t->s, b, (uint32_t)j, fd);
        if (is_no_answer(rc))
            return ERR_IO;
        *out = rc == 0;
    }
    return 0;
}

static int is_torn_of(const struct target *t, const struct manifest *m,
                      int64_t file, int fd, uint64_t size, bool *out)
{
    int rc = ERR_CONFLICT;

    if (file >= 0 && size <= m->files[file].size)
        rc = export__compare_torn(t->s, m, (uint32_t)file, fd, size);
    *out |= rc == 0;
    return is_no_answer(rc) ? ERR_IO : 0;
}

/* A run of ours was killed while it wrote it, or the power went before it was
 * on the disk: some of it is what it should be, the rest is missing or 0. */
static int is_torn(const struct target *t, const char *path, int64_t file,
                   int fd, uint64_t size, bool *out)
{
    int rc = 0;

    if (t->resumed || t->unfinished)
        rc = is_torn_of(t, t->m, file, fd, size, out);
    for (size_t k = 0; k < t->before_count && t->unfinished && rc == 0; k++)
        rc = is_torn_of(t, t->before[k], manifest_find(t->before[k], path), fd,
                        size, out);
    return rc;
}

static int stands(const struct target *t, const char *path, int64_t file,
                  int fd, enum standing *out, struct err *e)
{
    const struct manifest_file *f = file >= 0 ? &t->m->files[file] : NULL;
    struct stat st;
    uint64_t size;
    int rc = ERR_CONFLICT;
    bool before = false;

    *out = STANDS_FOREIGN;
    if (disk_fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))
        return 0;
    if (t->resumed || t->unfinished) /* it may have ended in a failed sync */
        file_io_uncache(fd);
    size = (uint64_t)st.st_size;
    if (f != NULL && f->size == size)
        rc = export__compare_file(t->s, t->m, (uint32_t)file, fd);
    if (rc == 0)
        *out = STANDS_SAME;
    else if (is_no_answer(rc) || is_before(t, path, fd, size, &before) != 0 ||
             (!before && is_torn(t, path, file, fd, size, &before) != 0))
        return err_set(e, ERR_IO, "'%s/%s' cannot be read", t->dir, path);
    else if (before)
        *out = STANDS_BEFORE;
    else if (rc != ERR_CONFLICT)
        return ERR_PARTIAL; /* what it should be is not held */
    return 0;
}

int target__stands(const struct target *t, const char *path, int64_t file,
                   enum standing *out, struct err *e)
{
    int fd = beneath_open(t->root, path, O_RDONLY | O_NONBLOCK, 0);
    int rc;

    if (fd == -ENOENT || fd == -ENOTDIR) {
        *out = STANDS_NOTHING;
        return 0;
    }
    if (fd < 0)
        return target__open_failed(t, path, fd, e);
    rc = stands(t, path, file, fd, out, e);
    (void)disk_close(fd);
    return rc;
}
