/* disk: the file calls of the keepers, in one table. The kernel's by default;
 * a simulator puts its own there and sees, refuses or loses each of them.
 * Nothing else in storage/ calls the kernel about files (a source check sees to
 * that); SQLite has a door of its own, its VFS. Whole writes and errors in
 * words are file_io's, on top of this.
 *
 * Every call returns what the system call of that name does, errno included. */
#ifndef STORAGE_DISK_H
#define STORAGE_DISK_H

#include <fcntl.h>
#include <stddef.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/types.h>
#include <sys/uio.h>

struct disk_dir; /* a folder that is being read */

struct disk_calls {
    int (*openat)(int dir, const char *path, int flags, mode_t mode);
    int (*openat2)(int root, const char *path, int flags, mode_t mode);
    int (*close)(int fd);
    int (*dup)(int fd);
    ssize_t (*read)(int fd, void *p, size_t n);
    ssize_t (*write)(int fd, const void *p, size_t n);
    ssize_t (*pread)(int fd, void *p, size_t n, off_t off);
    ssize_t (*pwritev)(int fd, const struct iovec *iov, int count, off_t off);
    int (*fdatasync)(int fd);
    int (*fsync)(int fd);
    int (*syncfs)(int fd);
    int (*ftruncate)(int fd, off_t size);
    int (*fallocate)(int fd, off_t size);
    int (*fadvise)(int fd, int advice);
    int (*flock)(int fd, int how);
    int (*lease)(int fd, int type);
    int (*leased)(int fd);
    int (*fstat)(int fd, struct stat *out);
    int (*fstatat)(int dir, const char *path, struct stat *out, int flags);
    int (*fchmod)(int fd, mode_t mode);
    int (*futimens)(int fd, const struct timespec times[2]);
    int (*fstatvfs)(int fd, struct statvfs *out);
    int (*statvfs)(const char *path, struct statvfs *out);
    int (*faccessat)(int dir, const char *path, int how);
    int (*renameat2)(int from_dir, const char *from, int to_dir, const char *to,
                     unsigned flags);
    int (*unlinkat)(int dir, const char *path, int flags);
    int (*mkdirat)(int dir, const char *path, mode_t mode);
    char *(*realpath)(const char *path);
    struct disk_dir *(*dir_open)(int fd);
    const char *(*dir_next)(struct disk_dir *d);
    void (*dir_close)(struct disk_dir *d);
};

/**
 * disk_use - all calls from now on go to @calls, for every thread; NULL: to the
 * kernel again. Not while another thread is in one of them.
 * @calls: complete; borrowed until the next disk_use.
 */
void disk_use(const struct disk_calls *calls);

int disk_open(const char *path, int flags, mode_t mode);
int disk_openat(int dir, const char *path, int flags, mode_t mode);
/** disk_open_beneath - openat2 with O_CLOEXEC, below the folder @root whatever
 *  @path says or leads over: no links, no way up. Return: fd, or -errno. */
int disk_open_beneath(int root, const char *path, int flags, mode_t mode);
int disk_close(int fd);
/** disk_dup - with O_CLOEXEC. */
int disk_dup(int fd);

ssize_t disk_read(int fd, void *p, size_t n);
ssize_t disk_write(int fd, const void *p, size_t n);
ssize_t disk_pread(int fd, void *p, size_t n, off_t off);
ssize_t disk_pwritev(int fd, const struct iovec *iov, int count, off_t off);
int disk_fdatasync(int fd);
int disk_fsync(int fd);
/** disk_syncfs - all that was written to the file system of @fd. */
int disk_syncfs(int fd);
int disk_ftruncate(int fd, off_t size);
/** disk_fallocate - blocks for the first @size bytes; makes the file longer. */
int disk_fallocate(int fd, off_t size);
/** disk_fadvise - about the whole file. Return: 0 or an errno. */
int disk_fadvise(int fd, int advice);
int disk_flock(int fd, int how);
/** disk_lease - F_WRLCK: 0 when nobody else has the file of @fd open; whoever
 *  opens it then has to wait (this process too) until F_UNLCK. -1: somebody
 * has, or the file system knows no leases. */
int disk_lease(int fd, int type);
/** disk_leased - F_WRLCK as long as nobody waits. */
int disk_leased(int fd);

int disk_fstat(int fd, struct stat *out);
int disk_stat(const char *path, struct stat *out);
int disk_lstat(const char *path, struct stat *out);
int disk_fstatat(int dir, const char *path, struct stat *out, int flags);
int disk_fchmod(int fd, mode_t mode);
int disk_futimens(int fd, const struct timespec times[2]);
int disk_fstatvfs(int fd, struct statvfs *out);
int disk_statvfs(const char *path, struct statvfs *out);
int disk_access(const char *path, int how);

int disk_rename(const char *from, const char *to);
int disk_renameat2(int from_dir, const char *from, int to_dir, const char *to,
                   unsigned flags);
int disk_unlink(const char *path);
int disk_unlinkat(int dir, const char *path, int flags);
int disk_rmdir(const char *path);
int disk_mkdir(const char *path, mode_t mode);
int disk_mkdirat(int dir, const char *path, mode_t mode);
/** disk_realpath - to be freed; NULL: errno says why. */
char *disk_realpath(const char *path);

/** disk_dir_open - read the folder @path. NULL: errno says why. */
struct disk_dir *disk_dir_open(const char *path);
/** disk_dir_take - read the folder open at @fd, which is taken. */
struct disk_dir *disk_dir_take(int fd);
/** disk_dir_next - a name, "." and ".." among them; NULL at the end. Valid
 *  until the next call. */
const char *disk_dir_next(struct disk_dir *d);
void disk_dir_close(struct disk_dir *d);

#endif
