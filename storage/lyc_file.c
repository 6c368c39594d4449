#include "storage/lyc_file.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "storage/disk.h"
#include "storage/file_io.h"

#define POLL_MS 200
/* So that a slow stick is not behind by gigabytes when the last byte is given
 * to it, and progress tells the truth. */
#define SYNC_EVERY_BYTES (64u << 20)

static bool is_stopped(const _Atomic bool *stop)
{
    return stop != NULL && atomic_load(stop);
}

static int interrupted(struct err *e)
{
    return err_set(e, ERR_INTERRUPTED, "interrupted");
}

/* Waits until @fd is ready. A pipe whose other end sleeps is looked at again
 * and again: the stop may come from elsewhere. */
static int wait_for(int fd, short events, const _Atomic bool *stop,
                    struct err *e)
{
    struct pollfd p = {.fd = fd, .events = events};

    for (;;) {
        int n;

        if (is_stopped(stop))
            return interrupted(e);
        n = poll(&p, 1, POLL_MS);
        if (n > 0)
            return 0;
        if (n < 0 && errno != EINTR)
            return err_errno(e, errno, "wait");
    }
}

/* ---- out ------------------------------------------------------------------
 */

struct lyc_out {
    char *path, *tmp; /* tmp NULL: a stream */
    int fd;
    bool replace, secret, finished;
    const _Atomic bool *stop;
    uint64_t at, synced;
};

/* What stands there already, before a byte is written. */
static int check_name(const struct lyc_out *o, struct err *e)
{
    struct stat st;
    int rc;

    if (disk_lstat(o->path, &st) != 0)
        return errno == ENOENT ? 0 : err_errno(e, errno, "'%s'", o->path);
    if (o->replace && S_ISREG(st.st_mode))
        return 0;
    rc = err_set(e, ERR_CONFLICT, "there is a %s '%s'",
                 S_ISREG(st.st_mode)   ? "file"
                 : S_ISDIR(st.st_mode) ? "folder"
                                       : "thing",
                 o->path);
    err_hint(e, S_ISREG(st.st_mode) ? "-y replaces it; or choose another name"
                                    : "choose another name");
    return rc;
}

/* Is the file that we locked still the one of that name? Another run may have
 * finished with it just before. */
static bool is_ours(const struct lyc_out *o)
{
    struct stat here;
    struct stat there;

    return disk_fstat(o->fd, &here) == 0 && disk_lstat(o->tmp, &there) == 0 &&
           here.st_ino == there.st_ino && here.st_dev == there.st_dev;
}

/* One of a killed run may be more open than this one wants. A file system that
 * keeps no modes (FAT) shows what it is mounted with. */
static bool close_to_others(const struct lyc_out *o)
{
    struct stat st;

    (void)disk_fchmod(o->fd, 0600);
    return disk_fstat(o->fd, &st) == 0 && S_ISREG(st.st_mode) &&
           st.st_uid == geteuid();
}

static int open_tmp(struct lyc_out *o, struct err *e)
{
    int rc = check_name(o, e);

    if (rc != 0)
        return rc;
    o->fd = disk_open(o->tmp, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW,
                      o->secret ? 0600 : 0666);
    if (o->fd < 0)
        return err_errno(e, errno, "create '%s'", o->tmp);
    if (o->secret && !close_to_others(o)) {
        (void)disk_close(o->fd);
        o->fd = -1;
        return err_set(e, ERR_REFUSED, "'%s' is there, and others may read it",
                       o->tmp);
    }
    if (disk_flock(o->fd, LOCK_EX | LOCK_NB) != 0 || !is_ours(o)) {
        rc = err_set(e, ERR_CONFLICT, "'%s' is being written", o->path);
        (void)disk_close(o->fd); /* and it is not ours to remove */
        o->fd = -1;
        return rc;
    }
    return disk_ftruncate(o->fd, 0) == 0
               ? 0
               : err_errno(e, errno, "empty '%s'", o->tmp);
}

static int open_stream(struct lyc_out *o, struct err *e)
{
    o->fd = disk_open(
        o->path, O_WRONLY | O_APPEND | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, 0);
    return o->fd >= 0 ? 0 : err_errno(e, errno, "open the output");
}

int lyc_out_open(const struct lyc_out_options *opt, struct lyc_out **out,
                 struct err *e)
{
    struct lyc_out *o = calloc(1, sizeof *o);
    int rc = 0;

    if (o == NULL)
        return err_set(e, ERR_NOMEM, "course file");
    o->fd = -1;
    o->stop = opt->stop;
    o->replace = opt->replace;
    o->secret = opt->secret;
    o->path = strdup(opt->path);
    if (o->path == NULL ||
        (!opt->stream && asprintf(&o->tmp, "%s.lyceum-tmp", opt->path) < 0))
        rc = err_set(e, ERR_NOMEM, "course file");
    if (rc == 0)
        rc = opt->stream ? open_stream(o, e) : open_tmp(o, e);
    if (rc != 0) {
        lyc_out_close(o);
        return rc;
    }
    *out = o;
    return 0;
}

int lyc_out_room(const struct lyc_out *o, uint64_t bytes, struct err *e)
{
    struct statvfs v;
    uint64_t room;
    int rc;

    if (o->tmp == NULL || disk_fstatvfs(o->fd, &v) != 0)
        return 0;
    room = (uint64_t)v.f_bavail * v.f_frsize;
    if (room >= bytes)
        return 0;
    rc = err_set(e, ERR_NO_SPACE,
                 "%llu bytes are needed and %llu free where '%s' is to lie",
                 (unsigned long long)bytes, (unsigned long long)room, o->path);
    err_hint(e, "make room there, or pack --since an edition that those who"
                " get it have");
    return rc;
}

static int write_stream(struct lyc_out *o, struct span part, struct err *e)
{
    while (part.len != 0) {
        int rc = wait_for(o->fd, POLLOUT, o->stop, e);
        ssize_t n;

        if (rc != 0)
            return rc;
        n = disk_write(o->fd, part.p, part.len);
        if (n < 0 && errno != EAGAIN && errno != EINTR)
            return err_errno(e, errno, "write");
        if (n > 0) {
            part.p += n;
            part.len -= (size_t)n;
        }
    }
    return 0;
}

static int write_file(struct lyc_out *o, const struct span *parts, size_t count,
                      struct err *e)
{
    int rc;

    if (is_stopped(o->stop))
        return interrupted(e);
    rc = file_io_write_parts(o->fd, parts, count, o->at, e);
    for (size_t i = 0; i < count; i++)
        o->at += parts[i].len;
    if (rc == ERR_IO && o->at > UINT32_MAX)
        err_hint(e, "a FAT32 stick holds files of up to 4 GiB: use exFAT, or"
                    " pack --since");
    if (rc == 0 && o->at - o->synced >= SYNC_EVERY_BYTES) {
        rc = file_io_sync(o->fd, e);
        o->synced = o->at;
    }
    return rc;
}

int lyc_out_write(void *out, const struct span *parts, size_t count,
                  struct err *e)
{
    struct lyc_out *o = out;
    int rc = 0;

    if (o->tmp != NULL)
        return write_file(o, parts, count, e);
    for (size_t i = 0; i < count && rc == 0; i++)
        rc = write_stream(o, parts[i], e);
    return rc;
}

static int sync_folder(const struct lyc_out *o, struct err *e)
{
    const char *slash = strrchr(o->path, '/');
    char *dir =
        strndup(o->path, slash == o->path ? 1 : (size_t)(slash - o->path));
    int rc = dir != NULL ? file_io_sync_dir(dir, e)
                         : err_set(e, ERR_NOMEM, "course file");

    free(dir);
    return rc;
}

int lyc_out_finish(struct lyc_out *o, struct err *e)
{
    int rc = 0;

    if (o->tmp != NULL) {
        rc = file_io_sync(o->fd, e);
        if (rc == 0) /* in the meantime somebody may have made one */
            rc = check_name(o, e);
        if (rc == 0)
            rc = file_io_rename(o->tmp, o->path, e);
        o->finished = rc == 0;
        if (rc == 0)
            rc = sync_folder(o, e);
    }
    return rc;
}

void lyc_out_close(struct lyc_out *o)
{
    if (o == NULL)
        return;
    if (o->fd >= 0 && o->tmp != NULL && !o->finished)
        (void)disk_unlink(o->tmp);
    if (o->fd >= 0)
        (void)disk_close(o->fd);
    free(o->tmp);
    free(o->path);
    free(o);
}

/* ---- in -------------------------------------------------------------------
 */

struct lyc_in {
    int fd;
    const _Atomic bool *stop;
};

int lyc_in_open(const char *path, const _Atomic bool *stop, struct lyc_in **out,
                struct err *e)
{
    int fd = disk_open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, 0);
    struct lyc_in *i;
    struct stat st;

    if (fd < 0)
        return err_errno(e, errno, "open '%s'", path);
    if (disk_fstat(fd, &st) != 0 || S_ISDIR(st.st_mode)) {
        (void)disk_close(fd);
        return err_set(e, ERR_INVALID, "'%s' is no file", path);
    }
    i = calloc(1, sizeof *i);
    if (i == NULL) {
        (void)disk_close(fd);
        return err_set(e, ERR_NOMEM, "course file");
    }
    (void)disk_fadvise(fd, POSIX_FADV_SEQUENTIAL);
    i->fd = fd;
    i->stop = stop;
    *out = i;
    return 0;
}

int lyc_in_read(void *in, uint8_t *p, size_t cap, size_t *out_n, struct err *e)
{
    struct lyc_in *i = in;

    for (;;) {
        int rc = wait_for(i->fd, POLLIN, i->stop, e);
        ssize_t n;

        if (rc != 0)
            return rc;
        n = disk_read(i->fd, p, cap);
        if (n >= 0) {
            *out_n = (size_t)n;
            return 0;
        }
        if (errno != EAGAIN && errno != EINTR)
            return err_errno(e, errno, "read");
    }
}

void lyc_in_close(struct lyc_in *i)
{
    if (i == NULL)
        return;
    (void)disk_close(i->fd);
    free(i);
}
