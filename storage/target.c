#include "storage/target_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "storage/disk.h"
#include "storage/export_internal.h"
#include "storage/file_io.h"
#include "storage/partials.h"

#define MARK_MAX 8192

int target__conflict(const struct target *t, const char *path, struct err *e)
{
    int rc = err_set(e, ERR_CONFLICT,
                     "'%s/%s' is there already and is not this course's",
                     t->dir, path);

    err_hint(e, "choose another folder, or move that file away");
    return rc;
}

int target__open_failed(const struct target *t, const char *path, int neg_errno,
                        struct err *e)
{
    if (neg_errno == -EEXIST || neg_errno == -ENOTDIR || neg_errno == -EISDIR)
        return target__conflict(t, path, e);
    if (neg_errno == -ELOOP || neg_errno == -EXDEV)
        return err_set(e, ERR_REFUSED,
                       "'%s/%s' leads out of the folder by a link", t->dir,
                       path);
    return err_errno(e, -neg_errno, "open '%s/%s'", t->dir, path);
}

mode_t target__mode(const struct target *t, uint32_t i)
{
    mode_t mode = (t->m->files[i].flags & FILE_FLAG_EXECUTABLE) ? 0777 : 0666;

    return mode & ~t->umask_;
}

bool target__is_media(const struct target *t, uint32_t i)
{
    const struct manifest_file *f = &t->m->files[i];

    return f->size != 0 && t->media_file[f->stream] == i;
}

void target__full_path(const struct target *t, const char *path, char *out)
{
    (void)snprintf(out, TARGET_PATH_MAX, "%s/%s", t->dir, path);
}

void target__partial_path(const struct target *t, uint32_t i, char *out,
                          size_t cap)
{
    (void)snprintf(out, cap, "%s/%06u", t->partial, i);
}

void target__taken_path(const struct target *t, uint32_t i, char *out,
                        size_t cap)
{
    (void)snprintf(out, cap, "%s/%06u.taken", t->partial, i);
}

void target__path(const struct target *t, uint32_t i, char *out, size_t cap)
{
    if (t->files[i].taken)
        target__taken_path(t, i, out, cap);
    else
        target__partial_path(t, i, out, cap);
}

void target__count_done(struct target *t, uint32_t i)
{
    (void)pthread_mutex_lock(&t->mutex);
    t->files[i].state = FILE_DONE;
    t->files_done++;
    t->bytes_done += t->m->files[i].size;
    (void)pthread_mutex_unlock(&t->mutex);
}

int target__go_on(const struct target *t, struct err *e)
{
    if (t->stop == NULL || !atomic_load(t->stop))
        return 0;
    return err_set(e, ERR_INTERRUPTED, "interrupted; what is written stays");
}

/* ---- opening --------------------------------------------------------------
 */

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
        if (disk_mkdir(part, 0777) != 0 && errno != EEXIST)
            return err_errno(e, errno, "make folder '%s'", part);
        *p = was;
        if (was == '\0')
            return 0;
    }
}

static bool is_empty_dir(const char *path)
{
    struct disk_dir *dir = disk_dir_open(path);
    const char *d;
    bool empty = dir != NULL;

    while (empty && (d = disk_dir_next(dir)) != NULL)
        empty = strcmp(d, ".") == 0 || strcmp(d, "..") == 0;
    if (dir != NULL)
        disk_dir_close(dir);
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
    t->resumed = rc == 0 && text.len == n && memcmp(text.base, t->dir, n) == 0;
    buf_deinit(&text);
    return t->resumed ? 0 : file_io_save(path, t->dir, n, e);
}

static int open_partial(struct target *t, uint32_t i, struct err *e)
{
    const struct manifest_file *f = &t->m->files[i];
    struct target_file *tf = &t->files[i];
    char path[4200];
    uint64_t done;
    bool was_there;
    int rc = 0;

    if (!target__find_taken(t, i))
        target__plan_patch(t, i);
    target__path(t, i, path, sizeof path);
    was_there = disk_access(path, F_OK) == 0;
    tf->store_file = store_file_find(t->s, path);
    if (!was_there &&
        tf->store_file != 0) /* its name was lost at a power cut */
        rc = store_file_lost(t->s, tf->store_file, e);
    if (rc != 0)
        return rc;
    tf->fd = disk_open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (tf->fd < 0)
        return err_errno(e, errno, "make '%s'", path);
    if (tf->old == 0) /* else it holds only what does not stay */
        rc = file_io_allocate(tf->fd, f->size, e);
    if (rc != 0) {
        err_wrap(e, "make '%s'", path);
        return rc;
    }
    if (was_there && tf->store_file == 0) /* by an older index */
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
    if (t->text_stream != UINT32_MAX && t->came == NULL)
        return err_set(e, ERR_NOMEM, "target");
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
    int rc = make_dirs(dir, e);

    if (rc != 0)
        return rc;
    t->dir = disk_realpath(dir);
    if (t->dir == NULL)
        return err_errno(e, errno, "open folder '%s'", dir);
    t->root = disk_open(t->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
    if (t->root < 0)
        return err_errno(e, errno, "open folder '%s'", t->dir);
    t->was_empty = is_empty_dir(t->dir);
    return 0;
}

/* A partial whose name is lost at a power cut comes back empty, while the index
 * still says what lay in it: names first, then chunks. */
static int sync_partials(const struct target *t, const char *home,
                         struct err *e)
{
    int rc = file_io_sync_dir(t->partial, e);

    if (rc == 0)
        rc = file_io_sync_parent(t->partial, e);
    return rc == 0 ? file_io_sync_dir(home, e) : rc;
}

static int open_all(struct target *t, const struct target_options *opt,
                    struct err *e)
{
    int rc;

    t->partial = partials_path(opt->home, &opt->edition);
    rc = t->partial != NULL ? partials_open(t->partial, &t->partial_fd, e)
                            : err_set(e, ERR_NOMEM, "target");
    if (rc == 0)
        rc = open_root(t, opt->dir, e);
    if (rc == 0)
        rc = sort_files(t, e);
    if (rc == 0)
        rc = read_mark(t, e);
    for (uint32_t i = 0; i < t->m->file_count && rc == 0; i++)
        rc = target__look(t, i, e);
    for (uint32_t i = 0; i < t->m->file_count && rc == 0; i++)
        if (t->files[i].state == FILE_PENDING && target__is_media(t, i))
            rc = open_partial(t, i, e);
    return rc == 0 ? sync_partials(t, opt->home, e) : rc;
}

int target_open(struct store *s, const struct target_options *opt,
                struct target **out, struct err *e)
{
    struct target *t = calloc(1, sizeof *t);
    int rc;

    if (t == NULL)
        return err_set(e, ERR_NOMEM, "target");
    t->s = s;
    t->m = opt->m;
    t->seq = opt->seq;
    t->keeps = opt->keeps;
    t->known = opt->known;
    t->unfinished = opt->unfinished;
    t->before_count = opt->before_count;
    memcpy(t->before, opt->before, sizeof t->before);
    t->root = -1;
    t->partial_fd = -1;
    (void)pthread_mutex_init(&t->mutex, NULL);
    t->umask_ = umask(022); /* only to read it: no thread of ours sets it */
    (void)umask(t->umask_);
    rc = open_all(t, opt, e);
    if (rc != 0) {
        target_close(t);
        return rc;
    }
    *out = t;
    return 0;
}

static void close_files(struct target *t)
{
    for (uint32_t i = 0; t->files != NULL && i < t->m->file_count; i++) {
        if (t->files[i].fd >= 0)
            (void)disk_close(t->files[i].fd);
        t->files[i].fd = -1;
    }
}

void target_close(struct target *t)
{
    if (t == NULL)
        return;
    close_files(t);
    if (t->root >= 0)
        (void)disk_close(t->root);
    if (t->partial_fd >= 0)
        (void)disk_close(t->partial_fd);
    (void)pthread_mutex_destroy(&t->mutex);
    for (size_t i = 0; i < t->kept_count; i++) {
        free(t->kept[i].path);
        free(t->kept[i].beside);
    }
    free(t->kept);
    free(t->came);
    free(t->media_file);
    free(t->by_offset);
    free(t->files);
    free(t->partial);
    free(t->dir);
    free(t);
}

void target_discard(struct target *t)
{
    char path[TARGET_PATH_MAX];

    if (t == NULL)
        return;
    close_files(t);
    for (uint32_t i = 0; i < t->m->file_count; i++) {
        if (t->files[i].state != FILE_PARTIAL)
            continue;
        target__path(t, i, path, sizeof path);
        if (store_file_drop(t->s, t->files[i].store_file, NULL) == 0)
            (void)disk_unlink(path);
        if (t->files[i].taken)
            (void)target__drop_aside(t, i, NULL);
    }
    (void)snprintf(path, sizeof path, "%s/target", t->partial);
    (void)disk_unlink(path);
    (void)disk_rmdir(t->partial);
    target_close(t);
}

/* ---- how it goes ----------------------------------------------------------
 */

void target_watch(struct target *t, const _Atomic bool *stop)
{
    t->stop = stop;
}

void target_progress(struct target *t, struct target_progress *out)
{
    (void)pthread_mutex_lock(&t->mutex);
    out->files_done = t->files_done;
    out->bytes_done = t->bytes_done;
    (void)pthread_mutex_unlock(&t->mutex);
}

void target_each_kept(const struct target *t, target_kept_fn *fn, void *user)
{
    for (size_t i = 0; i < t->kept_count; i++)
        fn(user, t->kept[i].path, t->kept[i].beside);
}
