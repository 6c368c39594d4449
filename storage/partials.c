#include "storage/partials.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "crypto/base/hex.h"
#include "storage/disk.h"

#define PATH_MAX_ 4200

char *partials_path(const char *home, const struct record_id *edition)
{
    char *path = NULL;

    return asprintf(&path, "%s/partial/%s", home, record_id_hex(edition).s) < 0
               ? NULL
               : path;
}

static int make(const char *path, struct err *e)
{
    char above[PATH_MAX_];
    char *slash;

    (void)snprintf(above, sizeof above, "%s", path);
    slash = strrchr(above, '/');
    if (slash != NULL)
        *slash = '\0';
    if ((disk_mkdir(above, 0700) != 0 && errno != EEXIST) ||
        (disk_mkdir(path, 0700) != 0 && errno != EEXIST))
        return err_errno(e, errno, "make folder '%s'", path);
    return 0;
}

/* A sweep may have removed it before it was locked. */
static bool is_gone(int fd)
{
    struct stat st;

    return disk_fstat(fd, &st) == 0 && st.st_nlink == 0;
}

int partials_open(const char *path, int *out_fd, struct err *e)
{
    int fd = -1;
    int rc;

    do {
        if (fd >= 0)
            (void)disk_close(fd);
        rc = make(path, e);
        if (rc != 0)
            return rc;
        fd =
            disk_open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW, 0);
        if (fd < 0 && errno == ENOENT)
            continue;
        if (fd < 0 || disk_flock(fd, LOCK_SH) != 0) {
            rc = err_errno(e, errno, "open folder '%s'", path);
            if (fd >= 0)
                (void)disk_close(fd);
            return rc;
        }
    } while (fd < 0 || is_gone(fd));
    *out_fd = fd;
    return 0;
}

/* ---- what nobody comes back for --------------------------------------------
 */

struct sweep {
    struct store *s;
    store_live_fn *live;
    void *user;
    uint64_t bytes;
    struct err *e;
};

static bool is_dead(void *user, const struct chunk_id *id, uint64_t offset)
{
    const struct sweep *w = user;

    (void)offset;
    return !w->live(w->user, id);
}

static int sweep_file(struct sweep *w, int dir, const char *path,
                      const char *name)
{
    char full[PATH_MAX_ + 300];
    struct stat st;
    uint32_t no;
    int rc = 0;

    (void)snprintf(full, sizeof full, "%s/%s", path, name);
    no = store_file_find(w->s, full);
    if (no != 0)
        rc = store_file_rescue(w->s, no, is_dead, w, w->e);
    if (rc == 0 && no != 0)
        rc = store_file_drop(w->s, no, w->e);
    if (rc != 0)
        return rc;
    if (disk_fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0)
        w->bytes += (uint64_t)st.st_blocks * 512;
    return disk_unlinkat(dir, name, 0) == 0
               ? 0
               : err_errno(w->e, errno, "remove '%s'", full);
}

static bool is_dot(const char *name)
{
    return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

static int sweep_files(struct sweep *w, int fd, struct disk_dir *dir,
                       const char *path)
{
    const char *name;
    int rc = 0;

    if (disk_flock(fd, LOCK_EX | LOCK_NB) != 0)
        return 0; /* somebody is at it */
    while (rc == 0 && (name = disk_dir_next(dir)) != NULL)
        if (!is_dot(name))
            rc = sweep_file(w, fd, path, name);
    if (rc == 0 && disk_rmdir(path) != 0)
        rc = err_errno(w->e, errno, "remove '%s'", path);
    return rc;
}

static int sweep_folder(struct sweep *w, const char *path)
{
    int fd =
        disk_open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW, 0);
    struct disk_dir *dir = fd >= 0 ? disk_dir_take(fd) : NULL;
    int rc;

    if (dir == NULL) {
        rc = err_errno(w->e, errno, "open folder '%s'", path);
        if (fd >= 0)
            (void)disk_close(fd);
        return rc;
    }
    rc = sweep_files(w, fd, dir, path);
    disk_dir_close(dir);
    return rc;
}

int partials_sweep(struct store *s, const char *home,
                   partials_needed_fn *needed, store_live_fn *live, void *user,
                   uint64_t *out_bytes, struct err *e)
{
    struct sweep w = {.s = s, .live = live, .user = user, .e = e};
    char path[PATH_MAX_];
    struct record_id id;
    const char *name;
    struct disk_dir *dir;
    int rc = 0;

    (void)snprintf(path, sizeof path, "%s/partial", home);
    dir = disk_dir_open(path);
    while (dir != NULL && rc == 0 && (name = disk_dir_next(dir)) != NULL) {
        if (strlen(name) != 2 * sizeof id.b ||
            hex_decode(name, strlen(name), id.b, sizeof id.b) != 0 ||
            needed(user, &id))
            continue;
        (void)snprintf(path, sizeof path, "%s/partial/%s", home, name);
        rc = sweep_folder(&w, path);
    }
    if (dir != NULL)
        disk_dir_close(dir);
    *out_bytes = w.bytes;
    return rc;
}
