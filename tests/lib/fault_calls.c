/* fault_calls: preloaded into a real `lyceum`, makes the n-th file call of one
 * kind fail, SQLite's and libuv's included. Only what touches a file or folder
 * below one folder counts: libraries, /proc and sockets stay whole.
 *
 *     LD_PRELOAD     this library
 *     LYCEUM_FAULT   KIND:N:TIMES:ERRNO, N from 0; KIND as in kind_names.
 *                    A "short" write takes half of its bytes, no errno
 *     LYCEUM_FAULT_UNDER   the folder, an absolute real path
 *     LYCEUM_FAULT_TOLD    a file that is made when a fault has happened */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

enum kind { OPEN, READ, WRITE, SHORT, RESIZE, SYNC, RENAME, MKDIR, KINDS };

static const char *const kind_names[KINDS] = {
    "open", "read", "write", "short", "resize", "sync", "rename", "mkdir"};

static struct {
    int kind; /* < 0: no faults */
    atomic_long left;
    long times;
    int errnum;
    const char *under;
    const char *told;
} fault = {.kind = -1};

__attribute__((constructor)) static void set_up(void)
{
    const char *plan = getenv("LYCEUM_FAULT");
    char name[16];
    long n;

    fault.under = getenv("LYCEUM_FAULT_UNDER");
    fault.told = getenv("LYCEUM_FAULT_TOLD");
    if (plan == NULL || fault.under == NULL || fault.told == NULL ||
        sscanf(plan, "%15[^:]:%ld:%ld:%d", name, &n, &fault.times,
               &fault.errnum) != 4)
        return;
    atomic_store(&fault.left, n);
    for (int k = 0; k < KINDS; k++)
        if (strcmp(name, kind_names[k]) == 0)
            fault.kind = k;
}

static bool below(const char *path)
{
    size_t n = strlen(fault.under);

    return strncmp(path, fault.under, n) == 0 &&
           (path[n] == '/' || path[n] == '\0');
}

static bool fd_below(int fd)
{
    char link[32];
    char path[4096];
    ssize_t n;

    (void)snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    n = readlink(link, path, sizeof path - 1);
    if (n <= 0)
        return false;
    path[n] = '\0';
    return below(path);
}

/* Is it the turn of this call? Counts it. */
static bool turn(void)
{
    long left = atomic_fetch_sub(&fault.left, 1);
    int fd;

    if (left > 0 || left <= -fault.times)
        return false;
    fd = (int)syscall(SYS_openat, AT_FDCWD, fault.told, O_CREAT | O_WRONLY,
                      0600);
    if (fd >= 0)
        (void)syscall(SYS_close, fd);
    errno = fault.errnum;
    return true;
}

static bool fd_fails(enum kind kind, int fd)
{
    return fault.kind == (int)kind && fd_below(fd) && turn();
}

static bool path_fails(enum kind kind, int dir, const char *path)
{
    if (fault.kind != (int)kind)
        return false;
    return (path[0] == '/' ? below(path) : dir >= 0 && fd_below(dir)) && turn();
}

/* ---- the calls ------------------------------------------------------- */

/* NAME(args): the real function behind the one that is being defined. */
#define REAL(type, name, ...)                                                  \
    type (*real)(__VA_ARGS__) =                                                \
        (type(*)(__VA_ARGS__))(uintptr_t)dlsym(RTLD_NEXT, name)

#define OPEN_CALL(name)                                                        \
    int name(const char *path, int flags, ...);                                \
    int name(const char *path, int flags, ...)                                 \
    {                                                                          \
        REAL(int, #name, const char *, int, ...);                              \
        va_list ap;                                                            \
        mode_t mode;                                                           \
                                                                               \
        va_start(ap, flags);                                                   \
        mode = (flags & O_CREAT) != 0 ? va_arg(ap, mode_t) : 0;                \
        va_end(ap);                                                            \
        return path_fails(OPEN, -1, path) ? -1 : real(path, flags, mode);      \
    }

OPEN_CALL(open)
OPEN_CALL(open64)

int openat(int dir, const char *path, int flags, ...)
{
    REAL(int, "openat", int, const char *, int, ...);
    va_list ap;
    mode_t mode;

    va_start(ap, flags);
    mode = (flags & O_CREAT) != 0 ? va_arg(ap, mode_t) : 0;
    va_end(ap);
    return path_fails(OPEN, dir, path) ? -1 : real(dir, path, flags, mode);
}

/* How many of @n bytes this write may take; -1: it fails. */
static ssize_t may_write(int fd, size_t n)
{
    if (fd_fails(WRITE, fd))
        return -1;
    return (ssize_t)(n > 1 && fd_fails(SHORT, fd) ? n / 2 : n);
}

ssize_t write(int fd, const void *p, size_t n)
{
    REAL(ssize_t, "write", int, const void *, size_t);
    ssize_t may = may_write(fd, n);

    return may < 0 ? -1 : real(fd, p, (size_t)may);
}

ssize_t pwrite(int fd, const void *p, size_t n, off_t at)
{
    REAL(ssize_t, "pwrite", int, const void *, size_t, off_t);
    ssize_t may = may_write(fd, n);

    return may < 0 ? -1 : real(fd, p, (size_t)may, at);
}

ssize_t pwrite64(int fd, const void *p, size_t n, off_t at)
{
    return pwrite(fd, p, n, at);
}

ssize_t pwritev(int fd, const struct iovec *iov, int count, off_t at)
{
    REAL(ssize_t, "pwritev", int, const struct iovec *, int, off_t);
    struct iovec first = iov[0];
    ssize_t may = may_write(fd, first.iov_len);

    if (may < 0 || (size_t)may == first.iov_len)
        return may < 0 ? -1 : real(fd, iov, count, at);
    first.iov_len = (size_t)may;
    return real(fd, &first, 1, at);
}

#define SIMPLE_CALL(type, name, fails, params, types, args)                    \
    type name params;                                                          \
    type name params                                                           \
    {                                                                          \
        REAL(type, #name, types);                                              \
                                                                               \
        return (fails) ? -1 : real args;                                       \
    }
#define TYPES(...) __VA_ARGS__

SIMPLE_CALL(int, __open_2, path_fails(OPEN, -1, path),
            (const char *path, int flags), TYPES(const char *, int),
            (path, flags))
SIMPLE_CALL(int, __open64_2, path_fails(OPEN, -1, path),
            (const char *path, int flags), TYPES(const char *, int),
            (path, flags))
SIMPLE_CALL(ssize_t, pread, fd_fails(READ, fd),
            (int fd, void *p, size_t n, off_t at),
            TYPES(int, void *, size_t, off_t), (fd, p, n, at))
SIMPLE_CALL(ssize_t, pread64, fd_fails(READ, fd),
            (int fd, void *p, size_t n, off_t at),
            TYPES(int, void *, size_t, off_t), (fd, p, n, at))
SIMPLE_CALL(int, fsync, fd_fails(SYNC, fd), (int fd), TYPES(int), (fd))
SIMPLE_CALL(int, fdatasync, fd_fails(SYNC, fd), (int fd), TYPES(int), (fd))
SIMPLE_CALL(int, ftruncate, fd_fails(RESIZE, fd), (int fd, off_t n),
            TYPES(int, off_t), (fd, n))
SIMPLE_CALL(int, ftruncate64, fd_fails(RESIZE, fd), (int fd, off_t n),
            TYPES(int, off_t), (fd, n))
SIMPLE_CALL(int, fallocate, fd_fails(RESIZE, fd),
            (int fd, int mode, off_t at, off_t n),
            TYPES(int, int, off_t, off_t), (fd, mode, at, n))
SIMPLE_CALL(int, rename, path_fails(RENAME, -1, to),
            (const char *from, const char *to),
            TYPES(const char *, const char *), (from, to))
SIMPLE_CALL(int, renameat2, path_fails(RENAME, dir, to),
            (int from_dir, const char *from, int dir, const char *to,
             unsigned flags),
            TYPES(int, const char *, int, const char *, unsigned),
            (from_dir, from, dir, to, flags))
SIMPLE_CALL(int, mkdir, path_fails(MKDIR, -1, path),
            (const char *path, mode_t mode), TYPES(const char *, mode_t),
            (path, mode))
SIMPLE_CALL(int, mkdirat, path_fails(MKDIR, dir, path),
            (int dir, const char *path, mode_t mode),
            TYPES(int, const char *, mode_t), (dir, path, mode))

/* openat2 has no function of its own. */
long syscall(long number, ...)
{
    REAL(long, "syscall", long, ...);
    long a[6];
    va_list ap;

    va_start(ap, number);
    for (int i = 0; i < 6; i++)
        a[i] = va_arg(ap, long);
    va_end(ap);
    if (number == SYS_openat2 &&
        path_fails(OPEN, (int)a[0], (const char *)a[1]))
        return -1;
    return real(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}
