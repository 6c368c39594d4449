/* vdisk_calls: the calls of storage/disk.h, over the disk that is mounted. */
#include "simulations/vdisk_internal.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "simulations/mem.h"
#include "storage/disk.h"

static struct vdisk *on; /* the one that is mounted */

enum call {
    CALL_OPEN = 1,
    CALL_WRITE,
    CALL_READ,
    CALL_SYNC,
    CALL_SIZE,
    CALL_NAME,
    CALL_STAT
};

/* ---- descriptors -----------------------------------------------------------
 */

static struct vfd *slot(int fd)
{
    int at = fd - VDISK_FD_FIRST;

    if (at < 0 || at >= VDISK_FDS || on->fds[at].ino == 0) {
        errno = EBADF;
        return NULL;
    }
    return &on->fds[at];
}

static struct vnode *node_of(int fd)
{
    const struct vfd *f = slot(fd);

    return f != NULL ? vdisk__node(on, f->ino) : NULL;
}

/* 0: errno is set. */
static uint32_t dir_of(int fd)
{
    const struct vfd *f;

    if (fd == AT_FDCWD)
        return VDISK_ROOT;
    f = slot(fd);
    return f != NULL ? f->ino : 0;
}

static int give(uint32_t ino, int flags)
{
    for (int i = 0; i < VDISK_FDS; i++)
        if (on->fds[i].ino == 0) {
            on->fds[i] = (struct vfd){.ino = ino, .flags = flags};
            return VDISK_FD_FIRST + i;
        }
    errno = EMFILE;
    return -1;
}

static int v_close(int fd)
{
    struct vfd *f = slot(fd);

    if (f == NULL)
        return on->stopped ? 0 : -1;
    f->ino = 0;
    return 0;
}

static int v_dup(int fd)
{
    const struct vfd *f = slot(fd);

    return f != NULL ? give(f->ino, f->flags) : -1;
}

/* ---- opening ---------------------------------------------------------------
 */

static uint32_t create(uint32_t from, const char *path, mode_t mode)
{
    struct vchange c = {.count = 1};
    enum vturn turn = vdisk__turn(on, VDISK_FAULTS);

    c.at[0].dir = vdisk__find_parent(on, from, path, c.at[0].name);
    if (c.at[0].dir == 0 || turn == TURN_FAILS)
        return 0;
    if (turn == TURN_GO || vdisk__coin(on, 2)) {
        c.at[0].ino = vdisk__new_node(on, false, mode)->ino;
        vdisk__change(on, &c);
    }
    if (turn == TURN_GO)
        return c.at[0].ino;
    errno = EIO;
    return 0;
}

static int empty(struct vnode *v)
{
    enum vturn turn =
        v->cache.len != 0 ? vdisk__turn(on, VDISK_FAULTS) : TURN_GO;

    if (turn == TURN_FAILS)
        return -1;
    if (turn == TURN_GO || vdisk__coin(on, 2))
        vdisk__resize(on, v, 0);
    return turn == TURN_GO ? 0 : -1;
}

static int why_not(const struct vnode *v, int flags)
{
    bool exclusive = (flags & O_CREAT) != 0 && (flags & O_EXCL) != 0;
    bool writes = (flags & O_ACCMODE) != O_RDONLY;

    if (exclusive)
        return EEXIST;
    if (v->dir && writes)
        return EISDIR;
    return !v->dir && (flags & O_DIRECTORY) != 0 ? ENOTDIR : 0;
}

static int open_from(uint32_t from, const char *path, int flags, mode_t mode)
{
    uint32_t ino;
    int why;

    if (from == 0 || !vdisk__look(on, VDISK_OPEN))
        return -1;
    ino = vdisk__find(on, from, path);
    if (ino == 0 && errno == ENOENT && (flags & O_CREAT) != 0) {
        ino = create(from, path, mode);
        return ino != 0 ? give(ino, flags) : -1;
    }
    if (ino == 0)
        return -1;
    why = why_not(vdisk__node(on, ino), flags);
    if (why != 0) {
        errno = why;
        return -1;
    }
    if ((flags & O_TRUNC) != 0 && empty(vdisk__node(on, ino)) != 0)
        return -1;
    return give(ino, flags);
}

static int v_openat(int dir, const char *path, int flags, mode_t mode)
{
    int fd = open_from(dir_of(dir), path, flags, mode);

    vdisk__note(on, CALL_OPEN, (uint64_t)flags, fd);
    return fd;
}

static int v_openat2(int root, const char *path, int flags, mode_t mode)
{
    if (path[0] == '/' || strncmp(path, "../", 3) == 0 ||
        strstr(path, "/..") != NULL || strcmp(path, "..") == 0) {
        errno = EXDEV;
        return -1;
    }
    return v_openat(root, path, flags, mode);
}

/* ---- bytes -----------------------------------------------------------------
 */

/* How many of @n bytes this call moves; -1: interrupted. */
static ssize_t portion(size_t n)
{
    if (!on->choppy || n == 0 || !vdisk__coin(on, 8))
        return (ssize_t)n;
    if (vdisk__coin(on, 3)) {
        errno = EINTR;
        return -1;
    }
    return 1 + (ssize_t)rng_below(&on->rng, n);
}

static ssize_t v_pread(int fd, void *p, size_t n, off_t at)
{
    const struct vnode *v = node_of(fd);
    ssize_t may;
    ssize_t done;

    if (v == NULL || !vdisk__look(on, VDISK_READ))
        return -1;
    may = portion(n);
    done = may < 0 ? -1 : vdisk__read(v, p, (size_t)may, at);
    vdisk__note(on, CALL_READ, (uint64_t)at, done);
    return done;
}

static ssize_t v_read(int fd, void *p, size_t n)
{
    struct vfd *f = slot(fd);
    ssize_t done = f != NULL ? v_pread(fd, p, n, f->at) : -1;

    if (done > 0)
        f->at += done;
    return done;
}

/* What there is room for. -1: none, or it is interrupted. */
static ssize_t may_write(size_t n)
{
    ssize_t may = portion(n);

    if (may > 0 && (uint64_t)may > on->room)
        may = (ssize_t)on->room;
    if (may == 0 && n != 0) {
        errno = ENOSPC;
        return -1;
    }
    return may;
}

static ssize_t put_parts(struct vnode *v, const struct iovec *iov, int count,
                         off_t at, size_t n)
{
    size_t done = 0;

    for (int i = 0; i < count && done < n; i++) {
        size_t part = iov[i].iov_len < n - done ? iov[i].iov_len : n - done;

        vdisk__write(on, v, iov[i].iov_base, part, at + (off_t)done);
        done += part;
    }
    if (on->room != UINT64_MAX)
        on->room -= done;
    return (ssize_t)done;
}

static ssize_t v_pwritev(int fd, const struct iovec *iov, int count, off_t at)
{
    struct vnode *v = node_of(fd);
    enum vturn turn = v != NULL ? vdisk__turn(on, VDISK_WRITE) : TURN_FAILS;
    size_t n = 0;
    ssize_t may;
    ssize_t done = -1;

    if (turn == TURN_FAILS)
        return -1;
    for (int i = 0; i < count; i++)
        n += iov[i].iov_len;
    may = may_write(n);
    if (may >= 0 && turn == TURN_DIES) /* some of it */
        (void)put_parts(v, iov, count, at,
                        (size_t)rng_below(&on->rng, (uint64_t)may + 1));
    else if (may >= 0)
        done = put_parts(v, iov, count, at, (size_t)may);
    if (turn == TURN_DIES)
        errno = EIO;
    vdisk__note(on, CALL_WRITE, (uint64_t)at, done);
    return done;
}

static ssize_t v_write(int fd, const void *p, size_t n)
{
    struct iovec iov = {(void *)(uintptr_t)p, n};
    struct vfd *f = slot(fd);
    ssize_t done = f != NULL ? v_pwritev(fd, &iov, 1, f->at) : -1;

    if (done > 0)
        f->at += done;
    return done;
}

static int resize(int fd, off_t size, bool grow_only)
{
    struct vnode *v = node_of(fd);
    enum vturn turn = v != NULL ? vdisk__turn(on, VDISK_FAULTS) : TURN_FAILS;
    bool grows = v != NULL && (size_t)size > v->cache.len;

    if (turn == TURN_FAILS)
        return -1;
    if (grows && (size_t)size - v->cache.len > on->room) {
        errno = ENOSPC;
        return -1;
    }
    if (!grows && (grow_only || on->lie == VDISK_LIE_CUT))
        return turn == TURN_GO ? 0 : -1;
    if (turn == TURN_GO || vdisk__coin(on, 2))
        vdisk__resize(on, v, (size_t)size);
    vdisk__note(on, CALL_SIZE, (uint64_t)size, turn);
    return turn == TURN_GO ? 0 : -1;
}

static int v_ftruncate(int fd, off_t size)
{
    return resize(fd, size, false);
}

static int v_fallocate(int fd, off_t size)
{
    return resize(fd, size, true);
}

/* ---- syncing ---------------------------------------------------------------
 */

static bool ends_with(const char *path, const char *tail)
{
    size_t n = strlen(path);
    size_t k = strlen(tail);

    return n >= k && strcmp(path + n - k, tail) == 0;
}

static bool is_lied_about(uint32_t ino)
{
    char path[1024];

    if (on->lie == VDISK_HONEST)
        return false;
    vdisk__path_of(on, ino, path, sizeof path);
    switch (on->lie) {
    case VDISK_LIE_PACKS_DIR:
        return ends_with(path, "/packs");
    case VDISK_LIE_HOME_DIR:
        return ends_with(path, "/home");
    case VDISK_LIE_RECORDS_DIR:
        return ends_with(path, "/records");
    case VDISK_LIE_PACKS:
        return ends_with(path, ".pack");
    case VDISK_LIE_RECORDS:
        return ends_with(path, ".log");
    case VDISK_LIE_JOURNALS:
        return ends_with(path, "/roots") || ends_with(path, "/choices");
    case VDISK_LIE_TMP:
        return ends_with(path, ".tmp");
    case VDISK_LIE_INDEX:
        return strstr(path, "/index.db") != NULL;
    case VDISK_HONEST:
    case VDISK_LIE_FOLDER:
    case VDISK_LIE_CUT:
    case VDISK_LIE_ERROR:
        break;
    }
    return false;
}

static int carry_over(struct vnode *v)
{
    if (is_lied_about(v->ino))
        return 0;
    if (!v->dir) {
        vdisk__sync_bytes(v);
        return 0;
    }
    vdisk__commit(on, v->ino, on->change_count);
    vdisk__apply(on, false);
    return 0;
}

static int v_fsync(int fd)
{
    struct vnode *v = node_of(fd);
    bool failing = on->faults[VDISK_SYNC].times != 0 &&
                   on->faults[VDISK_SYNC].left == 0 && !on->stopped &&
                   !on->held;
    enum vturn turn = v != NULL ? vdisk__turn(on, VDISK_SYNC) : TURN_FAILS;

    vdisk__note(on, CALL_SYNC, v != NULL ? v->ino : 0, turn);
    if (turn == TURN_GO)
        return carry_over(v);
    if (v != NULL && failing && !v->dir)
        vdisk__lose_sync(on, v);
    return on->lie == VDISK_LIE_ERROR && failing ? 0 : -1;
}

static int v_syncfs(int fd)
{
    enum vturn turn =
        node_of(fd) != NULL ? vdisk__turn(on, VDISK_SYNC) : TURN_FAILS;

    vdisk__note(on, CALL_SYNC, 0, turn);
    if (turn == TURN_GO && on->lie != VDISK_LIE_FOLDER)
        vdisk_sync_all(on);
    return turn == TURN_GO ? 0 : -1;
}

static int v_fadvise(int fd, int advice)
{
    (void)advice;
    return node_of(fd) != NULL ? 0 : EBADF;
}

/* Nobody else is there to open anything. */
static int v_lease(int fd, int type)
{
    (void)fd;
    (void)type;
    return 0;
}

static int v_leased(int fd)
{
    (void)fd;
    return F_WRLCK;
}

static int v_flock(int fd, int how)
{
    (void)how; /* one process is all there is */
    return node_of(fd) != NULL ? 0 : -1;
}

/* ---- what is there ---------------------------------------------------------
 */

static void set_time(struct timespec *t, int64_t ns)
{
    t->tv_sec = (time_t)(ns / 1000000000);
    t->tv_nsec = (long)(ns % 1000000000);
}

static int fill(const struct vnode *v, struct stat *out)
{
    *out = (struct stat){.st_ino = v->ino,
                         .st_dev = 1,
                         .st_nlink = 1,
                         .st_mode = v->mode,
                         .st_uid = geteuid(),
                         .st_size = (off_t)v->cache.len};
    set_time(&out->st_mtim, v->mtime_ns);
    set_time(&out->st_ctim, v->mtime_ns);
    return 0;
}

static int v_fstat(int fd, struct stat *out)
{
    const struct vnode *v = node_of(fd);

    return v != NULL && vdisk__look(on, VDISK_FAULTS) ? fill(v, out) : -1;
}

static int v_fstatat(int dir, const char *path, struct stat *out, int flags)
{
    uint32_t ino = 0;

    (void)flags; /* there are no links */
    if (vdisk__look(on, VDISK_FAULTS))
        ino = vdisk__find(on, dir_of(dir), path);
    vdisk__note(on, CALL_STAT, (uint64_t)flags, ino);
    return ino != 0 ? fill(vdisk__node(on, ino), out) : -1;
}

static int v_faccessat(int dir, const char *path, int how)
{
    struct stat st;

    (void)how;
    return v_fstatat(dir, path, &st, 0);
}

static int v_fchmod(int fd, mode_t mode)
{
    struct vnode *v = node_of(fd);

    if (v == NULL || vdisk__turn(on, VDISK_FAULTS) != TURN_GO)
        return -1;
    v->mode = (v->mode & S_IFMT) | (mode & 0777);
    return 0;
}

static int v_futimens(int fd, const struct timespec times[2])
{
    struct vnode *v = node_of(fd);

    if (v == NULL || vdisk__turn(on, VDISK_FAULTS) != TURN_GO)
        return -1;
    v->mtime_ns =
        times[1].tv_nsec == UTIME_NOW
            ? vdisk_now_ns(on)
            : (int64_t)times[1].tv_sec * 1000000000 + times[1].tv_nsec;
    return 0;
}

static int space(struct statvfs *out)
{
    uint64_t bytes = on->room < (1ull << 40) ? on->room : 1ull << 40;

    *out = (struct statvfs){.f_bsize = 4096,
                            .f_frsize = 4096,
                            .f_blocks = 1ul << 28,
                            .f_bavail = (fsblkcnt_t)(bytes / 4096)};
    return vdisk__look(on, VDISK_FAULTS) ? 0 : -1;
}

static int v_statvfs(const char *path, struct statvfs *out)
{
    (void)path;
    return space(out);
}

static int v_fstatvfs(int fd, struct statvfs *out)
{
    return node_of(fd) != NULL ? space(out) : -1;
}

/* ---- names -----------------------------------------------------------------
 */

static int change(const struct vchange *c, enum vdisk_fault kind)
{
    enum vturn turn = vdisk__turn(on, kind);

    vdisk__note(on, CALL_NAME, c->at[0].dir, turn);
    if (turn == TURN_FAILS)
        return -1;
    if (turn == TURN_GO || vdisk__coin(on, 2))
        vdisk__change(on, c);
    errno = EIO;
    return turn == TURN_GO ? 0 : -1;
}

static int v_renameat2(int from_dir, const char *from, int to_dir,
                       const char *to, unsigned flags)
{
    struct vchange c = {.count = 2};
    uint32_t ino;
    uint32_t there;

    if (!vdisk__look(on, VDISK_FAULTS))
        return -1;
    c.at[0].dir = vdisk__find_parent(on, dir_of(from_dir), from, c.at[0].name);
    c.at[1].dir = vdisk__find_parent(on, dir_of(to_dir), to, c.at[1].name);
    ino = vdisk__find(on, dir_of(from_dir), from);
    if (ino == 0 || c.at[0].dir == 0 || c.at[1].dir == 0)
        return -1;
    there = vdisk__entry(&vdisk__node(on, c.at[1].dir)->names, c.at[1].name);
    if (there != 0 && (flags & RENAME_NOREPLACE) != 0) {
        errno = EEXIST;
        return -1;
    }
    if (there == ino)
        return 0;
    c.at[1].ino = ino;
    return change(&c, VDISK_RENAME);
}

static int v_unlinkat(int dir, const char *path, int flags)
{
    struct vchange c = {.count = 1};
    const struct vnode *v;
    uint32_t ino;

    if (!vdisk__look(on, VDISK_FAULTS))
        return -1;
    c.at[0].dir = vdisk__find_parent(on, dir_of(dir), path, c.at[0].name);
    ino = c.at[0].dir != 0 ? vdisk__find(on, c.at[0].dir, c.at[0].name) : 0;
    v = vdisk__node(on, ino);
    if (v == NULL)
        return -1;
    errno = 0;
    if (v->dir != ((flags & AT_REMOVEDIR) != 0))
        errno = v->dir ? EISDIR : ENOTDIR;
    else if (v->dir && v->names.count != 0)
        errno = ENOTEMPTY;
    return errno == 0 ? change(&c, VDISK_FAULTS) : -1;
}

static int v_mkdirat(int dir, const char *path, mode_t mode)
{
    struct vchange c = {.count = 1};

    if (!vdisk__look(on, VDISK_FAULTS))
        return -1;
    c.at[0].dir = vdisk__find_parent(on, dir_of(dir), path, c.at[0].name);
    if (c.at[0].dir == 0)
        return -1;
    if (vdisk__find(on, c.at[0].dir, c.at[0].name) != 0) {
        errno = EEXIST;
        return -1;
    }
    c.at[0].ino = vdisk__new_node(on, true, mode)->ino;
    return change(&c, VDISK_FAULTS);
}

static char *v_realpath(const char *path)
{
    if (!vdisk__look(on, VDISK_FAULTS) ||
        vdisk__find(on, VDISK_ROOT, path) == 0)
        return NULL;
    return strdup(path); /* absolute and without links it is anyway */
}

struct disk_dir { /* "." and ".." nobody misses */
    int fd;
    struct vnames names;
    size_t at;
};

static struct disk_dir *v_dir_open(int fd)
{
    const struct vnode *v = node_of(fd);
    struct disk_dir *r;

    if (v == NULL || !v->dir || !vdisk__look(on, VDISK_FAULTS))
        return NULL;
    r = mem_new(1, sizeof *r);
    r->fd = fd;
    vdisk__copy_names(&r->names, &v->names);
    return r;
}

static const char *v_dir_next(struct disk_dir *r)
{
    return r->at < r->names.count ? r->names.list[r->at++].name : NULL;
}

static void v_dir_close(struct disk_dir *r)
{
    (void)v_close(r->fd);
    free(r->names.list);
    free(r);
}

static const struct disk_calls calls = {
    .openat = v_openat,
    .openat2 = v_openat2,
    .close = v_close,
    .dup = v_dup,
    .read = v_read,
    .write = v_write,
    .pread = v_pread,
    .pwritev = v_pwritev,
    .fdatasync = v_fsync,
    .fsync = v_fsync,
    .syncfs = v_syncfs,
    .ftruncate = v_ftruncate,
    .fallocate = v_fallocate,
    .fadvise = v_fadvise,
    .flock = v_flock,
    .lease = v_lease,
    .leased = v_leased,
    .fstat = v_fstat,
    .fstatat = v_fstatat,
    .fchmod = v_fchmod,
    .futimens = v_futimens,
    .fstatvfs = v_fstatvfs,
    .statvfs = v_statvfs,
    .faccessat = v_faccessat,
    .renameat2 = v_renameat2,
    .unlinkat = v_unlinkat,
    .mkdirat = v_mkdirat,
    .realpath = v_realpath,
    .dir_open = v_dir_open,
    .dir_next = v_dir_next,
    .dir_close = v_dir_close,
};

void vdisk__use_calls(struct vdisk *d)
{
    on = d;
    disk_use(d != NULL ? &calls : NULL);
}
