/* vdisk_fds: what is open, and opening. */
#include "simulations/vdisk_calls.h"

#include <errno.h>
#include <string.h>

struct vfd *vdisk__slot(int fd)
{
    int at = fd - VDISK_FD_FIRST;

    if (at < 0 || at >= VDISK_FDS || vdisk__on->fds[at].ino == 0) {
        errno = EBADF;
        return NULL;
    }
    return &vdisk__on->fds[at];
}

struct vnode *vdisk__node_of(int fd)
{
    const struct vfd *f = vdisk__slot(fd);

    return f != NULL ? vdisk__node(vdisk__on, f->ino) : NULL;
}

uint32_t vdisk__dir_of(int fd)
{
    const struct vfd *f;

    if (fd == AT_FDCWD)
        return VDISK_ROOT;
    f = vdisk__slot(fd);
    return f != NULL ? f->ino : 0;
}

int vdisk__give(uint32_t ino, int flags)
{
    for (int i = 0; i < VDISK_FDS; i++)
        if (vdisk__on->fds[i].ino == 0) {
            vdisk__on->fds[i] = (struct vfd){.ino = ino, .flags = flags};
            return VDISK_FD_FIRST + i;
        }
    errno = EMFILE;
    return -1;
}

int vdisk__close(int fd)
{
    struct vfd *f = vdisk__slot(fd);

    if (f == NULL)
        return vdisk__on->stopped ? 0 : -1;
    f->ino = 0;
    return 0;
}

static int v_dup(int fd)
{
    const struct vfd *f = vdisk__slot(fd);

    return f != NULL ? vdisk__give(f->ino, f->flags) : -1;
}

/* ---- opening ---------------------------------------------------------------
 */

static uint32_t create(uint32_t from, const char *path, mode_t mode)
{
    struct vchange c = {.count = 1};
    enum vturn turn = vdisk__turn(vdisk__on, VDISK_FAULTS);

    c.at[0].dir = vdisk__find_parent(vdisk__on, from, path, c.at[0].name);
    if (c.at[0].dir == 0 || turn == TURN_FAILS)
        return 0;
    if (turn == TURN_GO || vdisk__coin(vdisk__on, 2)) {
        c.at[0].ino = vdisk__new_node(vdisk__on, false, mode)->ino;
        vdisk__change(vdisk__on, &c);
    }
    if (turn == TURN_GO)
        return c.at[0].ino;
    errno = EIO;
    return 0;
}

static int empty(struct vnode *v)
{
    enum vturn turn =
        v->cache.len != 0 ? vdisk__turn(vdisk__on, VDISK_FAULTS) : TURN_GO;

    if (turn == TURN_FAILS)
        return -1;
    if (turn == TURN_GO || vdisk__coin(vdisk__on, 2))
        vdisk__resize(vdisk__on, v, 0);
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

    if (from == 0 || !vdisk__look(vdisk__on, VDISK_OPEN))
        return -1;
    ino = vdisk__find(vdisk__on, from, path);
    if (ino == 0 && errno == ENOENT && (flags & O_CREAT) != 0) {
        ino = create(from, path, mode);
        return ino != 0 ? vdisk__give(ino, flags) : -1;
    }
    if (ino == 0)
        return -1;
    why = why_not(vdisk__node(vdisk__on, ino), flags);
    if (why != 0) {
        errno = why;
        return -1;
    }
    if ((flags & O_TRUNC) != 0 && empty(vdisk__node(vdisk__on, ino)) != 0)
        return -1;
    return vdisk__give(ino, flags);
}

static int v_openat(int dir, const char *path, int flags, mode_t mode)
{
    int fd = open_from(vdisk__dir_of(dir), path, flags, mode);

    vdisk__note(vdisk__on, CALL_OPEN, (uint64_t)flags, fd);
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

void vdisk__calls_of_fds(struct disk_calls *c)
{
    c->openat = v_openat;
    c->openat2 = v_openat2;
    c->close = vdisk__close;
    c->dup = v_dup;
}
