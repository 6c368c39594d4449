/* vdisk_sync: from the page cache to the platter, and what a sync that fails
 * leaves. */
#include "simulations/vdisk_calls.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

static bool ends_with(const char *path, const char *tail)
{
    size_t n = strlen(path);
    size_t k = strlen(tail);

    return n >= k && strcmp(path + n - k, tail) == 0;
}

static bool is_lied_about(uint32_t ino)
{
    char path[1024];

    if (vdisk__on->lie == VDISK_HONEST)
        return false;
    vdisk__path_of(vdisk__on, ino, path, sizeof path);
    switch (vdisk__on->lie) {
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
    case VDISK_LIE_STICK:
        return strncmp(path, "/stick/", 7) == 0;
    case VDISK_LIE_RESTORED:
        return strncmp(path, "/home.restoring", 15) == 0;
    case VDISK_LIE_PARTIAL:
        return strstr(path, "/partial/") != NULL;
    case VDISK_LIE_CACHE:
    case VDISK_LIE_LOCK:
    case VDISK_HONEST:
    case VDISK_LIE_FOLDER:
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
    vdisk__commit(vdisk__on, v->ino, vdisk__on->change_count);
    vdisk__apply(vdisk__on, false);
    return 0;
}

/* The next sync fails, and takes along what it was for. */
static bool will_fail(void)
{
    return vdisk__on->faults[VDISK_SYNC].times != 0 &&
           vdisk__on->faults[VDISK_SYNC].left == 0 && !vdisk__on->stopped &&
           !vdisk__on->held;
}

static int v_fsync(int fd)
{
    struct vnode *v = vdisk__node_of(fd);
    bool failing = will_fail();
    enum vturn turn =
        v != NULL ? vdisk__turn(vdisk__on, VDISK_SYNC) : TURN_FAILS;

    vdisk__note(vdisk__on, CALL_SYNC, v != NULL ? v->ino : 0, turn);
    if (turn == TURN_GO)
        return carry_over(v);
    if (v != NULL && failing && !v->dir)
        vdisk__lose_sync(vdisk__on, v);
    return vdisk__on->lie == VDISK_LIE_ERROR && failing ? 0 : -1;
}

/* Of all that waited something was lost, and something still waits. */
static void lose_some(void)
{
    for (uint32_t i = 1; i <= vdisk__on->count; i++) {
        struct vnode *v = vdisk__node(vdisk__on, i);

        if (v != NULL && !v->dir && v->dirty_from != v->dirty_to &&
            vdisk__coin(vdisk__on, 2))
            vdisk__lose_sync(vdisk__on, v);
    }
}

static int v_syncfs(int fd)
{
    bool failing = will_fail();
    enum vturn turn = vdisk__node_of(fd) != NULL
                          ? vdisk__turn(vdisk__on, VDISK_SYNC)
                          : TURN_FAILS;

    vdisk__note(vdisk__on, CALL_SYNC, 0, turn);
    if (turn == TURN_GO && vdisk__on->lie != VDISK_LIE_FOLDER)
        vdisk_sync_all(vdisk__on);
    else if (turn == TURN_FAILS && failing)
        lose_some();
    return turn == TURN_GO ? 0 : -1;
}

bool vdisk_sync_failed(struct vdisk *d, const char *dir)
{
    bool any = false;

    for (uint32_t i = 1; i <= d->count; i++) {
        struct vnode *v = vdisk__node(d, i);
        char path[1024];

        if (v == NULL || !v->sync_failed)
            continue;
        v->sync_failed = false;
        vdisk__path_of(d, i, path, sizeof path);
        any |= strncmp(path, dir, strlen(dir)) == 0;
    }
    return any;
}

static int v_fadvise(int fd, int advice)
{
    struct vnode *v = vdisk__node_of(fd);

    if (v != NULL && advice == POSIX_FADV_DONTNEED && !v->dir &&
        !vdisk__on->stopped && vdisk__on->lie != VDISK_LIE_CACHE)
        vdisk__uncache(v);
    return v != NULL ? 0 : EBADF;
}

void vdisk__calls_of_sync(struct disk_calls *c)
{
    c->fdatasync = v_fsync;
    c->fsync = v_fsync;
    c->syncfs = v_syncfs;
    c->fadvise = v_fadvise;
}
