/* vdisk_sqlite: SQLite's files, over the same calls as everybody's. One process
 * is all there is: locks are always to be had, and there is no shared memory
 * (the index asks for EXCLUSIVE before WAL, which needs none). As the unix VFS:
 * powersafe overwrite, and the folder is synced with a log that is new. */
#include "simulations/vdisk_internal.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <sqlite3.h>

#include "storage/disk.h"

struct file {
    sqlite3_file base;
    int fd;
    bool new_name; /* its folder is to be synced with it */
    char path[512];
};

static struct {
    sqlite3_vfs vfs;
    struct vdisk *disk;
    bool registered;
} here;

/* ---- a file ----------------------------------------------------------------
 */

static int x_close(sqlite3_file *f)
{
    (void)disk_close(((struct file *)f)->fd);
    return SQLITE_OK;
}

static int x_read(sqlite3_file *f, void *p, int n, sqlite3_int64 at)
{
    uint8_t *to = p;

    while (n > 0) {
        ssize_t done =
            disk_pread(((struct file *)f)->fd, to, (size_t)n, (off_t)at);

        if (done < 0 && errno == EINTR)
            continue;
        if (done < 0)
            return SQLITE_IOERR_READ;
        if (done == 0) {
            memset(to, 0, (size_t)n);
            return SQLITE_IOERR_SHORT_READ;
        }
        to += done;
        at += done;
        n -= (int)done;
    }
    return SQLITE_OK;
}

static int x_write(sqlite3_file *f, const void *p, int n, sqlite3_int64 at)
{
    const uint8_t *from = p;

    while (n > 0) {
        struct iovec iov = {(void *)(uintptr_t)from, (size_t)n};
        ssize_t done = disk_pwritev(((struct file *)f)->fd, &iov, 1, (off_t)at);

        if (done < 0 && errno == EINTR)
            continue;
        if (done < 0)
            return errno == ENOSPC ? SQLITE_FULL : SQLITE_IOERR_WRITE;
        from += done;
        at += done;
        n -= (int)done;
    }
    return SQLITE_OK;
}

static int x_truncate(sqlite3_file *f, sqlite3_int64 size)
{
    return disk_ftruncate(((struct file *)f)->fd, (off_t)size) == 0
               ? SQLITE_OK
               : SQLITE_IOERR_TRUNCATE;
}

static int sync_folder_of(const char *path)
{
    char dir[512];
    char *slash;
    int fd;
    int rc;

    (void)snprintf(dir, sizeof dir, "%s", path);
    slash = strrchr(dir, '/');
    if (slash == NULL)
        return SQLITE_OK;
    slash[slash == dir] = '\0';
    fd = disk_open(dir, O_RDONLY | O_DIRECTORY, 0);
    if (fd < 0)
        return SQLITE_OK; /* as the unix VFS: not every system can */
    rc = disk_fsync(fd) == 0 ? SQLITE_OK : SQLITE_IOERR_DIR_FSYNC;
    (void)disk_close(fd);
    return rc;
}

static int x_sync(sqlite3_file *f, int flags)
{
    struct file *file = (struct file *)f;

    (void)flags;
    if (disk_fdatasync(file->fd) != 0)
        return SQLITE_IOERR_FSYNC;
    if (file->new_name) {
        file->new_name = false;
        (void)sync_folder_of(file->path);
    }
    return SQLITE_OK;
}

static int x_size(sqlite3_file *f, sqlite3_int64 *out)
{
    struct stat st;

    if (disk_fstat(((struct file *)f)->fd, &st) != 0)
        return SQLITE_IOERR_FSTAT;
    *out = st.st_size;
    return SQLITE_OK;
}

static int x_lock(sqlite3_file *f, int level)
{
    (void)f;
    (void)level;
    return SQLITE_OK;
}

static int x_reserved(sqlite3_file *f, int *out)
{
    (void)f;
    *out = 0;
    return SQLITE_OK;
}

static int x_control(sqlite3_file *f, int op, void *arg)
{
    (void)f;
    (void)op;
    (void)arg;
    return SQLITE_NOTFOUND;
}

static int x_sector(sqlite3_file *f)
{
    (void)f;
    return 4096;
}

static int x_device(sqlite3_file *f)
{
    (void)f;
    return SQLITE_IOCAP_POWERSAFE_OVERWRITE;
}

static const sqlite3_io_methods methods = {
    .iVersion = 1,
    .xClose = x_close,
    .xRead = x_read,
    .xWrite = x_write,
    .xTruncate = x_truncate,
    .xSync = x_sync,
    .xFileSize = x_size,
    .xLock = x_lock,
    .xUnlock = x_lock,
    .xCheckReservedLock = x_reserved,
    .xFileControl = x_control,
    .xSectorSize = x_sector,
    .xDeviceCharacteristics = x_device,
};

/* ---- the disk --------------------------------------------------------------
 */

static int x_open(sqlite3_vfs *v, const char *name, sqlite3_file *f, int flags,
                  int *out)
{
    struct file *file = (struct file *)f;
    int how = (flags & SQLITE_OPEN_READONLY) != 0 ? O_RDONLY : O_RDWR;
    struct stat st;

    (void)v;
    file->base.pMethods = NULL;
    if (name == NULL) /* temporary ones are in memory */
        return SQLITE_CANTOPEN;
    file->new_name =
        (flags & SQLITE_OPEN_CREATE) != 0 &&
        (flags & (SQLITE_OPEN_WAL | SQLITE_OPEN_MAIN_JOURNAL)) != 0 &&
        disk_lstat(name, &st) != 0;
    if ((flags & SQLITE_OPEN_CREATE) != 0)
        how |= O_CREAT;
    file->fd = disk_open(name, how, 0600);
    if (file->fd < 0)
        return SQLITE_CANTOPEN;
    (void)snprintf(file->path, sizeof file->path, "%s", name);
    file->base.pMethods = &methods;
    if (out != NULL)
        *out = flags;
    return SQLITE_OK;
}

static int x_delete(sqlite3_vfs *v, const char *name, int sync)
{
    (void)v;
    if (disk_unlink(name) != 0)
        return errno == ENOENT ? SQLITE_IOERR_DELETE_NOENT
                               : SQLITE_IOERR_DELETE;
    return sync != 0 ? sync_folder_of(name) : SQLITE_OK;
}

static int x_access(sqlite3_vfs *v, const char *name, int flags, int *out)
{
    struct stat st;

    (void)v;
    *out = disk_lstat(name, &st) == 0 &&
           (flags != SQLITE_ACCESS_EXISTS || st.st_size != 0);
    return SQLITE_OK;
}

static int x_full(sqlite3_vfs *v, const char *name, int cap, char *out)
{
    (void)v;
    (void)snprintf(out, (size_t)cap, "%s", name);
    return SQLITE_OK;
}

static int x_random(sqlite3_vfs *v, int n, char *out)
{
    (void)v;
    for (int i = 0; i < n; i++)
        out[i] = (char)rng_next(&here.disk->rng);
    return n;
}

static int x_sleep(sqlite3_vfs *v, int us)
{
    (void)v;
    return us;
}

static int x_now(sqlite3_vfs *v, double *out)
{
    (void)v;
    *out = 2440587.5 + (double)here.disk->now_ns / 86400e9;
    return SQLITE_OK;
}

static int x_error(sqlite3_vfs *v, int n, char *out)
{
    (void)v;
    (void)n;
    (void)out;
    return errno;
}

void vdisk__use_sqlite(struct vdisk *d)
{
    if (here.registered)
        (void)sqlite3_vfs_unregister(&here.vfs);
    here.registered = d != NULL;
    here.disk = d;
    if (d == NULL)
        return;
    here.vfs = (sqlite3_vfs){.iVersion = 1,
                             .szOsFile = (int)sizeof(struct file),
                             .mxPathname = 500,
                             .zName = "vdisk",
                             .xOpen = x_open,
                             .xDelete = x_delete,
                             .xAccess = x_access,
                             .xFullPathname = x_full,
                             .xRandomness = x_random,
                             .xSleep = x_sleep,
                             .xCurrentTime = x_now,
                             .xGetLastError = x_error};
    (void)sqlite3_vfs_register(&here.vfs, 1);
    sqlite3_randomness(0, NULL); /* from the seed from now on */
}
