/* vdisk_names: folders. A change of names is in the page cache at once, and in
 * a list until its folder is synced; the list knows their order. */
#include "simulations/vdisk_internal.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "simulations/mem.h"

/* ---- entries ---------------------------------------------------------------
 */

/* Where @name stands, or would. */
static size_t position(const struct vnames *n, const char *name)
{
    size_t lo = 0;
    size_t hi = n->count;

    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;

        if (strcmp(n->list[mid].name, name) < 0)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
}

uint32_t vdisk__entry(const struct vnames *n, const char *name)
{
    size_t at = position(n, name);

    return at < n->count && strcmp(n->list[at].name, name) == 0
               ? n->list[at].ino
               : 0;
}

void vdisk__set_entry(struct vnames *n, const char *name, uint32_t ino)
{
    size_t at = position(n, name);
    bool there = at < n->count && strcmp(n->list[at].name, name) == 0;

    if (there && ino != 0) {
        n->list[at].ino = ino;
    } else if (there) {
        memmove(&n->list[at], &n->list[at + 1],
                (n->count - at - 1) * sizeof *n->list);
        n->count--;
    } else if (ino != 0) {
        if (n->count == n->cap) {
            n->cap = n->cap != 0 ? 2 * n->cap : 8;
            n->list = mem_grow(n->list, n->cap, sizeof *n->list);
        }
        memmove(&n->list[at + 1], &n->list[at],
                (n->count - at) * sizeof *n->list);
        (void)snprintf(n->list[at].name, VDISK_NAME, "%s", name);
        n->list[at].ino = ino;
        n->count++;
    }
}

void vdisk__copy_names(struct vnames *to, const struct vnames *from)
{
    if (to->cap < from->count) {
        to->cap = from->count;
        to->list = mem_grow(to->list, to->cap, sizeof *to->list);
    }
    if (from->count != 0)
        memcpy(to->list, from->list, from->count * sizeof *to->list);
    to->count = from->count;
}

/* ---- paths -----------------------------------------------------------------
 */

/* The next part of @path into @name; false: there is none. There are no links
 * and no way up: the keepers use neither, and beneath forbids both. */
static bool next_part(const char **path, char name[VDISK_NAME])
{
    size_t n;

    do {
        *path += strspn(*path, "/");
        n = strcspn(*path, "/");
        assert(n < VDISK_NAME);
        memcpy(name, *path, n);
        name[n] = '\0';
        *path += n;
    } while (strcmp(name, ".") == 0);
    return n != 0;
}

static uint32_t step(const struct vdisk *d, uint32_t dir, const char *name)
{
    const struct vnode *v = vdisk__node(d, dir);
    uint32_t ino;

    if (v == NULL || !v->dir) {
        errno = ENOTDIR;
        return 0;
    }
    ino = vdisk__entry(&v->names, name);
    if (ino == 0)
        errno = ENOENT;
    return ino;
}

uint32_t vdisk__find(const struct vdisk *d, uint32_t from, const char *path)
{
    uint32_t ino = path[0] == '/' ? VDISK_ROOT : from;
    char name[VDISK_NAME];

    while (ino != 0 && next_part(&path, name))
        ino = step(d, ino, name);
    return ino;
}

uint32_t vdisk__find_parent(const struct vdisk *d, uint32_t from,
                            const char *path, char out_name[VDISK_NAME])
{
    uint32_t ino = path[0] == '/' ? VDISK_ROOT : from;
    const struct vnode *v;
    char next[VDISK_NAME];

    if (!next_part(&path, out_name)) {
        errno = ENOENT;
        return 0;
    }
    while (ino != 0 && next_part(&path, next)) {
        ino = step(d, ino, out_name);
        memcpy(out_name, next, sizeof next);
    }
    v = vdisk__node(d, ino);
    if (v == NULL || v->dir)
        return ino;
    errno = ENOTDIR;
    return 0;
}

/* Depth first; the path is written from its end. */
static bool write_path(const struct vdisk *d, uint32_t dir, uint32_t ino,
                       char *out, size_t cap)
{
    const struct vnode *v = vdisk__node(d, dir);

    for (size_t i = 0; i < v->names.count; i++) {
        const struct vname *n = &v->names.list[i];
        size_t len = strlen(out);

        (void)snprintf(out + len, cap - len, "/%s", n->name);
        if (n->ino == ino || (vdisk__node(d, n->ino)->dir &&
                              write_path(d, n->ino, ino, out, cap)))
            return true;
        out[len] = '\0';
    }
    return false;
}

void vdisk__path_of(const struct vdisk *d, uint32_t ino, char *out, size_t cap)
{
    out[0] = '\0';
    (void)write_path(d, VDISK_ROOT, ino, out, cap);
}

/* ---- changes ---------------------------------------------------------------
 */

void vdisk__change(struct vdisk *d, const struct vchange *c)
{
    if (d->change_count == d->change_cap) {
        d->change_cap = d->change_cap != 0 ? 2 * d->change_cap : 64;
        d->changes = mem_grow(d->changes, d->change_cap, sizeof *d->changes);
    }
    d->changes[d->change_count++] = *c;
    for (size_t i = 0; i < c->count; i++) {
        struct vnode *dir = vdisk__node(d, c->at[i].dir);

        vdisk__set_entry(&dir->names, c->at[i].name, c->at[i].ino);
        dir->mtime_ns = d->now_ns;
    }
}

/* Backwards: what a change hangs on came before it. */
void vdisk__commit(struct vdisk *d, uint32_t dir, size_t count)
{
    for (size_t i = 0; i < d->count; i++)
        if (d->nodes[i] != NULL)
            d->nodes[i]->reached = i + 1 == dir;
    for (size_t i = count; i-- > 0;) {
        struct vchange *c = &d->changes[i];
        bool hangs = c->durable;

        for (size_t k = 0; k < c->count; k++)
            hangs |= vdisk__node(d, c->at[k].dir)->reached;
        if (!hangs)
            continue;
        c->durable = true;
        for (size_t k = 0; k < c->count; k++)
            vdisk__node(d, c->at[k].dir)->reached = true;
    }
}

void vdisk__apply(struct vdisk *d, bool drop)
{
    size_t kept = 0;

    for (size_t i = 0; i < d->change_count; i++) {
        struct vchange *c = &d->changes[i];

        for (size_t k = 0; k < c->count && c->durable; k++)
            vdisk__set_entry(&vdisk__node(d, c->at[k].dir)->synced,
                             c->at[k].name, c->at[k].ino);
        if (!c->durable)
            d->changes[kept++] = *c;
    }
    d->change_count = drop ? 0 : kept;
}
