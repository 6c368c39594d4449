#include "storage/file_io.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>

#include "storage/disk.h"

/* Page-cache folios are as large as the write that makes them, and aligned: a
 * piece that crosses such a boundary costs half as much again. */
#define PIECE (64u * 1024u)
#define WINDOW_PARTS 16

struct countdown {
    atomic_int left; /* calls until the fault; below 0 = not armed */
    atomic_int times;
    int errnum;
};

static struct countdown faults[] = {
    [FAULT_WRITE] = {-1, 0, 0},
    [FAULT_SYNC] = {-1, 0, 0},
    [FAULT_RENAME] = {-1, 0, 0},
};

void file_io_fault_after(enum file_io_fault kind, int n, int times, int errnum)
{
    faults[kind].errnum = errnum;
    atomic_store(&faults[kind].times, times);
    atomic_store(&faults[kind].left, n);
}

static bool faulty(enum file_io_fault kind)
{
    struct countdown *c = &faults[kind];

    if (atomic_load_explicit(&c->left, memory_order_relaxed) < 0)
        return false;
    if (atomic_load(&c->left) > 0) {
        atomic_fetch_sub(&c->left, 1);
        return false;
    }
    if (atomic_fetch_sub(&c->times, 1) <= 1)
        atomic_store(&c->left, -1);
    errno = c->errnum;
    return true;
}

struct parts { /* what is left to write */
    const struct span *at;
    size_t count;
    size_t done; /* of the first */
};

/* What of it ends at the next boundary. Return: how many pieces. */
static int next_window(const struct parts *p, uint64_t off,
                       struct iovec iov[WINDOW_PARTS])
{
    size_t room = PIECE - (size_t)(off % PIECE);
    size_t done = p->done;
    int n = 0;

    for (size_t i = 0; i < p->count && room != 0 && n < WINDOW_PARTS; i++) {
        size_t len = p->at[i].len - done;

        len = len < room ? len : room;
        iov[n].iov_base = (void *)(uintptr_t)(p->at[i].p + done);
        iov[n++].iov_len = len;
        room -= len;
        done = 0;
    }
    return n;
}

static void advance(struct parts *p, size_t n)
{
    while (p->count != 0 && n >= p->at->len - p->done) {
        n -= p->at->len - p->done;
        p->at++;
        p->count--;
        p->done = 0;
    }
    p->done += n;
}

int file_io_write_parts(int fd, const struct span *parts, size_t count,
                        uint64_t off, struct err *e)
{
    struct parts left = {parts, count, 0};

    advance(&left, 0); /* over empty ones */
    while (left.count != 0) {
        struct iovec iov[WINDOW_PARTS];
        int n = next_window(&left, off, iov);
        ssize_t done =
            faulty(FAULT_WRITE) ? -1 : disk_pwritev(fd, iov, n, (off_t)off);

        if (done < 0 && errno == EINTR)
            continue;
        if (done <= 0)
            return err_errno(e, done < 0 ? errno : EIO, "write");
        off += (uint64_t)done;
        advance(&left, (size_t)done);
    }
    return 0;
}

int file_io_write(int fd, const void *p, size_t n, uint64_t off, struct err *e)
{
    struct span whole = {p, n};

    return file_io_write_parts(fd, &whole, 1, off, e);
}

int file_io_allocate(int fd, uint64_t size, struct err *e)
{
    struct stat st;

    if (disk_fstat(fd, &st) != 0)
        return err_errno(e, errno, "stat");
    if ((uint64_t)st.st_size == size)
        return 0;
    if ((uint64_t)st.st_size < size && disk_fallocate(fd, (off_t)size) == 0)
        return 0;
    if ((uint64_t)st.st_size < size &&
        (errno == ENOSPC || errno == EDQUOT || errno == EFBIG || errno == EIO))
        return err_errno(e, errno, "allocate");
    return disk_ftruncate(fd, (off_t)size) == 0
               ? 0
               : err_errno(e, errno, "truncate");
}

int file_io_read(int fd, void *p, size_t n, uint64_t off, struct err *e)
{
    uint8_t *at = p;

    while (n != 0) {
        ssize_t done = disk_pread(fd, at, n, (off_t)off);

        if (done < 0 && errno == EINTR)
            continue;
        if (done < 0)
            return err_errno(e, errno, "read");
        if (done == 0)
            return err_set(e, ERR_CORRUPT, "the file ends too early");
        at += done;
        off += (uint64_t)done;
        n -= (size_t)done;
    }
    return 0;
}

ssize_t file_io_read_head(int fd, void *p, size_t cap)
{
    size_t got = 0;

    while (got < cap) {
        ssize_t n = disk_pread(fd, (uint8_t *)p + got, cap - got, (off_t)got);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -1;
        if (n == 0)
            break;
        got += (size_t)n;
    }
    return (ssize_t)got;
}

int file_io_sync(int fd, struct err *e)
{
    if (faulty(FAULT_SYNC) || disk_fdatasync(fd) != 0)
        return err_errno(e, errno, "sync");
    return 0;
}

int file_io_sync_anew(int fd, struct err *e)
{
    const struct timespec now[2] = {{.tv_nsec = UTIME_OMIT},
                                    {.tv_nsec = UTIME_NOW}};

    if (disk_futimens(fd, now) != 0)
        return err_errno(e, errno, "set the time");
    if (faulty(FAULT_SYNC) || disk_fsync(fd) != 0)
        return err_errno(e, errno, "sync");
    return 0;
}

void file_io_uncache(int fd)
{
    (void)disk_fadvise(fd, POSIX_FADV_DONTNEED);
}

int file_io_sync_disk(int fd, struct err *e)
{
    if (faulty(FAULT_SYNC) || disk_syncfs(fd) != 0)
        return err_errno(e, errno, "sync the disk");
    return 0;
}

int file_io_sync_dir(const char *path, struct err *e)
{
    int fd = disk_open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
    int rc;

    if (fd < 0)
        return err_errno(e, errno, "open folder '%s'", path);
    rc = faulty(FAULT_SYNC) || disk_fsync(fd) != 0
             ? err_errno(e, errno, "sync folder '%s'", path)
             : 0;
    (void)disk_close(fd);
    return rc;
}

int file_io_sync_parent(const char *path, struct err *e)
{
    char parent[4096];
    char *slash;

    (void)snprintf(parent, sizeof parent, "%s", path);
    slash = strrchr(parent, '/');
    if (slash != NULL)
        slash[slash == parent] = '\0';
    return file_io_sync_dir(slash != NULL ? parent : ".", e);
}

int file_io_rename(const char *from, const char *to, struct err *e)
{
    if (faulty(FAULT_RENAME) || disk_rename(from, to) != 0)
        return err_errno(e, errno, "rename '%s' to '%s'", from, to);
    return 0;
}

int file_io_load(const char *path, size_t max, struct buf *out, struct err *e)
{
    int fd = disk_open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW, 0);
    struct stat st;
    int rc = 0;

    if (fd < 0)
        return err_errno(e, errno, "open '%s'", path);
    if (disk_fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))
        rc = err_set(e, ERR_IO, "not a plain file");
    else if ((uint64_t)st.st_size > max)
        rc = err_set(e, ERR_LIMIT, "over %zu bytes", max);
    else
        rc = buf_reserve(out, (size_t)st.st_size + 1);
    if (rc == 0)
        rc = file_io_read(fd, out->base + out->len, (size_t)st.st_size, 0, e);
    if (rc == 0)
        out->len += (size_t)st.st_size;
    else
        err_wrap(e, "load '%s'", path);
    (void)disk_close(fd);
    return rc;
}

static int write_tmp(const char *tmp, const void *p, size_t n, struct err *e)
{
    int fd = disk_open(
        tmp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    int rc;

    if (fd < 0)
        return err_errno(e, errno, "create '%s'", tmp);
    rc = file_io_write(fd, p, n, 0, e);
    if (rc == 0)
        rc = file_io_sync(fd, e);
    (void)disk_close(fd);
    return rc;
}

int file_io_save(const char *path, const void *p, size_t n, struct err *e)
{
    char *tmp = NULL;
    char *dir = NULL;
    char *slash;
    int rc;

    if (asprintf(&tmp, "%s.tmp", path) < 0)
        return err_set(e, ERR_NOMEM, "save");
    dir = strdup(path);
    slash = dir != NULL ? strrchr(dir, '/') : NULL;
    if (slash != NULL)
        *slash = '\0';
    rc = write_tmp(tmp, p, n, e);
    if (rc == 0)
        rc = file_io_rename(tmp, path, e);
    if (rc == 0)
        rc = file_io_sync_dir(slash != NULL && dir[0] != '\0' ? dir : ".", e);
    else
        (void)disk_unlink(tmp);
    if (rc != 0)
        err_wrap(e, "save '%s'", path);
    free(dir);
    free(tmp);
    return rc;
}
