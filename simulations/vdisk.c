#include "simulations/vdisk_internal.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "simulations/dice.h"
#include "simulations/mem.h"

#define STEP_NS 1000000       /* a millisecond a change */
#define SLOW_NS 10000000000u  /* up to ten seconds */
#define START_NS 1700000000e9 /* some day in 2023 */
#define BOOT_DIR "/proc/sys/kernel/random"
#define BOOT_ID_CHARS 37

/* ---- nodes -----------------------------------------------------------------
 */

struct vnode *vdisk__node(const struct vdisk *d, uint32_t ino)
{
    return ino != 0 && ino <= d->count ? d->nodes[ino - 1] : NULL;
}

struct vnode *vdisk__new_node(struct vdisk *d, bool dir, mode_t mode)
{
    struct vnode *v = mem_new(1, sizeof *v);

    if (d->count == d->cap) {
        d->cap = d->cap != 0 ? 2 * d->cap : 64;
        d->nodes = mem_grow(d->nodes, d->cap, sizeof *d->nodes);
    }
    d->nodes[d->count++] = v;
    v->ino = (uint32_t)d->count;
    v->dir = dir;
    v->mode = (dir ? (mode_t)S_IFDIR : (mode_t)S_IFREG) | (mode & 0777);
    v->mtime_ns = v->synced_mtime_ns = d->now_ns;
    return v;
}

void vdisk__free_node(struct vdisk *d, uint32_t ino)
{
    struct vnode *v = vdisk__node(d, ino);

    if (v == NULL)
        return;
    free(v->cache.base);
    free(v->platter.base);
    free(v->dirty);
    free(v->names.list);
    free(v->synced.list);
    free(v);
    d->nodes[ino - 1] = NULL;
}

static uint32_t make_dir(struct vdisk *d, const char *path)
{
    struct vchange c = {.count = 1};

    c.at[0].dir = vdisk__find_parent(d, VDISK_ROOT, path, c.at[0].name);
    c.at[0].ino = vdisk__new_node(d, true, 0755)->ino;
    vdisk__change(d, &c);
    return c.at[0].ino;
}

void vdisk__write_boot_id(struct vdisk *d)
{
    char text[BOOT_ID_CHARS + 1];
    uint32_t ino = vdisk__find(d, VDISK_ROOT, BOOT_DIR "/boot_id");

    (void)snprintf(text, sizeof text, "%08x-0000-4000-8000-000000000000\n",
                   (unsigned)++d->boots);
    vdisk__write(d, vdisk__node(d, ino), text, BOOT_ID_CHARS, 0);
    vdisk__sync_bytes(vdisk__node(d, ino));
}

static void make_proc(struct vdisk *d)
{
    struct vchange c = {.count = 1, .at[0] = {.name = "boot_id"}};

    (void)make_dir(d, "/proc");
    (void)make_dir(d, "/proc/sys");
    (void)make_dir(d, "/proc/sys/kernel");
    c.at[0].dir = make_dir(d, BOOT_DIR);
    c.at[0].ino = vdisk__new_node(d, false, 0444)->ino;
    vdisk__change(d, &c);
    vdisk__write_boot_id(d);
}

struct vdisk *vdisk_new(uint64_t rng_seed)
{
    struct vdisk *d = mem_new(1, sizeof *d);

    dice_init(&d->rng, rng_seed, 77);
    d->room = UINT64_MAX;
    d->now_ns = (int64_t)START_NS;
    (void)vdisk__new_node(d, true, 0755);
    make_proc(d);
    vdisk_sync_all(d);
    return d;
}

void vdisk_free(struct vdisk *d)
{
    if (d == NULL)
        return;
    for (uint32_t i = 1; i <= d->count; i++)
        vdisk__free_node(d, i);
    free(d->nodes);
    free(d->changes);
    free(d);
}

void vdisk_mount(struct vdisk *d)
{
    vdisk__use_calls(d);
    vdisk__use_sqlite(d);
}

void vdisk_sync_all(struct vdisk *d)
{
    for (uint32_t i = 1; i <= d->count; i++) {
        struct vnode *v = vdisk__node(d, i);

        if (v != NULL && v->dir)
            vdisk__commit(d, i, d->change_count);
        else if (v != NULL)
            vdisk__sync_bytes(v);
    }
    vdisk__apply(d, false);
}

/* ---- what goes wrong -------------------------------------------------------
 */

bool vdisk__coin(struct vdisk *d, uint64_t n)
{
    return rng_below(&d->rng, n) == 0;
}

void vdisk__note(struct vdisk *d, unsigned call, uint64_t a, int64_t result)
{
    d->hash = rng_mix(d->hash ^ rng_mix(a) ^ ((uint64_t)call << 56) ^
                      (uint64_t)result << 1);
}

static bool fails(struct vdisk *d, enum vdisk_fault kind)
{
    struct vfault *f = &d->faults[kind];

    if (f->times == 0)
        return false;
    if (f->left > 0) {
        f->left--;
        return false;
    }
    f->times--;
    if (f->then_stop != 0)
        d->stop_left = f->then_stop;
    errno = f->errnum;
    return true;
}

bool vdisk__look(struct vdisk *d, enum vdisk_fault kind)
{
    if (d->stopped) {
        errno = EIO;
        return false;
    }
    return kind == VDISK_FAULTS || d->held || !fails(d, kind);
}

enum vturn vdisk__turn(struct vdisk *d, enum vdisk_fault kind)
{
    if (!vdisk__look(d, kind))
        return TURN_FAILS;
    d->steps++;
    d->now_ns += STEP_NS;
    if (d->slow && vdisk__coin(d, 16))
        d->now_ns += (int64_t)rng_below(&d->rng, SLOW_NS);
    if (d->held || d->stop_left == 0 || --d->stop_left != 0)
        return TURN_GO;
    d->stopped = true;
    errno = EIO;
    return TURN_DIES;
}

void vdisk_stop_after(struct vdisk *d, uint64_t n)
{
    d->stop_left = n;
}

bool vdisk_stopped(const struct vdisk *d)
{
    return d->stopped;
}

void vdisk_stop_now(struct vdisk *d)
{
    d->stopped = true;
}

void vdisk_hold(struct vdisk *d, bool on)
{
    d->held = on;
}

void vdisk_kill(struct vdisk *d)
{
    memset(d->fds, 0, sizeof d->fds);
    d->stopped = false;
    d->stop_left = 0;
    vdisk__forget_lost(d);
}

void vdisk_fail(struct vdisk *d, enum vdisk_fault kind, uint64_t n,
                unsigned times, int errnum)
{
    d->faults[kind] = (struct vfault){n, times, errnum, 0};
}

void vdisk_fail_then_stop(struct vdisk *d, enum vdisk_fault kind, uint64_t n,
                          int errnum, uint64_t changes)
{
    d->faults[kind] = (struct vfault){n, 1, errnum, changes};
}

void vdisk_room(struct vdisk *d, uint64_t bytes)
{
    d->room = bytes;
}

void vdisk_choppy(struct vdisk *d, bool on)
{
    d->choppy = on;
}

void vdisk_slow(struct vdisk *d, bool on)
{
    d->slow = on;
}

void vdisk_lie(struct vdisk *d, enum vdisk_lie what)
{
    d->lie = what;
}

/* ---- looking ---------------------------------------------------------------
 */

uint64_t vdisk_changes(const struct vdisk *d)
{
    return d->steps;
}

uint64_t vdisk_hash(const struct vdisk *d)
{
    return d->hash;
}

int64_t vdisk_now_ns(const struct vdisk *d)
{
    return d->now_ns;
}

static void each_below(const struct vdisk *d, uint32_t ino, const char *path,
                       void (*fn)(void *user, const char *path, bool dir),
                       void *user)
{
    const struct vnode *v = vdisk__node(d, ino);

    for (size_t i = 0; i < v->names.count; i++) {
        const struct vnode *child = vdisk__node(d, v->names.list[i].ino);
        char below[1024];

        (void)snprintf(below, sizeof below, "%s/%s", path,
                       v->names.list[i].name);
        fn(user, below, child->dir);
        if (child->dir)
            each_below(d, child->ino, below, fn, user);
    }
}

void vdisk_each(const struct vdisk *d,
                void (*fn)(void *user, const char *path, bool dir), void *user)
{
    each_below(d, VDISK_ROOT, "", fn, user);
}
