#include "storage/disk.h"

#include <dirent.h>
#include <errno.h>
#include <linux/openat2.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/syscall.h>
#include <unistd.h>

/* ---- the kernel's ----------------------------------------------------------
 */

static int real_openat(int dir, const char *path, int flags, mode_t mode)
{
    return openat(dir, path, flags, mode);
}

static int real_openat2(int root, const char *path, int flags, mode_t mode)
{
    struct open_how how = {
        .flags = (uint64_t)(unsigned)(flags | O_CLOEXEC | O_NOFOLLOW),
        .mode = (flags & O_CREAT) != 0 ? mode : 0,
        .resolve =
            RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS,
    };

    return (int)syscall(SYS_openat2, root, path, &how, sizeof how);
}

static int real_dup(int fd)
{
    return fcntl(fd, F_DUPFD_CLOEXEC, 0);
}

static int real_fallocate(int fd, off_t size)
{
    return fallocate(fd, 0, 0, size);
}

static int real_fadvise(int fd, int advice)
{
    return posix_fadvise(fd, 0, 0, advice);
}

/* The signal that says that somebody waits is one that is ignored; it is asked
 * for. */
static int real_lease(int fd, int type)
{
    return fcntl(fd, F_SETSIG, SIGURG) == 0 ? fcntl(fd, F_SETLEASE, type) : -1;
}

static int real_leased(int fd)
{
    return fcntl(fd, F_GETLEASE);
}

static int real_fstat(int fd, struct stat *out)
{
    return fstat(fd, out);
}

static int real_fstatat(int dir, const char *path, struct stat *out, int flags)
{
    return fstatat(dir, path, out, flags);
}

static int real_faccessat(int dir, const char *path, int how)
{
    return faccessat(dir, path, how, 0);
}

static char *real_realpath(const char *path)
{
    return realpath(path, NULL);
}

static struct disk_dir *real_dir_open(int fd)
{
    return (struct disk_dir *)fdopendir(fd);
}

static const char *real_dir_next(struct disk_dir *d)
{
    const struct dirent *entry = readdir((DIR *)d);

    return entry != NULL ? entry->d_name : NULL;
}

static void real_dir_close(struct disk_dir *d)
{
    (void)closedir((DIR *)d);
}

static const struct disk_calls kernel = {
    .openat = real_openat,
    .openat2 = real_openat2,
    .close = close,
    .dup = real_dup,
    .read = read,
    .write = write,
    .pread = pread,
    .pwritev = pwritev,
    .fdatasync = fdatasync,
    .fsync = fsync,
    .syncfs = syncfs,
    .ftruncate = ftruncate,
    .fallocate = real_fallocate,
    .fadvise = real_fadvise,
    .flock = flock,
    .lease = real_lease,
    .leased = real_leased,
    .fstat = real_fstat,
    .fstatat = real_fstatat,
    .fchmod = fchmod,
    .futimens = futimens,
    .fstatvfs = fstatvfs,
    .statvfs = statvfs,
    .faccessat = real_faccessat,
    .renameat2 = renameat2,
    .unlinkat = unlinkat,
    .mkdirat = mkdirat,
    .realpath = real_realpath,
    .dir_open = real_dir_open,
    .dir_next = real_dir_next,
    .dir_close = real_dir_close,
};

static const struct disk_calls *now = &kernel;

void disk_use(const struct disk_calls *calls)
{
    now = calls != NULL ? calls : &kernel;
}

/* ---- files -----------------------------------------------------------------
 */

int disk_open(const char *path, int flags, mode_t mode)
{
    return now->openat(AT_FDCWD, path, flags, mode);
}

int disk_openat(int dir, const char *path, int flags, mode_t mode)
{
    return now->openat(dir, path, flags, mode);
}

int disk_open_beneath(int root, const char *path, int flags, mode_t mode)
{
    int fd;

    do
        fd = now->openat2(root, path, flags, mode);
    while (fd < 0 && (errno == EINTR || errno == EAGAIN));
    return fd >= 0 ? fd : -errno;
}

int disk_close(int fd)
{
    return now->close(fd);
}

int disk_dup(int fd)
{
    return now->dup(fd);
}

ssize_t disk_read(int fd, void *p, size_t n)
{
    return now->read(fd, p, n);
}

ssize_t disk_write(int fd, const void *p, size_t n)
{
    return now->write(fd, p, n);
}

ssize_t disk_pread(int fd, void *p, size_t n, off_t off)
{
    return now->pread(fd, p, n, off);
}

ssize_t disk_pwritev(int fd, const struct iovec *iov, int count, off_t off)
{
    return now->pwritev(fd, iov, count, off);
}

int disk_fdatasync(int fd)
{
    return now->fdatasync(fd);
}

int disk_fsync(int fd)
{
    return now->fsync(fd);
}

int disk_syncfs(int fd)
{
    return now->syncfs(fd);
}

int disk_ftruncate(int fd, off_t size)
{
    return now->ftruncate(fd, size);
}

int disk_fallocate(int fd, off_t size)
{
    return now->fallocate(fd, size);
}

int disk_fadvise(int fd, int advice)
{
    return now->fadvise(fd, advice);
}

int disk_flock(int fd, int how)
{
    return now->flock(fd, how);
}

int disk_lease(int fd, int type)
{
    return now->lease(fd, type);
}

int disk_leased(int fd)
{
    return now->leased(fd);
}

int disk_fstat(int fd, struct stat *out)
{
    return now->fstat(fd, out);
}

int disk_stat(const char *path, struct stat *out)
{
    return now->fstatat(AT_FDCWD, path, out, 0);
}

int disk_lstat(const char *path, struct stat *out)
{
    return now->fstatat(AT_FDCWD, path, out, AT_SYMLINK_NOFOLLOW);
}

int disk_fstatat(int dir, const char *path, struct stat *out, int flags)
{
    return now->fstatat(dir, path, out, flags);
}

int disk_fchmod(int fd, mode_t mode)
{
    return now->fchmod(fd, mode);
}

int disk_futimens(int fd, const struct timespec times[2])
{
    return now->futimens(fd, times);
}

int disk_fstatvfs(int fd, struct statvfs *out)
{
    return now->fstatvfs(fd, out);
}

int disk_statvfs(const char *path, struct statvfs *out)
{
    return now->statvfs(path, out);
}

int disk_access(const char *path, int how)
{
    return now->faccessat(AT_FDCWD, path, how);
}

/* ---- names -----------------------------------------------------------------
 */

int disk_rename(const char *from, const char *to)
{
    return now->renameat2(AT_FDCWD, from, AT_FDCWD, to, 0);
}

int disk_renameat2(int from_dir, const char *from, int to_dir, const char *to,
                   unsigned flags)
{
    return now->renameat2(from_dir, from, to_dir, to, flags);
}

int disk_unlink(const char *path)
{
    return now->unlinkat(AT_FDCWD, path, 0);
}

int disk_unlinkat(int dir, const char *path, int flags)
{
    return now->unlinkat(dir, path, flags);
}

int disk_rmdir(const char *path)
{
    return now->unlinkat(AT_FDCWD, path, AT_REMOVEDIR);
}

int disk_mkdir(const char *path, mode_t mode)
{
    return now->mkdirat(AT_FDCWD, path, mode);
}

int disk_mkdirat(int dir, const char *path, mode_t mode)
{
    return now->mkdirat(dir, path, mode);
}

char *disk_realpath(const char *path)
{
    return now->realpath(path);
}

struct disk_dir *disk_dir_open(const char *path)
{
    int fd = disk_open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
    struct disk_dir *d = fd >= 0 ? now->dir_open(fd) : NULL;

    if (d == NULL && fd >= 0) {
        int why = errno;

        (void)now->close(fd);
        errno = why;
    }
    return d;
}

struct disk_dir *disk_dir_take(int fd)
{
    return now->dir_open(fd);
}

const char *disk_dir_next(struct disk_dir *d)
{
    return now->dir_next(d);
}

void disk_dir_close(struct disk_dir *d)
{
    now->dir_close(d);
}
