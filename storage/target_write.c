/* target_write: as chunks come: media go straight to their partial, new small
 * files are made as soon as their last chunk is here. */
#include "storage/target_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "storage/beneath.h"
#include "storage/disk.h"
#include "storage/export.h"
#include "storage/file_io.h"

/* ---- small files -----------------------------------------------------------
 */

static int open_new(struct target *t, uint32_t i, const char *path)
{
    const int flags = O_WRONLY | O_CREAT | O_EXCL;
    int fd = beneath_open(t->root, path, flags, target__mode(t, i));

    if (fd == -ENOENT) {
        fd = beneath_make_parents(t->root, path);
        if (fd == 0)
            fd = beneath_open(t->root, path, flags, target__mode(t, i));
    }
    return fd;
}

static int write_whole(struct target *t, uint32_t i, const uint8_t *bytes,
                       struct err *e)
{
    const struct manifest_file *f = &t->m->files[i];
    int fd = open_new(t, i, f->path);
    int rc;

    if (fd < 0)
        return target__open_failed(t, f->path, fd, e);
    rc = file_io_write(fd, bytes, f->size, 0, e);
    if (rc != 0 && disk_ftruncate(fd, 0) != 0)
        err_wrap(e, "and a torn file stays");
    (void)disk_close(fd);
    if (rc == 0)
        target__count_done(t, i);
    else
        err_wrap(e, "write '%s/%s'", t->dir, f->path);
    return rc;
}

struct piece_writer {
    int fd;
    uint64_t at;
    struct err *e;
};

static int write_piece(void *user, const uint8_t *p, size_t n)
{
    struct piece_writer *w = user;
    int rc = file_io_write(w->fd, p, n, w->at, w->e);

    w->at += n;
    return rc;
}

/* The store is asked first, so that no file is begun that cannot be ended. */
bool target__all_held(const struct target *t, uint32_t i)
{
    uint32_t first;
    uint32_t count;
    uint32_t skip;

    manifest_slots_of(t->m, i, 0, t->m->files[i].size, &first, &count, &skip);
    for (uint32_t k = 0; k < count; k++)
        if (!store_has(t->s, &t->m->table.refs[first + k].id))
            return false;
    return true;
}

int target__copy_out(struct target *t, uint32_t i, int fd, struct err *e)
{
    struct piece_writer w = {.fd = fd, .e = e};
    int rc =
        export_read(t->s, t->m, i, 0, t->m->files[i].size, write_piece, &w, e);

    return rc == ERR_CORRUPT || rc == ERR_NOT_FOUND ? ERR_PARTIAL : rc;
}

/* A file that spans chunks, or whose chunk came before us. */
int target__write_new(struct target *t, uint32_t i, struct err *e)
{
    const struct manifest_file *f = &t->m->files[i];
    const char *name;
    int fd;
    int parent;
    int rc;

    if (!target__all_held(t, i))
        return ERR_PARTIAL;
    fd = open_new(t, i, f->path);
    if (fd < 0)
        return target__open_failed(t, f->path, fd, e);
    rc = target__copy_out(t, i, fd, e);
    if (rc != 0 && disk_ftruncate(fd, 0) != 0)
        err_wrap(e, "and a torn file stays");
    (void)disk_close(fd);
    if (rc == 0)
        target__count_done(t, i);
    parent = rc == ERR_PARTIAL ? beneath_parent(t->root, f->path, &name) : -1;
    if (parent >= 0) {
        (void)disk_unlinkat(parent, name, 0); /* ours, and empty */
        (void)disk_close(parent);
    }
    return rc;
}

/* The first file of the text stream that ends behind @offset. */
static uint32_t first_behind(const struct target *t, uint64_t offset)
{
    uint32_t lo = 0;
    uint32_t hi = t->text_count;

    while (lo < hi) {
        uint32_t mid = lo + (hi - lo) / 2;
        const struct manifest_file *f = &t->m->files[t->by_offset[mid]];

        if (f->offset + f->size <= offset)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
}

/* true: it was the last slot of the file to come. */
static bool one_less(struct target *t, uint32_t i)
{
    bool last;

    (void)pthread_mutex_lock(&t->mutex);
    last = t->files[i].missing != 0 && --t->files[i].missing == 0 &&
           t->files[i].state == FILE_PENDING;
    (void)pthread_mutex_unlock(&t->mutex);
    return last;
}

static bool first_time(struct target *t, uint32_t slot)
{
    uint32_t i = slot - t->m->streams[t->text_stream].first_slot;
    uint8_t bit = (uint8_t)(1u << (i % 8));
    bool first;

    (void)pthread_mutex_lock(&t->mutex);
    first = (t->came[i / 8] & bit) == 0;
    t->came[i / 8] |= bit;
    (void)pthread_mutex_unlock(&t->mutex);
    return first;
}

static int write_text(struct target *t, uint32_t slot, const uint8_t *raw,
                      size_t len, struct err *e)
{
    uint64_t start = manifest_slot_offset(t->m, slot);
    uint32_t k = first_behind(t, start);
    int rc = 0;

    if (!first_time(t, slot))
        return 0;
    for (; k < t->text_count && rc == 0; k++) {
        uint32_t i = t->by_offset[k];
        const struct manifest_file *f = &t->m->files[i];

        if (f->offset >= start + len)
            break;
        if (!one_less(t, i))
            continue;
        if (f->offset >= start && f->offset + f->size <= start + len)
            rc = write_whole(t, i, raw + (f->offset - start), e);
        else
            rc = target__write_new(t, i, e);
        if (rc == ERR_PARTIAL)
            rc = 0; /* target_finish comes back to it */
    }
    return rc;
}

/* ---- as chunks come --------------------------------------------------------
 */

bool target_place(struct target *t, uint32_t slot, uint32_t *out_file,
                  uint64_t *out_offset)
{
    const struct chunk_table *table = &t->m->table;
    uint32_t file;

    if (slot < table->index_count + table->tree_count ||
        table->refs[slot].flags != 0)
        return false;
    file = t->media_file[manifest_stream_of(t->m, slot)];
    if (file == UINT32_MAX || t->files[file].state != FILE_PARTIAL)
        return false;
    *out_file = t->files[file].store_file;
    *out_offset = manifest_slot_offset(t->m, slot);
    return true;
}

int target_write(struct target *t, uint32_t slot, const uint8_t *raw,
                 size_t raw_len, struct err *e)
{
    const struct chunk_table *table = &t->m->table;
    uint32_t stream;
    uint32_t file;

    if (slot < table->index_count + table->tree_count || raw == NULL)
        return 0;
    stream = manifest_stream_of(t->m, slot);
    if (stream == t->text_stream)
        return write_text(t, slot, raw, raw_len, e);
    file = t->media_file[stream];
    if (file == UINT32_MAX || t->files[file].state != FILE_PARTIAL)
        return 0;
    return file_io_write(t->files[file].fd, raw, raw_len,
                         manifest_slot_offset(t->m, slot), e);
}
