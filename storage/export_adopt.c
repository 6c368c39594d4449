/* export_adopt: chunks that lie in a file already, and that the store does not
 * know of: the index was made anew, or somebody copied the folder. They are
 * read, digested, and referenced where they are. */
#include "storage/export_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "crypto/digest.h"
#include "storage/beneath.h"
#include "storage/disk.h"
#include "storage/file_io.h"

#define BATCH 64

struct adoption {
    struct store *s;
    const struct manifest *m;
    const struct manifest_stream *stream;
    int fd;
    uint32_t file; /* of the store */
    uint8_t *bytes;
    struct store_item items[BATCH];
    size_t count;
    uint64_t done;
    struct err *e;
};

static int flush(struct adoption *a)
{
    int rc = 0;

    if (a->count != 0)
        rc = store_put(a->s, a->items, a->count, STORE_FETCHED, a->e);
    if (rc == 0)
        a->done += a->count;
    a->count = 0;
    return rc;
}

static int take_slot(struct adoption *a, uint32_t slot)
{
    const struct chunk_ref *ref = &a->m->table.refs[slot];
    uint64_t at = manifest_slot_offset(a->m, slot);
    struct chunk_id id;

    if (ref->flags != 0 || store_has(a->s, &ref->id))
        return 0;
    if (file_io_read(a->fd, a->bytes, ref->raw_len, at, NULL) != 0)
        return 0;
    id = digest_chunk(a->bytes, ref->raw_len);
    if (!chunk_id_eq(&id, &ref->id))
        return 0;
    a->items[a->count++] =
        (struct store_item){.ref = *ref,
                            .sum = digest_sum64(a->bytes, ref->raw_len),
                            .data = a->bytes,
                            .file = a->file,
                            .offset = at,
                            .written = true};
    return a->count == BATCH ? flush(a) : 0;
}

static bool all_held(struct adoption *a)
{
    for (uint32_t i = 0; i < a->stream->chunk_count; i++)
        if (!store_has(a->s, &a->m->table.refs[a->stream->first_slot + i].id))
            return false;
    return true;
}

/* Settled as it is now, before it is read: a run that is killed in the middle
 * must not leave rows that trust whatever comes to lie there. */
static int refer(struct adoption *a, const char *path)
{
    struct stat st;

    if (disk_fstat(a->fd, &st) != 0)
        return err_errno(a->e, errno, "look at '%s'", path);
    return store_file_refer(a->s, path, (uint64_t)st.st_size,
                            (int64_t)st.st_mtim.tv_sec * 1000000000 +
                                st.st_mtim.tv_nsec,
                            &a->file, a->e);
}

static int add(struct adoption *a, const char *path)
{
    a->file = store_file_find(a->s, path);
    return a->file != 0 ? 0 : store_file_add(a->s, path, &a->file, a->e);
}

int export__adopt_file(struct store *s, const struct manifest *m, uint32_t file,
                       int fd, const char *path, bool whole, uint64_t *out_done,
                       struct err *e)
{
    struct adoption a = {.s = s, .m = m, .fd = fd, .e = e};
    int rc = 0;

    *out_done = 0;
    a.stream = &m->streams[m->files[file].stream];
    if (all_held(&a))
        return 0;
    file_io_uncache(fd); /* whoever wrote it may have failed to sync it */
    a.bytes = malloc(CHUNK_RAW_MAX);
    if (a.bytes == NULL)
        return err_set(e, ERR_NOMEM, "adopt");
    rc = whole ? refer(&a, path) : add(&a, path);
    for (uint32_t i = 0; i < a.stream->chunk_count && rc == 0; i++)
        rc = take_slot(&a, a.stream->first_slot + i);
    if (rc == 0)
        rc = flush(&a);
    if (rc == 0 && whole)
        rc = store_file_supersede(s, a.file, e);
    free(a.bytes);
    *out_done = a.done;
    return rc;
}

/* A file of its own stream, as export makes them. */
static bool is_media(const struct manifest *m, uint32_t i)
{
    const struct manifest_file *f = &m->files[i];

    return f->size != 0 && m->streams[f->stream].profile != STREAM_TEXT &&
           m->streams[f->stream].bytes == f->size;
}

int export_adopt(struct store *s, const struct manifest *m, const char *dir,
                 uint64_t *out_chunks, struct err *e)
{
    int root = disk_open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
    int rc = 0;

    *out_chunks = 0;
    if (root < 0)
        return err_set(e, ERR_NOT_FOUND, "there is no folder '%s'", dir);
    for (uint32_t i = 0; i < m->file_count && rc == 0; i++) {
        char path[8300];
        struct stat st;
        uint64_t done = 0;
        int fd;

        if (!is_media(m, i))
            continue;
        fd = beneath_open(root, m->files[i].path, O_RDONLY | O_NONBLOCK, 0);
        if (fd < 0)
            continue;
        (void)snprintf(path, sizeof path, "%s/%s", dir, m->files[i].path);
        if (disk_fstat(fd, &st) == 0 && S_ISREG(st.st_mode) &&
            (uint64_t)st.st_size == m->files[i].size)
            rc = export__adopt_file(s, m, i, fd, path, true, &done, e);
        (void)disk_close(fd);
        *out_chunks += done;
    }
    (void)disk_close(root);
    return rc;
}
