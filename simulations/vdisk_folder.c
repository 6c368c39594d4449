/* vdisk_folder: names that come, go and move, and folders that are read. */
#include "simulations/vdisk_calls.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "simulations/mem.h"

static int change(const struct vchange *c, enum vdisk_fault kind)
{
    enum vturn turn = vdisk__turn(vdisk__on, kind);

    vdisk__note(vdisk__on, CALL_NAME, c->at[0].dir, turn);
    if (turn == TURN_FAILS)
        return -1;
    if (turn == TURN_GO || vdisk__coin(vdisk__on, 2))
        vdisk__change(vdisk__on, c);
    errno = EIO;
    return turn == TURN_GO ? 0 : -1;
}

static int v_renameat2(int from_dir, const char *from, int to_dir,
                       const char *to, unsigned flags)
{
    struct vchange c = {.count = 2};
    uint32_t ino;
    uint32_t there;

    if (!vdisk__look(vdisk__on, VDISK_FAULTS))
        return -1;
    c.at[0].dir = vdisk__find_parent(vdisk__on, vdisk__dir_of(from_dir), from,
                                     c.at[0].name);
    c.at[1].dir =
        vdisk__find_parent(vdisk__on, vdisk__dir_of(to_dir), to, c.at[1].name);
    ino = vdisk__find(vdisk__on, vdisk__dir_of(from_dir), from);
    if (ino == 0 || c.at[0].dir == 0 || c.at[1].dir == 0)
        return -1;
    there =
        vdisk__entry(&vdisk__node(vdisk__on, c.at[1].dir)->names, c.at[1].name);
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

    if (!vdisk__look(vdisk__on, VDISK_FAULTS))
        return -1;
    c.at[0].dir =
        vdisk__find_parent(vdisk__on, vdisk__dir_of(dir), path, c.at[0].name);
    ino = c.at[0].dir != 0 ? vdisk__find(vdisk__on, c.at[0].dir, c.at[0].name)
                           : 0;
    v = vdisk__node(vdisk__on, ino);
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

    if (!vdisk__look(vdisk__on, VDISK_FAULTS))
        return -1;
    c.at[0].dir =
        vdisk__find_parent(vdisk__on, vdisk__dir_of(dir), path, c.at[0].name);
    if (c.at[0].dir == 0)
        return -1;
    if (vdisk__find(vdisk__on, c.at[0].dir, c.at[0].name) != 0) {
        errno = EEXIST;
        return -1;
    }
    c.at[0].ino = vdisk__new_node(vdisk__on, true, mode)->ino;
    return change(&c, VDISK_FAULTS);
}

static char *v_realpath(const char *path)
{
    if (!vdisk__look(vdisk__on, VDISK_FAULTS) ||
        vdisk__find(vdisk__on, VDISK_ROOT, path) == 0)
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
    const struct vnode *v = vdisk__node_of(fd);
    struct disk_dir *r;

    if (v == NULL || !v->dir || !vdisk__look(vdisk__on, VDISK_FAULTS))
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
    (void)vdisk__close(r->fd);
    free(r->names.list);
    free(r);
}

void vdisk__calls_of_folder(struct disk_calls *c)
{
    c->renameat2 = v_renameat2;
    c->unlinkat = v_unlinkat;
    c->mkdirat = v_mkdirat;
    c->realpath = v_realpath;
    c->dir_open = v_dir_open;
    c->dir_next = v_dir_next;
    c->dir_close = v_dir_close;
}
