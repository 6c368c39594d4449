/* export_read: the bytes of a course's files, from the store, and files against
 * them. */
#include "storage/export_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "crypto/digest.h"
#include "storage/beneath.h"
#include "storage/codec.h"
#include "storage/disk.h"
#include "storage/file_io.h"

int export_read(struct store *s, const struct manifest *m, uint32_t file,
                uint64_t off, uint64_t len,
                int (*fn)(void *user, const uint8_t *p, size_t n), void *user,
                struct err *e)
{
    uint8_t *stored = malloc(2 * (size_t)CHUNK_RAW_MAX);
    struct codec *codec = codec_new();
    uint32_t first;
    uint32_t count;
    uint32_t skip;
    int rc =
        stored != NULL && codec != NULL ? 0 : err_set(e, ERR_NOMEM, "read");

    if (off > m->files[file].size)
        off = m->files[file].size;
    if (len > m->files[file].size - off)
        len = m->files[file].size - off;
    manifest_slots_of(m, file, off, len, &first, &count, &skip);
    for (uint32_t i = 0; i < count && rc == 0; i++) {
        const struct chunk_ref *ref = &m->table.refs[first + i];
        uint8_t *raw = stored + CHUNK_RAW_MAX;
        size_t n = ref->raw_len - skip;

        rc = store_read(s, &ref->id, stored, CHUNK_RAW_MAX, NULL, e);
        if (rc == 0)
            rc = codec_decode(codec, stored, ref->stored_len, ref->flags, raw,
                              ref->raw_len, e);
        if (rc != 0)
            break;
        n = n < len ? n : (size_t)len;
        rc = fn(user, raw + skip, n);
        len -= n;
        skip = 0;
    }
    codec_free(codec);
    free(stored);
    return rc;
}

struct compare {
    int fd;
    uint64_t at;
    uint8_t *bytes;
    bool torn; /* a byte may be 0 instead */
};

static bool same_or_zero(const uint8_t *is, const uint8_t *should, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (is[i] != should[i] && is[i] != 0)
            return false;
    return true;
}

static int compare_piece(void *user, const uint8_t *p, size_t n)
{
    struct compare *c = user;
    int rc = file_io_read(c->fd, c->bytes, n, c->at, NULL);

    if (rc != 0) /* an error of the disk says nothing about the file */
        return rc == ERR_CORRUPT ? ERR_CONFLICT : ERR_IO;
    if ((c->torn ? !same_or_zero(c->bytes, p, n) : memcmp(c->bytes, p, n) != 0))
        return ERR_CONFLICT;
    c->at += n;
    return 0;
}

static int compare(struct store *s, const struct manifest *m, uint32_t file,
                   int fd, uint64_t len, bool torn)
{
    struct compare c = {fd, 0, malloc(CHUNK_RAW_MAX), torn};
    int rc = c.bytes != NULL
                 ? export_read(s, m, file, 0, len, compare_piece, &c, NULL)
                 : ERR_NOMEM;

    free(c.bytes);
    return rc;
}

int export__compare_torn(struct store *s, const struct manifest *m,
                         uint32_t file, int fd, uint64_t len)
{
    return compare(s, m, file, fd, len, true);
}

/* By its name alone: the chunk need not be here. */
static int compare_digest(struct compare *c, const struct chunk_ref *ref)
{
    int rc = file_io_read(c->fd, c->bytes, ref->raw_len, c->at, NULL);
    struct chunk_id is;

    if (rc != 0)
        return rc == ERR_CORRUPT ? ERR_CONFLICT : ERR_IO;
    is = digest_chunk(c->bytes, ref->raw_len);
    c->at += ref->raw_len;
    return chunk_id_eq(&is, &ref->id) ? 0 : ERR_CONFLICT;
}

/* A file of its own stream, which is all of its chunks. What was to be known of
 * it may have been lost at the power cut that left it there. */
static int compare_stream(struct store *s, const struct manifest *m,
                          uint32_t file, int fd)
{
    const struct manifest_stream *t = &m->streams[m->files[file].stream];
    struct compare c = {fd, 0, malloc(CHUNK_RAW_MAX), false};
    int rc = c.bytes != NULL ? 0 : ERR_NOMEM;

    for (uint32_t i = 0; i < t->chunk_count && rc == 0; i++) {
        const struct chunk_ref *ref = &m->table.refs[t->first_slot + i];

        rc = ref->flags == 0 ? compare_digest(&c, ref)
                             : export_read(s, m, file, c.at, ref->raw_len,
                                           compare_piece, &c, NULL);
    }
    free(c.bytes);
    return rc;
}

int export__compare_file(struct store *s, const struct manifest *m,
                         uint32_t file, int fd)
{
    const struct manifest_file *f = &m->files[file];

    if (f->size != 0 && m->streams[f->stream].profile != STREAM_TEXT &&
        m->streams[f->stream].bytes == f->size)
        return compare_stream(s, m, file, fd);
    return compare(s, m, file, fd, m->files[file].size, false);
}

int export_compare(struct store *s, const struct manifest *m, const char *dir,
                   void (*fn)(void *user, const char *path,
                              enum target_file_state state),
                   void *user, struct err *e)
{
    int root = disk_open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);

    if (root < 0)
        return err_errno(e, errno, "open folder '%s'", dir);
    for (uint32_t i = 0; i < m->file_count; i++) {
        const struct manifest_file *f = &m->files[i];
        int fd = beneath_open(root, f->path, O_RDONLY | O_NONBLOCK, 0);
        struct stat st;

        if (fd == -ENOENT) {
            fn(user, f->path, TARGET_ABSENT);
            continue;
        }
        if (fd < 0 || disk_fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) ||
            (uint64_t)st.st_size != f->size ||
            export__compare_file(s, m, i, fd) == ERR_CONFLICT)
            fn(user, f->path, TARGET_EDITED);
        if (fd >= 0)
            (void)disk_close(fd);
    }
    (void)disk_close(root);
    return 0;
}
