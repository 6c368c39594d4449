/* vdisk_cut: the power goes. What was synced is there afterwards; of the rest,
 * the dice say. */
#include "simulations/vdisk_internal.h"

#include <stdlib.h>
#include <string.h>

/* What becomes of the sectors of one file that were not synced. One fate for
 * all of them is what happens mostly, and what hurts most when two files that
 * belong together meet different ones. */
enum fate { FATE_KEPT, FATE_LOST, FATE_MIXED, FATE_START, FATES };

struct cut {
    struct vdisk *d;
    struct vnode *v;
    enum fate fate;
    size_t start; /* FATE_START: sectors before this one are kept */
};

static void tear(struct cut *c, size_t at, size_t n)
{
    size_t part = (size_t)rng_below(&c->d->rng, n + 1);

    memcpy(c->v->platter.base + at, c->v->cache.base + at, part);
}

static void cut_sector(struct cut *c, size_t sector)
{
    size_t at = sector * VDISK_SECTOR;
    size_t end = c->v->platter.len < c->v->cache.len ? c->v->platter.len
                                                     : c->v->cache.len;
    size_t n = end > at ? end - at : 0;

    n = n < VDISK_SECTOR ? n : VDISK_SECTOR;
    if (n == 0 || !vdisk__is_dirty(c->v, sector))
        return;
    switch (c->fate) {
    case FATE_KEPT:
        memcpy(c->v->platter.base + at, c->v->cache.base + at, n);
        break;
    case FATE_START:
        if (sector < c->start)
            memcpy(c->v->platter.base + at, c->v->cache.base + at, n);
        else if (sector == c->start)
            tear(c, at, n);
        break;
    case FATE_MIXED:
        if (vdisk__coin(c->d, 2))
            memcpy(c->v->platter.base + at, c->v->cache.base + at, n);
        else if (vdisk__coin(c->d, 3))
            tear(c, at, n);
        break;
    case FATE_LOST:
    case FATES:
        break;
    }
}

/* The length is a change like any other: the old one, the new one, or one on
 * the way. */
static void cut_length(struct cut *c)
{
    size_t from = c->v->platter.len;
    size_t to = c->v->cache.len;
    size_t span = to > from ? to - from : from - to;
    size_t part = span;

    if (!c->v->resized)
        return;
    if (c->fate == FATE_LOST)
        part = vdisk__coin(c->d, 4) ? span : 0; /* zeros, or nothing */
    else if (c->fate != FATE_KEPT && to > from)
        part = (size_t)rng_below(&c->d->rng, span + 1);
    else if (c->fate != FATE_KEPT)
        part = vdisk__coin(c->d, 2) ? span : 0;
    vdisk__set_len(&c->v->platter, to > from ? from + part : from - part);
}

static void cut_file(struct vdisk *d, struct vnode *v)
{
    struct cut c = {.d = d, .v = v};
    bool touched = v->resized || v->dirty_from != v->dirty_to;

    if (touched) {
        c.fate = (enum fate)rng_below(&d->rng, FATES);
        c.start = v->dirty_from +
                  (size_t)rng_below(&d->rng, v->dirty_to - v->dirty_from + 1);
        cut_length(&c);
        for (size_t s = v->dirty_from; s < v->dirty_to; s++)
            cut_sector(&c, s);
        if (vdisk__coin(d, 2))
            v->synced_mtime_ns = v->mtime_ns;
    }
    vdisk__set_len(&v->cache, v->platter.len);
    if (v->platter.len != 0)
        memcpy(v->cache.base, v->platter.base, v->platter.len);
    v->mtime_ns = v->synced_mtime_ns;
    vdisk__clean(v);
}

/* In each folder the changes up to some one are kept. */
static void cut_names(struct vdisk *d)
{
    for (uint32_t i = 1; i <= d->count && d->change_count != 0; i++) {
        size_t upto = d->change_count;

        if (vdisk__node(d, i) == NULL || !vdisk__node(d, i)->dir ||
            vdisk__coin(d, 3))
            continue;
        if (!vdisk__coin(d, 3))
            upto = (size_t)rng_below(&d->rng, upto + 1);
        vdisk__commit(d, i, upto);
    }
    vdisk__apply(d, true);
    for (size_t i = 0; i < d->count; i++)
        if (d->nodes[i] != NULL && d->nodes[i]->dir)
            vdisk__copy_names(&d->nodes[i]->names, &d->nodes[i]->synced);
}

static void reach(struct vdisk *d, const struct vnames *names)
{
    for (size_t i = 0; i < names->count; i++) {
        struct vnode *v = vdisk__node(d, names->list[i].ino);

        if (v->reached)
            continue;
        v->reached = true;
        reach(d, &v->names);
        reach(d, &v->synced);
    }
}

void vdisk__forget_lost(struct vdisk *d)
{
    for (size_t i = 0; i < d->count; i++)
        if (d->nodes[i] != NULL)
            d->nodes[i]->reached = i + 1 == VDISK_ROOT;
    for (size_t i = 0; i < d->change_count; i++)
        for (size_t k = 0; k < d->changes[i].count; k++) {
            struct vnode *v = vdisk__node(d, d->changes[i].at[k].ino);

            vdisk__node(d, d->changes[i].at[k].dir)->reached = true;
            if (v != NULL)
                v->reached = true;
        }
    for (size_t i = 0; i < d->count; i++)
        if (d->nodes[i] != NULL && d->nodes[i]->reached) {
            reach(d, &d->nodes[i]->names);
            reach(d, &d->nodes[i]->synced);
        }
    for (uint32_t i = 1; i <= d->count; i++)
        if (d->nodes[i - 1] != NULL && !d->nodes[i - 1]->reached)
            vdisk__free_node(d, i);
}

void vdisk_power_cut(struct vdisk *d)
{
    cut_names(d);
    for (size_t i = 0; i < d->count; i++)
        if (d->nodes[i] != NULL && !d->nodes[i]->dir)
            cut_file(d, d->nodes[i]);
    vdisk__write_boot_id(d);
    vdisk_kill(d);
}

/* ---- rot -------------------------------------------------------------------
 */

static void rot_sector(struct vdisk *d, struct vnode *v)
{
    size_t sectors = (v->platter.len + VDISK_SECTOR - 1) / VDISK_SECTOR;
    size_t at = (size_t)rng_below(&d->rng, sectors) * VDISK_SECTOR;
    size_t n = v->platter.len - at;
    uint64_t how = rng_below(&d->rng, 3);

    n = n < VDISK_SECTOR ? n : VDISK_SECTOR;
    if (how == 0) /* a bit */
        v->platter.base[at + rng_below(&d->rng, n)] ^=
            (uint8_t)(1u << rng_below(&d->rng, 8));
    for (size_t i = 0; i < n && how != 0; i++)
        v->platter.base[at + i] = how == 1 ? 0 : (uint8_t)rng_next(&d->rng);
}

static bool can_rot(const struct vdisk *d, const struct vnode *v,
                    bool (*may)(const char *path))
{
    char path[1024];

    if (v == NULL || v->dir || v->platter.len == 0)
        return false;
    vdisk__path_of(d, v->ino, path, sizeof path);
    return may(path);
}

unsigned vdisk_rot(struct vdisk *d, bool (*may)(const char *path))
{
    unsigned sectors = 1 + (unsigned)rng_below(&d->rng, 3);
    size_t files = 0;
    size_t chosen;

    for (size_t i = 0; i < d->count; i++)
        files += can_rot(d, d->nodes[i], may);
    if (files == 0)
        return 0;
    chosen = (size_t)rng_below(&d->rng, files);
    for (size_t i = 0; i < d->count; i++) {
        if (!can_rot(d, d->nodes[i], may) || chosen-- != 0)
            continue;
        for (unsigned k = 0; k < sectors; k++)
            rot_sector(d, d->nodes[i]);
        vdisk__uncache(d->nodes[i]);
        break;
    }
    return sectors;
}
