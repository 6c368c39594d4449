/* import_read: one thread opens, reads and cuts the files, in the order of the
 * manifest. */
#include "storage/import_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "storage/disk.h"

/* ---- the reader
 * ------------------------------------------------------------------------ */

/* With the lock. */
static int make_room(struct import *im, size_t n)
{
    size_t cap = im->chunk_cap ? 2 * im->chunk_cap : 1024;
    struct chunk_ref *grown;

    if (im->chunk_count + n > MANIFEST_CHUNKS_MAX)
        return err_set(im->e, ERR_LIMIT, "over 4,194,304 chunks");
    if (im->chunk_count + n <= im->chunk_cap)
        return 0;
    grown = realloc(im->chunks, cap * sizeof *grown);
    if (grown == NULL)
        return err_set(im->e, ERR_NOMEM, "chunks");
    im->chunks = grown;
    im->chunk_cap = cap;
    return 0;
}

/* What was cut goes to the workers: many pieces at once, so that they need not
 * be woken for each. */
static int post(struct import *im)
{
    int rc;

    (void)pthread_mutex_lock(&im->mutex);
    while (im->job_count + im->fresh_count > JOBS_MAX)
        import__await_room(im);
    rc = make_room(im, im->fresh_count);
    for (size_t i = 0; i < im->fresh_count && rc == 0; i++) {
        im->fresh[i].no = im->chunk_count++;
        im->jobs[(im->job_head + im->job_count++) % JOBS_MAX] = im->fresh[i];
        im->block->refs++;
        im->stream->chunk_count++;
    }
    im->fresh_count = 0;
    if (rc == 0)
        rc = import__state(im);
    (void)pthread_cond_signal(&im->work);
    (void)pthread_mutex_unlock(&im->mutex);
    return rc;
}

static int cut_block(struct import *im, bool last)
{
    size_t n;
    int rc = 0;

    while (rc == 0 && (n = chunker_cut(im->profile, im->block->bytes + im->cut,
                                       im->block->len - im->cut, last)) != 0) {
        im->fresh[im->fresh_count++] = (struct job){.block = im->block,
                                                    .offset = im->cut,
                                                    .len = (uint32_t)n,
                                                    .file = im->file,
                                                    .at = im->stream_cut};
        im->cut += n;
        im->stream_cut += n;
        if (im->fresh_count == BATCH_MAX)
            rc = post(im);
    }
    return rc == 0 ? post(im) : rc;
}

/* A full block goes; what could not be cut yet moves to the next one. */
static int turn_block(struct import *im)
{
    struct block *old = im->block;
    struct block *b;
    int rc = cut_block(im, false);

    if (rc != 0)
        return rc;
    b = import__new_block(im);
    b->len = old->len - im->cut;
    memcpy(b->bytes, old->bytes + im->cut, b->len);
    im->cut = 0;
    im->block = b;
    (void)pthread_mutex_lock(&im->mutex);
    import__unref_block(im, old);
    (void)pthread_mutex_unlock(&im->mutex);
    return 0;
}

static int begin_stream(struct import *im, enum stream_profile profile)
{
    struct manifest *m = &im->m;
    void *grown =
        realloc(m->streams, (m->stream_count + 1u) * sizeof *m->streams);

    if (grown == NULL)
        return err_set(im->e, ERR_NOMEM, "streams");
    m->streams = grown;
    im->stream = &m->streams[m->stream_count++];
    *im->stream = (struct manifest_stream){.profile = profile};
    im->profile = chunker_profile(profile);
    im->cut = im->block->len; /* nothing of the last stream is left */
    im->stream_cut = 0;
    return 0;
}

static int end_stream(struct import *im)
{
    return cut_block(im, true);
}

static bool same_file(const struct stat *a, const struct stat *b)
{
    return a->st_size == b->st_size && a->st_mtim.tv_sec == b->st_mtim.tv_sec &&
           a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

static int changed(struct import *im, const char *path)
{
    int rc =
        err_set(im->e, ERR_CONFLICT, "'%s' changed while it was read", path);

    err_hint(im->e, "publish again once nothing writes to the folder");
    return rc;
}

/* Reads @size bytes of @fd into the stream. *out_same false: it was not so long
 * or not the same file behind as @before. */
static int read_file(struct import *im, int fd, uint64_t size,
                     const struct stat *before, bool *out_same)
{
    struct stat after;
    uint64_t left = size;
    int rc = 0;

    *out_same = (uint64_t)before->st_size == size;
    while (rc == 0 && left != 0 && *out_same) {
        size_t room = BLOCK_BYTES - im->block->len;
        ssize_t n;

        if (room == 0) {
            rc = turn_block(im);
            continue;
        }
        n = disk_read(fd, im->block->bytes + im->block->len,
                      left < room ? (size_t)left : room);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return err_errno(im->e, errno, "read");
        if (n == 0)
            *out_same = false;
        im->block->len += (size_t)n;
        im->stream->bytes += (uint64_t)n;
        im->out->read_bytes += (uint64_t)n;
        left -= (uint64_t)n;
    }
    if (rc == 0 && *out_same)
        *out_same = disk_fstat(fd, &after) == 0 && same_file(before, &after);
    return rc;
}

static void leave_folder(struct import *im)
{
    if (im->dir_fd >= 0)
        (void)disk_close(im->dir_fd);
    im->dir_fd = -1;
}

/* Files come folder by folder: the long way down is walked once for all of
 * them. */
static int folder_of(struct import *im, const struct walk_file *f, size_t len)
{
    char path[PATH_MAX];

    if (len == 0)
        return im->walk.fd;
    if (im->dir_fd >= 0 && im->dir_len == len &&
        memcmp(im->dir_path, f->path, len) == 0)
        return im->dir_fd;
    leave_folder(im);
    (void)snprintf(path, sizeof path, "%.*s", (int)len, f->path);
    im->dir_fd =
        disk_openat(im->walk.fd, path, O_PATH | O_DIRECTORY | O_CLOEXEC, 0);
    im->dir_path = f->path;
    im->dir_len = len;
    return im->dir_fd;
}

static int open_file(struct import *im, const struct walk_file *f)
{
    const char *slash = strrchr(f->path, '/');
    size_t len = slash != NULL ? (size_t)(slash - f->path) : 0;
    int dir = folder_of(im, f, len);
    int fd =
        dir < 0
            ? -1
            : disk_openat(dir, slash != NULL ? slash + 1 : f->path,
                          O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0);

    if (fd < 0)
        (void)err_errno(im->e, errno, "open '%s'", f->path);
    return fd;
}

/* The store is told of the file as it was before it is read: whatever happens
 * to it from now on, what refers to it is not taken for held. */
static int refer(struct import *im, const struct walk_file *f,
                 const struct stat *st)
{
    char path[2 * PATH_MAX];
    int rc;

    if ((size_t)snprintf(path, sizeof path, "%s/%s", im->root, f->path) >=
        PATH_MAX)
        return err_set(im->e, ERR_LIMIT, "the path is too long");
    rc = store_file_refer(im->store, path, (uint64_t)st->st_size,
                          (int64_t)st->st_mtim.tv_sec * 1000000000 +
                              st->st_mtim.tv_nsec,
                          &im->file, im->e);
    if (rc == 0)
        im->referred[im->referred_count++] = im->file;
    return rc;
}

static int take_file(struct import *im, size_t i, bool *out_same)
{
    const struct walk_file *f = &im->walk.files[i];
    struct manifest_file *mf = &im->m.files[i];
    int fd = open_file(im, f);
    struct stat before;
    int rc = 0;

    if (fd < 0)
        return im->e->code;
    mf->stream = im->m.stream_count - 1;
    mf->offset = im->stream->bytes;
    if (disk_fstat(fd, &before) != 0 || !S_ISREG(before.st_mode))
        rc = err_set(im->e, ERR_CONFLICT, "is not a plain file any more");
    if (rc == 0 && im->opt->in_place && !im->opt->dry_run &&
        !import__is_text(f))
        rc = refer(im, f, &before);
    if (rc == 0)
        rc = read_file(im, fd, f->size, &before, out_same);
    (void)disk_close(fd);
    if (rc == 0 && *out_same)
        import__saw(im, i, &before);
    if (rc != 0)
        err_wrap(im->e, "'%s'", f->path);
    return rc;
}

/* A small file still lies whole in the block when it fits: it can be read anew.
 */
static int take_small(struct import *im, size_t i)
{
    size_t start;
    uint64_t bytes = im->stream->bytes;
    bool same = false;
    int rc = 0;

    if (BLOCK_BYTES - im->block->len < im->walk.files[i].size)
        rc = turn_block(im);
    start = im->block->len;
    for (int tries = 0; tries < 3 && rc == 0 && !same; tries++) {
        im->block->len = start;
        im->stream->bytes = bytes;
        rc = take_file(im, i, &same);
    }
    return rc == 0 && !same ? changed(im, im->walk.files[i].path) : rc;
}

static int take_media(struct import *im, size_t i)
{
    bool same = false;
    int rc = begin_stream(im, STREAM_MEDIA);

    if (rc == 0 && import__reuse_media(im, i))
        return 0;
    if (rc == 0)
        rc = take_file(im, i, &same);
    if (rc == 0 && !same)
        rc = changed(im, im->walk.files[i].path);
    if (rc == 0)
        rc = end_stream(im);
    im->file = 0;
    return rc;
}

bool import__is_text(const struct walk_file *f)
{
    return f->size != 0 && f->size < MEDIA_MIN;
}

static int take_texts(struct import *im)
{
    int rc = begin_stream(im, STREAM_TEXT);

    if (rc == 0 && import__reuse_text(im))
        return 0;
    for (size_t i = 0; i < im->walk.count && rc == 0; i++)
        if (import__is_text(&im->walk.files[i]))
            rc = take_small(im, i);
    return rc == 0 ? end_stream(im) : rc;
}

int import__read_all(struct import *im)
{
    bool any = false;
    int rc = 0;

    for (size_t i = 0; i < im->walk.count && rc == 0; i++)
        any |= import__is_text(&im->walk.files[i]);
    if (any)
        rc = take_texts(im);
    for (size_t i = 0; i < im->walk.count && rc == 0; i++)
        if (im->walk.files[i].size >= MEDIA_MIN)
            rc = take_media(im, i);
    leave_folder(im);
    return rc;
}
