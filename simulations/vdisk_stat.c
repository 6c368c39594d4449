/* vdisk_stat: what is there, and whose it is. */
#include "simulations/vdisk_calls.h"

#include <errno.h>
#include <sys/file.h>
#include <unistd.h>

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
    const struct vnode *v = vdisk__node_of(fd);

    return v != NULL && vdisk__look(vdisk__on, VDISK_FAULTS) ? fill(v, out)
                                                             : -1;
}

static int v_fstatat(int dir, const char *path, struct stat *out, int flags)
{
    uint32_t ino = 0;

    (void)flags; /* there are no links */
    if (vdisk__look(vdisk__on, VDISK_FAULTS))
        ino = vdisk__find(vdisk__on, vdisk__dir_of(dir), path);
    vdisk__note(vdisk__on, CALL_STAT, (uint64_t)flags, ino);
    return ino != 0 ? fill(vdisk__node(vdisk__on, ino), out) : -1;
}

static int v_faccessat(int dir, const char *path, int how)
{
    struct stat st;

    (void)how;
    return v_fstatat(dir, path, &st, 0);
}

static int v_fchmod(int fd, mode_t mode)
{
    struct vnode *v = vdisk__node_of(fd);

    if (v == NULL || vdisk__turn(vdisk__on, VDISK_FAULTS) != TURN_GO)
        return -1;
    v->mode = (v->mode & S_IFMT) | (mode & 0777);
    return 0;
}

static int v_futimens(int fd, const struct timespec times[2])
{
    struct vnode *v = vdisk__node_of(fd);

    if (v == NULL || vdisk__turn(vdisk__on, VDISK_FAULTS) != TURN_GO)
        return -1;
    v->mtime_ns =
        times[1].tv_nsec == UTIME_NOW
            ? vdisk_now_ns(vdisk__on)
            : (int64_t)times[1].tv_sec * 1000000000 + times[1].tv_nsec;
    return 0;
}

static int space(struct statvfs *out)
{
    uint64_t bytes =
        vdisk__on->room < (1ull << 40) ? vdisk__on->room : 1ull << 40;

    *out = (struct statvfs){.f_bsize = 4096,
                            .f_frsize = 4096,
                            .f_blocks = 1ul << 28,
                            .f_bavail = (fsblkcnt_t)(bytes / 4096)};
    return vdisk__look(vdisk__on, VDISK_FAULTS) ? 0 : -1;
}

static int v_statvfs(const char *path, struct statvfs *out)
{
    (void)path;
    return space(out);
}

static int v_fstatvfs(int fd, struct statvfs *out)
{
    return vdisk__node_of(fd) != NULL ? space(out) : -1;
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

static bool is_in_the_way(const struct vfd *f, const struct vfd *other, int how)
{
    return other != f && other->ino == f->ino && other->locked != 0 &&
           (how == LOCK_EX || other->locked == LOCK_EX);
}

static int v_flock(int fd, int how)
{
    struct vfd *f = vdisk__slot(fd);

    how &= ~LOCK_NB;
    if (f == NULL)
        return -1;
    for (int i = 0; i < VDISK_FDS && how != LOCK_UN; i++)
        if (is_in_the_way(f, &vdisk__on->fds[i], how) &&
            vdisk__on->lie != VDISK_LIE_LOCK) {
            errno = EWOULDBLOCK;
            return -1;
        }
    f->locked = how == LOCK_UN ? 0 : how;
    return 0;
}

void vdisk__calls_of_stat(struct disk_calls *c)
{
    c->fstat = v_fstat;
    c->fstatat = v_fstatat;
    c->faccessat = v_faccessat;
    c->fchmod = v_fchmod;
    c->futimens = v_futimens;
    c->fstatvfs = v_fstatvfs;
    c->statvfs = v_statvfs;
    c->flock = v_flock;
    c->lease = v_lease;
    c->leased = v_leased;
}
