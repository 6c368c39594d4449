/* target_replace: files come to their places, whatever stands there. What an
 * edition before has put there goes, when it is still as that has it; what the
 * user has changed stays. */
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
#include "storage/file_io.h"
#include "storage/path_rules.h"

#define COPY_BYTES (1024u * 1024u)

/* ---- from the home to the folder -------------------------------------------
 */

static int copy_over(struct target *t, uint32_t i, int parent, const char *name,
                     unsigned flags, struct err *e)
{
    char tmp[64];
    uint8_t *bytes = malloc(COPY_BYTES);
    struct stat st;
    uint64_t size = t->m->files[i].size;
    int fd;
    int rc = bytes != NULL ? 0 : err_set(e, ERR_NOMEM, "copy");

    (void)snprintf(tmp, sizeof tmp, ".lyceum-%06u.tmp", i);
    (void)disk_unlinkat(parent, tmp, 0);
    fd =
        disk_openat(parent, tmp,
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
    if (rc == 0 && disk_fchmod(fd, target__mode(t, i)) != 0)
        rc = err_errno(e, errno, "mode of '%s'", name);
    if (rc == 0 && disk_fstat(t->files[i].fd, &st) == 0) /* it is that file */
        (void)disk_futimens(fd, (struct timespec[2]){st.st_atim, st.st_mtim});
    if (rc == 0 && disk_renameat2(parent, tmp, parent, name, flags) != 0)
        rc = errno == EEXIST ? target__conflict(t, name, e)
                             : err_errno(e, errno, "rename to '%s'", name);
    if (rc != 0 && fd >= 0)
        (void)disk_unlinkat(parent, tmp, 0);
    if (fd >= 0)
        (void)disk_close(fd);
    free(bytes);
    return rc;
}

static int move_in(struct target *t, uint32_t i, const char *path,
                   unsigned flags, struct err *e)
{
    char partial[TARGET_PATH_MAX];
    char full[TARGET_PATH_MAX];
    const char *name;
    int parent = beneath_parent(t->root, path, &name);
    int rc = 0;

    if (parent < 0)
        return target__open_failed(t, path, parent, e);
    target__path(t, i, partial, sizeof partial);
    target__full_path(t, path, full);
    if (t->files[i].store_file != 0)
        rc = store_file_moving(t->s, t->files[i].store_file, full, e);
    if (rc != 0)
        ; /* as it was */
    else if (disk_fchmod(t->files[i].fd, target__mode(t, i)) != 0)
        rc = err_errno(e, errno, "mode of '%s'", partial);
    else if (disk_renameat2(AT_FDCWD, partial, parent, name, flags) == 0)
        rc = 0;
    else if (errno == EXDEV || errno == EINVAL) {
        rc = copy_over(t, i, parent, name, flags, e);
        if (rc == 0)
            (void)disk_unlink(partial);
    } else
        rc = errno == EEXIST || errno == EISDIR
                 ? target__conflict(t, path, e)
                 : err_errno(e, errno, "put '%s' in place", path);
    (void)disk_close(parent);
    return rc;
}

/* The partial lies at @path now. */
static int settle(struct target *t, uint32_t i, const char *path, struct err *e)
{
    struct target_file *tf = &t->files[i];
    char full[TARGET_PATH_MAX];
    int rc = 0;

    target__full_path(t, path, full);
    if (tf->store_file != 0)
        rc = store_file_settle(t->s, tf->store_file, full, e);
    (void)disk_close(tf->fd);
    tf->fd = -1;
    if (rc == 0 && tf->taken)
        rc = target__drop_aside(t, i, e);
    if (rc == 0)
        target__count_done(t, i);
    return rc;
}

int target__put_back(struct target *t, uint32_t i, struct err *e)
{
    const char *path = t->m->files[i].path;
    char full[TARGET_PATH_MAX];
    int rc = move_in(t, i, path, RENAME_NOREPLACE, e);

    target__full_path(t, path, full);
    return rc == 0 ? store_file_settle(t->s, t->files[i].store_file, full, e)
                   : rc;
}

/* For a file that was not filled as chunks came. */
static int make_partial(struct target *t, uint32_t i, struct err *e)
{
    char path[TARGET_PATH_MAX];
    int fd;
    int rc;

    target__partial_path(t, i, path, sizeof path);
    (void)disk_unlink(path);
    fd = disk_open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW,
                   0600);
    if (fd < 0)
        return err_errno(e, errno, "make '%s'", path);
    rc = target__copy_out(t, i, fd, e);
    if (rc == 0) {
        t->files[i].fd = fd;
        return 0;
    }
    (void)disk_close(fd);
    (void)disk_unlink(path);
    return rc;
}

/* ---- what was there ---------------------------------------------------------
 */

/* The old file is about to go. Its chunks that no new file has taken over are
 * the edition's before: kept in a pack, unless there is no room for that. */
static int retire(struct target *t, const char *path, uint32_t *out_old,
                  struct err *e)
{
    char full[TARGET_PATH_MAX];
    struct err full_disk = ERR_INIT;
    int rc;

    target__full_path(t, path, full);
    *out_old = store_file_find(t->s, full);
    if (*out_old == 0)
        return 0;
    rc = store_file_rescue(t->s, *out_old, NULL, NULL, &full_disk);
    if (rc != 0 && rc != ERR_NO_SPACE && e != NULL)
        *e = full_disk;
    return rc == ERR_NO_SPACE ? 0 : rc;
}

static int forget(struct target *t, uint32_t old, struct err *e)
{
    return old != 0 ? store_file_drop(t->s, old, e) : 0;
}

static int note_kept(struct target *t, const char *path, const char *beside,
                     struct err *e)
{
    struct kept *grown =
        realloc(t->kept, (t->kept_count + 1) * sizeof *t->kept);
    struct kept k = {strdup(path), beside != NULL ? strdup(beside) : NULL};

    if (grown != NULL)
        t->kept = grown;
    if (grown == NULL || k.path == NULL ||
        (beside != NULL && k.beside == NULL)) {
        free(k.path);
        free(k.beside);
        return err_set(e, ERR_NOMEM, "target");
    }
    t->kept[t->kept_count++] = k;
    return 0;
}

/* NAME.edition-N, with as much of NAME as fits. */
static void name_beside(const struct target *t, const char *path, char *out)
{
    const char *slash = strrchr(path, '/');
    size_t dir = slash != NULL ? (size_t)(slash - path) + 1 : 0;
    size_t name = strlen(path) - dir;
    char suffix[40];
    size_t room;

    (void)snprintf(suffix, sizeof suffix, ".edition-%llu",
                   (unsigned long long)t->seq);
    room = PATH_NAME_MAX - strlen(suffix);
    if (name > room)
        for (name = room; ((uint8_t)path[dir + name] & 0xC0) == 0x80; name--)
            ;
    memcpy(out, path, dir + name);
    memcpy(out + dir + name, suffix, strlen(suffix) + 1);
}

static int put_beside(struct target *t, uint32_t i, struct err *e)
{
    const char *path = t->m->files[i].path;
    char beside[PATH_BYTES_MAX + 48];
    struct err there = ERR_INIT;
    int rc;

    name_beside(t, path, beside);
    rc = move_in(t, i, beside, RENAME_NOREPLACE, &there);
    if (rc == 0)
        rc = settle(t, i, beside, e);
    else if (rc == ERR_CONFLICT) { /* of an earlier run: the user's by now */
        target__count_done(t, i);
        rc = 0;
    } else if (e != NULL)
        *e = there;
    return rc != 0 ? rc : note_kept(t, path, beside, e);
}

/* ---- one file
 * ----------------------------------------------------------------- */

static int keep_as_it_is(struct target *t, uint32_t i, struct err *e)
{
    int fd =
        beneath_open(t->root, t->m->files[i].path, O_RDONLY | O_NONBLOCK, 0);
    struct stat st;

    if (fd < 0)
        return target__open_failed(t, t->m->files[i].path, fd, e);
    if (disk_fstat(fd, &st) == 0 &&
        (st.st_mode & 0100) != (target__mode(t, i) & 0100))
        (void)disk_fchmod(fd,
                          target__mode(t, i)); /* theirs on a foreign disk */
    (void)disk_close(fd);
    target__count_done(t, i);
    return 0;
}

static int replace(struct target *t, uint32_t i, struct err *e)
{
    const char *path = t->m->files[i].path;
    uint32_t old = 0;
    int rc = retire(t, path, &old, e);

    if (rc == 0)
        rc = move_in(t, i, path, 0, e);
    if (rc == 0)
        rc = forget(t, old, e);
    return rc == 0 ? settle(t, i, path, e) : rc;
}

int target__put(struct target *t, uint32_t i, struct err *e)
{
    const char *path = t->m->files[i].path;
    bool partial = t->files[i].state == FILE_PARTIAL;
    enum standing is;
    int rc = target__stands(t, path, i, &is, e);

    if (rc != 0)
        return rc;
    if (is == STANDS_SAME && !partial)
        return keep_as_it_is(t, i, e);
    if (is == STANDS_FOREIGN && !t->known)
        return target__conflict(t, path, e);
    if (is == STANDS_FOREIGN && target__same_as_before(t, i)) {
        target__count_done(t, i); /* edited, and no news for it */
        return 0;
    }
    if (is == STANDS_NOTHING && !partial)
        return target__write_new(t, i, e);
    if (!partial)
        rc = make_partial(t, i, e);
    if (rc != 0)
        return rc;
    if (is == STANDS_FOREIGN)
        return put_beside(t, i, e);
    if (is != STANDS_NOTHING)
        return replace(t, i, e);
    rc = move_in(t, i, path, RENAME_NOREPLACE, e);
    return rc == 0 ? settle(t, i, path, e) : rc;
}

/* ---- files that are in no edition any more
 * ------------------------------------ */

/* As unlinkat(2), below the folder. Return: 0 or -errno. */
static int unlink_beneath(const struct target *t, const char *path, int flags)
{
    char dir[PATH_BYTES_MAX + 1];
    const char *slash = strrchr(path, '/');
    int parent = t->root;
    int rc;

    if (slash != NULL) {
        (void)snprintf(dir, sizeof dir, "%.*s", (int)(slash - path), path);
        parent = beneath_open(t->root, dir, O_PATH | O_DIRECTORY, 0);
        if (parent < 0)
            return parent;
    }
    rc = disk_unlinkat(parent, slash != NULL ? slash + 1 : path, flags);
    rc = rc != 0 ? -errno : 0;
    if (parent != t->root)
        (void)disk_close(parent);
    return rc;
}

static int remove_file(struct target *t, const char *path, struct err *e)
{
    uint32_t old = 0;
    int rc = retire(t, path, &old, e);

    if (rc != 0)
        return rc;
    rc = unlink_beneath(t, path, 0);
    if (rc != 0 && rc != -ENOENT)
        return err_errno(e, -rc, "remove '%s/%s'", t->dir, path);
    return forget(t, old, e);
}

/* Folders that are empty now, up to the root; others refuse to go. */
static void remove_dirs(struct target *t, const char *path)
{
    char part[PATH_BYTES_MAX + 1];
    char *slash = part;

    (void)snprintf(part, sizeof part, "%s", path);
    while (slash != NULL && unlink_beneath(t, part, AT_REMOVEDIR) == 0) {
        slash = strrchr(part, '/');
        if (slash != NULL)
            *slash = '\0';
    }
}

static int remove_one(struct target *t, const char *path, struct err *e)
{
    enum standing is;
    char *slash;
    char dir[PATH_BYTES_MAX + 1];
    int rc = target__stands(t, path, -1, &is, e);

    if (rc != 0 || is == STANDS_NOTHING)
        return rc;
    if (is != STANDS_BEFORE)
        return note_kept(t, path, NULL, e);
    rc = remove_file(t, path, e);
    (void)snprintf(dir, sizeof dir, "%s", path);
    slash = strrchr(dir, '/');
    if (rc == 0 && slash != NULL) {
        *slash = '\0';
        remove_dirs(t, dir);
    }
    return rc;
}

static bool is_listed(const struct target *t, const char *path)
{
    for (size_t i = 0; i < t->kept_count; i++)
        if (strcmp(t->kept[i].path, path) == 0)
            return true;
    return false;
}

int target__remove_old(struct target *t, struct err *e)
{
    int rc = 0;

    for (size_t k = 0; k < t->before_count; k++) {
        const struct manifest *b = t->before[k];

        for (uint32_t i = 0; i < b->file_count && rc == 0; i++)
            if (manifest_find(t->m, b->files[i].path) < 0 &&
                !is_listed(t, b->files[i].path))
                rc = remove_one(t, b->files[i].path, e);
        for (uint32_t i = 0; i < b->dir_count && rc == 0; i++)
            remove_dirs(t, b->dirs[i]);
    }
    return rc;
}
