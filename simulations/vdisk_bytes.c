/* vdisk_bytes: what files hold, in the page cache and on the platter. */
#include "simulations/vdisk_internal.h"

#include <stdlib.h>
#include <string.h>

#include "simulations/mem.h"

void vdisk__set_len(struct vbytes *b, size_t len)
{
    if (len > b->cap) {
        size_t cap = b->cap != 0 ? 2 * b->cap : 4096;

        cap = cap < len ? len : cap;
        b->base = mem_grow(b->base, cap, 1);
        memset(b->base + b->cap, 0, cap - b->cap);
        b->cap = cap;
    }
    if (len < b->len)
        memset(b->base + len, 0, b->len - len);
    b->len = len;
}

static void mark(struct vnode *v, size_t from, size_t to) /* bytes */
{
    size_t first = from / VDISK_SECTOR;
    size_t end = (to + VDISK_SECTOR - 1) / VDISK_SECTOR;

    if (from == to)
        return;
    if (end > v->dirty_cap) {
        size_t cap = 2 * end + 8;

        v->dirty = mem_grow(v->dirty, cap, 1);
        memset(v->dirty + v->dirty_cap, 0, cap - v->dirty_cap);
        v->dirty_cap = cap;
    }
    memset(v->dirty + first, 1, end - first);
    if (v->dirty_from == v->dirty_to) {
        v->dirty_from = first;
        v->dirty_to = end;
    }
    v->dirty_from = first < v->dirty_from ? first : v->dirty_from;
    v->dirty_to = end > v->dirty_to ? end : v->dirty_to;
}

bool vdisk__is_dirty(const struct vnode *v, size_t sector)
{
    return sector >= v->dirty_from && sector < v->dirty_to &&
           v->dirty[sector] != 0;
}

void vdisk__clean(struct vnode *v)
{
    if (v->dirty_to != v->dirty_from)
        memset(v->dirty + v->dirty_from, 0, v->dirty_to - v->dirty_from);
    v->dirty_from = v->dirty_to = 0;
    v->resized = false;
}

ssize_t vdisk__read(const struct vnode *v, void *p, size_t n, off_t at)
{
    size_t left;

    if ((size_t)at >= v->cache.len)
        return 0;
    left = v->cache.len - (size_t)at;
    n = n < left ? n : left;
    if (n != 0)
        memcpy(p, v->cache.base + at, n);
    return (ssize_t)n;
}

void vdisk__write(struct vdisk *d, struct vnode *v, const void *p, size_t n,
                  off_t at)
{
    size_t end = (size_t)at + n;

    if (n == 0)
        return;
    if (end > v->cache.len)
        vdisk__resize(d, v, end);
    memcpy(v->cache.base + at, p, n);
    mark(v, (size_t)at, end);
    v->mtime_ns = d->now_ns;
}

void vdisk__resize(struct vdisk *d, struct vnode *v, size_t len)
{
    size_t was = v->cache.len;

    if (len == was)
        return;
    vdisk__set_len(&v->cache, len);
    mark(v, len < was ? len : was, len < was ? was : len);
    v->resized = true;
    v->mtime_ns = d->now_ns;
}

void vdisk__sync_bytes(struct vnode *v)
{
    vdisk__set_len(&v->platter, v->cache.len);
    for (size_t s = v->dirty_from; s < v->dirty_to; s++) {
        size_t at = s * VDISK_SECTOR;
        size_t n = v->cache.len > at ? v->cache.len - at : 0;

        if (v->dirty[s] != 0 && n != 0)
            memcpy(v->platter.base + at, v->cache.base + at,
                   n < VDISK_SECTOR ? n : VDISK_SECTOR);
    }
    v->synced_mtime_ns = v->mtime_ns;
    vdisk__clean(v);
}

/* A file keeps its length: the cache of nodes is another one. */
void vdisk__uncache(struct vnode *v)
{
    size_t sectors = (v->cache.len + VDISK_SECTOR - 1) / VDISK_SECTOR;

    for (size_t s = 0; s < sectors; s++) {
        size_t at = s * VDISK_SECTOR;
        size_t n =
            v->cache.len - at < VDISK_SECTOR ? v->cache.len - at : VDISK_SECTOR;
        size_t has = v->platter.len > at ? v->platter.len - at : 0;

        if (vdisk__is_dirty(v, s))
            continue;
        has = has < n ? has : n;
        if (has != 0)
            memcpy(v->cache.base + at, v->platter.base + at, has);
        memset(v->cache.base + at + has, 0, n - has);
    }
}

void vdisk__lose_sync(struct vdisk *d, struct vnode *v)
{
    if (vdisk__coin(d, 2)) { /* and the cache has dropped them already */
        vdisk__set_len(&v->cache, v->platter.len);
        if (v->platter.len != 0)
            memcpy(v->cache.base, v->platter.base, v->platter.len);
    }
    vdisk__clean(v);
    v->sync_failed = true;
}
