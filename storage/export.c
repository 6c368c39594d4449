#include "storage/export_internal.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "storage/beneath.h"
#include "storage/codec.h"
#include "storage/file_io.h"
#include "storage/path_rules.h"

#define MARK_MAX 8192
#define COPY_BYTES (1024u * 1024u)

enum file_state {
    FILE_PENDING, /* to be written */
    FILE_PARTIAL, /* media: being written in the home */
    FILE_THERE,   /* something of its size was there before us: compare */
    FILE_DONE,
};

struct target_file {
    enum file_state state;
    uint32_t store_file; /* media: number in the store */
    int fd;              /* media: the partial; -1 */
    uint32_t missing;    /* text: slots that have not come yet */
    bool replace;        /* a torn file of ours stands there */
    bool ours;           /* text: the edition before wrote it */
};

struct target {
    struct store *s;
    const struct manifest *m;
    char *dir;      /* absolute */
    char *partial;  /* HOME/partial/EDITION */
    int root;       /* of dir */
    bool was_empty; /* or held only what the edition before wrote */
    bool ours;      /* an earlier run of ours has written into it */
    mode_t umask_;
    struct target_file *files;
    uint32_t *by_offset; /* text files in the order of their stream */
    uint32_t text_count;
    uint32_t text_stream;     /* UINT32_MAX = none */
    uint32_t *media_file;     /* per stream: its file, UINT32_MAX = text */
    uint8_t *came;            /* text slots: bits, from the stream's first */
    const _Atomic bool *stop; /* NULL: nobody can */
    pthread_mutex_t mutex;
    uint64_t files_done, bytes_done;
};

/* ---- opening
 * ------------------------------------------------------------------------- */

static int conflict(struct target *t, const char *path, struct err *e)
{
    int rc = err_set(e, ERR_CONFLICT,
                     "'%s/%s' is there already and is not this course's",
                     t->dir, path);

    err_hint(e, "choose another folder, or move that file away");
    return rc;
}

static int make_dirs(const char *path, struct err *e)
{
    char part[4096];

    if ((size_t)snprintf(part, sizeof part, "%s", path) >= sizeof part - 1)
        return err_set(e, ERR_INVALID, "the path of the folder is too long");
    for (char *p = part + 1;; p++) {
        char was = *p;

        if (was != '/' && was != '\0')
            continue;
        *p = '\0';
        if (mkdir(part, 0777) != 0 && errno != EEXIST)
            return err_errno(e, errno, "make folder '%s'", part);
        *p = was;
        if (was == '\0')
            return 0;
    }
}

static bool is_empty_dir(const char *path)
{
    DIR *dir = opendir(path);
    struct dirent *d;
    bool empty = dir != NULL;

    while (empty && (d = readdir(dir)) != NULL)
        empty = strcmp(d->d_name, ".") == 0 || strcmp(d->d_name, "..") == 0;
    if (dir != NULL)
        (void)closedir(dir);
    return empty;
}

/* The mark says which folder a run of ours was writing into. */
static int read_mark(struct target *t, struct err *e)
{
    struct buf text = BUF_INIT;
    char path[4200];
    size_t n = strlen(t->dir);
    int rc;

    (void)snprintf(path, sizeof path, "%s/target", t->partial);
    rc = file_io_load(path, MARK_MAX, &text, NULL);
    t->ours = rc == 0 && text.len == n && memcmp(text.base, t->dir, n) == 0;
    buf_deinit(&text);
    return t->ours ? 0 : file_io_save(path, t->dir, n, e);
}

/* Only a help: what cannot be adopted is fetched, or compared at the end. */
static void adopt_there(struct target *t, uint32_t i, int fd)
{
    const struct manifest_file *f = &t->m->files[i];
    char path[8300];
    uint64_t done;

    (void)snprintf(path, sizeof path, "%s/%s", t->dir, f->path);
    if (f->size != 0 && t->media_file[f->stream] == i)
        (void)export__adopt_file(t->s, t->m, i, fd, path, true, &done, NULL);
}

static int look(struct target *t, uint32_t i, struct err *e)
{
    const struct manifest_file *f = &t->m->files[i];
    struct target_file *tf = &t->files[i];
    struct stat st;
    int fd;

    if (t->was_empty)
        return 0;
    fd = beneath_open(t->root, f->path, O_RDONLY | O_NONBLOCK, 0);
    if (fd == -ENOENT)
        return 0;
    if (fd < 0 || fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
        if (fd >= 0)
            (void)close(fd);
        return fd == -ELOOP || fd == -EXDEV
                   ? err_set(e, ERR_REFUSED,
                             "'%s/%s' leads out of the folder"
                             " by a link",
                             t->dir, f->path)
                   : conflict(t, f->path, e);
    }
    if ((uint64_t)st.st_size == f->size)
        adopt_there(t, i, fd);
    (void)close(fd);
    if ((uint64_t)st.st_size == f->size)
        tf->state = FILE_THERE;
    else if (f->stream == t->text_stream &&
             (tf->ours || (t->ours && (uint64_t)st.st_size < f->size)))
        tf->replace = true; /* torn by a kill in the middle of its one write */
    else
        return conflict(t, f->path, e);
    return 0;
}

static int open_partial(struct target *t, uint32_t i, struct err *e)
{
    const struct manifest_file *f = &t->m->files[i];
    struct target_file *tf = &t->files[i];
    char path[4200];
    uint64_t done;
    bool was_there;
    int rc = 0;

    (void)snprintf(path, sizeof path, "%s/%06u", t->partial, i);
    was_there = access(path, F_OK) == 0;
    tf->fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (tf->fd < 0)
        return err_errno(e, errno, "make '%s'", path);
    rc = file_io_allocate(tf->fd, f->size, e);
    if (rc != 0) {
        err_wrap(e, "make '%s'", path);
        return rc;
    }
    if (was_there && store_file_find(t->s, path) == 0) /* by an older index */
        (void)export__adopt_file(t->s, t->m, i, tf->fd, path, false, &done,
                                 NULL);
    tf->store_file = store_file_find(t->s, path);
    if (tf->store_file == 0)
        rc = store_file_add(t->s, path, &tf->store_file, e);
    tf->state = FILE_PARTIAL;
    return rc;
}

static uint32_t slots_of(const struct target *t, uint32_t i)
{
    uint32_t first;
    uint32_t count;
    uint32_t skip;

    manifest_slots_of(t->m, i, 0, t->m->files[i].size, &first, &count, &skip);
    return count;
}

static int compare_offset(const void *a, const void *b, void *user)
{
    const struct manifest *m = user;
    uint64_t x = m->files[*(const uint32_t *)a].offset;
    uint64_t y = m->files[*(const uint32_t *)b].offset;

    return (x > y) - (x < y);
}

static int sort_files(struct target *t, struct err *e)
{
    const struct manifest *m = t->m;

    t->files = calloc(m->file_count + 1u, sizeof *t->files);
    t->by_offset = calloc(m->file_count + 1u, sizeof *t->by_offset);
    t->media_file = calloc(m->stream_count + 1u, sizeof *t->media_file);
    if (t->files == NULL || t->by_offset == NULL || t->media_file == NULL)
        return err_set(e, ERR_NOMEM, "target");
    t->text_stream = UINT32_MAX;
    for (uint32_t i = 0; i < m->stream_count; i++) {
        t->media_file[i] = UINT32_MAX;
        if (m->streams[i].profile == STREAM_TEXT)
            t->text_stream = i;
    }
    if (t->text_stream != UINT32_MAX)
        t->came = calloc(m->streams[t->text_stream].chunk_count / 8u + 1u, 1);
    for (uint32_t i = 0; i < m->file_count; i++) {
        const struct manifest_file *f = &m->files[i];

        t->files[i].fd = -1;
        if (f->size == 0)
            continue;
        if (f->stream == t->text_stream) {
            t->files[i].missing = slots_of(t, i);
            t->by_offset[t->text_count++] = i;
        } else if (f->size == m->streams[f->stream].bytes) {
            t->media_file[f->stream] = i;
        }
    }
    qsort_r(t->by_offset, t->text_count, sizeof *t->by_offset, compare_offset,
            (void *)(uintptr_t)m);
    return 0;
}

static int open_root(struct target *t, const char *dir, struct err *e)
{
    char cwd[2048] = "";
    int rc;

    if (dir[0] != '/' && getcwd(cwd, sizeof cwd) == NULL)
        return err_errno(e, errno, "current folder");
    if (asprintf(&t->dir, "%s%s%s", cwd, cwd[0] ? "/" : "", dir) < 0)
        return err_set(e, ERR_NOMEM, "target");
    rc = make_dirs(t->dir, e);
    if (rc != 0)
        return rc;
    t->root = open(t->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (t->root < 0)
        return err_errno(e, errno, "open folder '%s'", t->dir);
    t->was_empty = is_empty_dir(t->dir);
    return 0;
}

/* Chunks of the edition before may still be on their way to the folder. */
static void take_over(struct target *t, const struct target *before)
{
    for (uint32_t i = 0; i < t->m->file_count; i++) {
        struct target_file *tf = &t->files[i];

        tf->ours = t->m->files[i].stream == t->text_stream &&
                   manifest_find(before->m, t->m->files[i].path) >= 0;
        tf->replace = tf->ours;
    }
}

int target_open(struct store *s, const char *home, const char *dir,
                const struct record_id *edition, const struct manifest *m,
                const struct target *before, struct target **out, struct err *e)
{
    struct target *t = calloc(1, sizeof *t);
    int rc;

    if (t == NULL)
        return err_set(e, ERR_NOMEM, "target");
    t->s = s;
    t->m = m;
    t->root = -1;
    (void)pthread_mutex_init(&t->mutex, NULL);
    t->umask_ = umask(022); /* only to read it: no thread of ours sets it */
    (void)umask(t->umask_);
    rc = asprintf(&t->partial, "%s/partial/%s", home,
                  record_id_hex(edition).s) < 0
             ? err_set(e, ERR_NOMEM, "target")
             : make_dirs(t->partial, e);
    if (rc == 0)
        rc = open_root(t, dir, e);
    if (rc == 0)
        rc = sort_files(t, e);
    if (rc == 0)
        rc = read_mark(t, e);
    if (rc == 0 && before != NULL && before->was_empty)
        take_over(t, before);
    for (uint32_t i = 0; i < m->file_count && rc == 0; i++)
        rc = look(t, i, e);
    t->was_empty |= rc == 0 && before != NULL && before->was_empty;
    for (uint32_t i = 0; i < m->stream_count && rc == 0; i++)
        if (t->media_file[i] != UINT32_MAX &&
            t->files[t->media_file[i]].state == FILE_PENDING)
            rc = open_partial(t, t->media_file[i], e);
    if (rc != 0) {
        target_close(t);
        return rc;
    }
    *out = t;
    return 0;
}

void target_close(struct target *t)
{
    if (t == NULL)
        return;
    for (uint32_t i = 0; t->files != NULL && i < t->m->file_count; i++)
        if (t->files[i].fd >= 0)
            (void)close(t->files[i].fd);
    if (t->root >= 0)
        (void)close(t->root);
    (void)pthread_mutex_destroy(&t->mutex);
    free(t->came);
    free(t->media_file);
    free(t->by_offset);
    free(t->files);
    free(t->partial);
    free(t->dir);
    free(t);
}

/* ---- small files
 * ------------------------------------------------------------------------ */

static mode_t mode_of(const struct target *t, uint32_t i)
{
    mode_t mode = (t->m->files[i].flags & FILE_FLAG_EXECUTABLE) ? 0777 : 0666;

    return mode & ~t->umask_;
}

static int open_new(struct target *t, uint32_t i)
{
    const char *path = t->m->files[i].path;
    int flags = O_WRONLY | O_CREAT | (t->files[i].replace ? O_TRUNC : O_EXCL);
    int fd = beneath_open(t->root, path, flags, mode_of(t, i));

    if (fd == -ENOENT && beneath_make_parents(t->root, path) == 0)
        fd = beneath_open(t->root, path, flags, mode_of(t, i));
    return fd;
}

static int open_failed(struct target *t, uint32_t i, int neg_errno,
                       struct err *e)
{
    if (neg_errno == -EEXIST)
        return conflict(t, t->m->files[i].path, e);
    if (neg_errno == -ELOOP || neg_errno == -EXDEV)
        return err_set(e, ERR_REFUSED, "'%s/%s' leads out of the folder",
                       t->dir, t->m->files[i].path);
    return err_errno(e, -neg_errno, "create '%s/%s'", t->dir,
                     t->m->files[i].path);
}

static void count_done(struct target *t, uint32_t i)
{
    (void)pthread_mutex_lock(&t->mutex);
    t->files[i].state = FILE_DONE;
    t->files_done++;
    t->bytes_done += t->m->files[i].size;
    (void)pthread_mutex_unlock(&t->mutex);
}

static int write_whole(struct target *t, uint32_t i, const uint8_t *bytes,
                       struct err *e)
{
    const struct manifest_file *f = &t->m->files[i];
    int fd = open_new(t, i);
    int rc;

    if (fd < 0)
        return open_failed(t, i, fd, e);
    rc = file_io_write(fd, bytes, f->size, 0, e);
    if (rc != 0 && ftruncate(fd, 0) != 0)
        err_wrap(e, "and a torn file stays");
    (void)close(fd);
    if (rc == 0)
        count_done(t, i);
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

/* From the store: a file that spans chunks, or whose chunk came before us. The
 * store is asked first, so that no file is begun that cannot be ended. */
static int write_from_store(struct target *t, uint32_t i, struct err *e)
{
    const struct manifest_file *f = &t->m->files[i];
    struct piece_writer w = {.e = e};
    uint32_t first;
    uint32_t count;
    uint32_t skip;
    int rc;

    manifest_slots_of(t->m, i, 0, f->size, &first, &count, &skip);
    for (uint32_t k = 0; k < count; k++)
        if (!store_has(t->s, &t->m->table.refs[first + k].id))
            return ERR_PARTIAL;
    w.fd = open_new(t, i);
    if (w.fd < 0)
        return open_failed(t, i, w.fd, e);
    rc = export_read(t->s, t->m, i, 0, f->size, write_piece, &w, e);
    if (rc != 0 && ftruncate(w.fd, 0) != 0)
        err_wrap(e, "and a torn file stays");
    (void)close(w.fd);
    if (rc == ERR_CORRUPT || rc == ERR_NOT_FOUND) {
        const char *name;
        int parent = beneath_parent(t->root, f->path, &name);

        if (parent >= 0) {
            (void)unlinkat(parent, name, 0); /* ours, and empty */
            (void)close(parent);
        }
        return ERR_PARTIAL;
    }
    if (rc == 0)
        count_done(t, i);
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
            rc = write_from_store(t, i, e);
        if (rc == ERR_PARTIAL)
            rc = 0; /* target_finish comes back to it */
    }
    return rc;
}

/* ---- as chunks come
 * ------------------------------------------------------------------------ */

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

/* ---- the end
 * --------------------------------------------------------------------------------
 */

void target_watch(struct target *t, const _Atomic bool *stop)
{
    t->stop = stop;
}

static int go_on(const struct target *t, struct err *e)
{
    if (t->stop == NULL || !atomic_load(t->stop))
        return 0;
    return err_set(e, ERR_INTERRUPTED, "interrupted; what is written stays");
}

struct filler {
    struct target *t;
    uint8_t *stored, *raw;
    struct codec *codec;
};

/* Bytes that do not lie in the partial yet come from wherever the store has
 * them. */
static int fill_partial(struct filler *f, uint32_t i, struct err *e)
{
    struct target *t = f->t;
    const struct manifest_stream *s = &t->m->streams[t->m->files[i].stream];
    int rc = 0;

    for (uint32_t k = 0; k < s->chunk_count && rc == 0; k++) {
        uint32_t slot = s->first_slot + k;
        const struct chunk_ref *ref = &t->m->table.refs[slot];
        uint64_t at = manifest_slot_offset(t->m, slot);

        if (store_lies_at(t->s, &ref->id, t->files[i].store_file, at))
            continue;
        rc = go_on(t, e);
        if (rc != 0)
            return rc;
        rc = store_read(t->s, &ref->id, f->stored, CHUNK_RAW_MAX, NULL, NULL);
        if (rc != 0)
            return ERR_PARTIAL;
        rc = codec_decode(f->codec, f->stored, ref->stored_len, ref->flags,
                          f->raw, ref->raw_len, e);
        if (rc == 0)
            rc = file_io_write(t->files[i].fd, f->raw, ref->raw_len, at, e);
    }
    return rc;
}

static int copy_over(struct target *t, uint32_t i, int parent, const char *name,
                     struct err *e)
{
    char tmp[64];
    uint8_t *bytes = malloc(COPY_BYTES);
    uint64_t size = t->m->files[i].size;
    int fd;
    int rc = bytes != NULL ? 0 : err_set(e, ERR_NOMEM, "copy");

    (void)snprintf(tmp, sizeof tmp, ".lyceum-%06u.tmp", i);
    (void)unlinkat(parent, tmp, 0);
    fd = openat(parent, tmp,
                O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (rc == 0 && fd < 0)
        rc = err_errno(e, errno, "create a file in '%s'", t->dir);
    for (uint64_t at = 0; at < size && rc == 0;) {
        size_t n = size - at < COPY_BYTES ? (size_t)(size - at) : COPY_BYTES;

        rc = file_io_read(t->files[i].fd, bytes, n, at, e);
        if (rc == 0)
            rc = file_io_write(fd, bytes, n, at, e);
        at += n;
    }
    if (rc == 0 && fchmod(fd, mode_of(t, i)) != 0)
        rc = err_errno(e, errno, "mode of '%s'", name);
    if (rc == 0 && renameat2(parent, tmp, parent, name, RENAME_NOREPLACE) != 0)
        rc = errno == EEXIST ? conflict(t, t->m->files[i].path, e)
                             : err_errno(e, errno, "rename to '%s'", name);
    if (rc != 0 && fd >= 0)
        (void)unlinkat(parent, tmp, 0);
    if (fd >= 0)
        (void)close(fd);
    free(bytes);
    return rc;
}

static int put_in_place(struct target *t, uint32_t i, struct err *e)
{
    const char *path = t->m->files[i].path;
    char partial[4200];
    char full[8300];
    const char *name;
    int parent = beneath_parent(t->root, path, &name);
    int rc = 0;

    if (parent < 0)
        return open_failed(t, i, parent, e);
    (void)snprintf(partial, sizeof partial, "%s/%06u", t->partial, i);
    if (fchmod(t->files[i].fd, mode_of(t, i)) != 0)
        rc = err_errno(e, errno, "mode of '%s'", partial);
    if (rc == 0 &&
        renameat2(AT_FDCWD, partial, parent, name, RENAME_NOREPLACE) != 0) {
        if (errno == EXDEV || errno == EINVAL) {
            rc = copy_over(t, i, parent, name, e);
            if (rc == 0)
                (void)unlink(partial);
        } else {
            rc = errno == EEXIST
                     ? conflict(t, path, e)
                     : err_errno(e, errno, "put '%s' in place", path);
        }
    }
    (void)close(parent);
    (void)snprintf(full, sizeof full, "%s/%s", t->dir, path);
    if (rc == 0)
        rc = store_file_settle(t->s, t->files[i].store_file, full, e);
    if (rc == 0) {
        (void)close(t->files[i].fd);
        t->files[i].fd = -1;
        count_done(t, i);
    }
    return rc;
}

/* A file of the right size was there: ours from before, or somebody's. */
static int settle_there(struct target *t, uint32_t i, struct err *e)
{
    int fd =
        beneath_open(t->root, t->m->files[i].path, O_RDONLY | O_NONBLOCK, 0);
    int rc;

    if (fd < 0)
        return open_failed(t, i, fd, e);
    rc = export__compare_file(t->s, t->m, i, fd);
    (void)close(fd);
    if (rc == 0)
        count_done(t, i);
    else if (rc == ERR_CONFLICT && t->files[i].ours) {
        t->files[i].replace = true;
        rc = write_from_store(t, i, e);
    } else if (rc == ERR_CONFLICT)
        rc = conflict(t, t->m->files[i].path, e);
    else if (rc == ERR_NOT_FOUND || rc == ERR_CORRUPT)
        rc = ERR_PARTIAL;
    return rc;
}

static int settle_again(struct target *t, uint32_t i, struct err *e)
{
    (void)pthread_mutex_lock(&t->mutex);
    t->files_done--;
    t->bytes_done -= t->m->files[i].size;
    (void)pthread_mutex_unlock(&t->mutex);
    return settle_there(t, i, e);
}

static int finish_file(struct filler *f, uint32_t i, struct err *e)
{
    struct target *t = f->t;
    int rc = 0;

    switch (t->files[i].state) {
    case FILE_PENDING:
        return write_from_store(t, i, e);
    case FILE_PARTIAL:
        rc = fill_partial(f, i, e);
        return rc == 0 ? put_in_place(t, i, e) : rc;
    case FILE_THERE:
        return settle_there(t, i, e);
    case FILE_DONE: /* unless the edition before came later with its own */
        return t->files[i].ours ? settle_again(t, i, e) : 0;
    }
    return rc;
}

static void clean_partials(struct target *t)
{
    char path[4200];

    (void)snprintf(path, sizeof path, "%s/target", t->partial);
    (void)unlink(path);
    (void)rmdir(t->partial);
}

int target_finish(struct target *t, struct err *e)
{
    struct filler f = {.t = t,
                       .stored = malloc(CHUNK_RAW_MAX),
                       .raw = malloc(CHUNK_RAW_MAX),
                       .codec = codec_new()};
    bool partial = false;
    int rc = f.stored != NULL && f.raw != NULL && f.codec != NULL
                 ? 0
                 : err_set(e, ERR_NOMEM, "finish");

    for (uint32_t i = 0; i < t->m->file_count && rc == 0; i++) {
        rc = go_on(t, e);
        if (rc == 0)
            rc = finish_file(&f, i, e);
        partial |= rc == ERR_PARTIAL;
        rc = rc == ERR_PARTIAL ? 0 : rc;
    }
    for (uint32_t i = 0; i < t->m->dir_count && rc == 0; i++) {
        int made = beneath_make_dir(t->root, t->m->dirs[i]);

        if (made != 0)
            rc = err_errno(e, -made, "make folder '%s/%s'", t->dir,
                           t->m->dirs[i]);
    }
    codec_free(f.codec);
    free(f.raw);
    free(f.stored);
    if (rc == 0 && partial)
        return err_set(e, ERR_PARTIAL, "some chunks are not here");
    if (rc == 0)
        clean_partials(t);
    return rc;
}

void target_progress(struct target *t, struct target_progress *out)
{
    (void)pthread_mutex_lock(&t->mutex);
    out->files_done = t->files_done;
    out->bytes_done = t->bytes_done;
    (void)pthread_mutex_unlock(&t->mutex);
}
