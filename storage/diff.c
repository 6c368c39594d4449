#include "storage/diff.h"

#include <stdlib.h>
#include <string.h>

#include "crypto/digest.h"
#include "storage/codec.h"

struct lone { /* a file that has no counterpart of its path */
    uint32_t file;
    uint64_t size;
    bool known; /* key is */
    bool moved;
    uint32_t mate; /* moved: the file of the other side */
    uint8_t key[32];
};

struct side {
    const struct manifest *m;
    struct lone *lone; /* in path order */
    uint32_t lone_count;
    uint8_t *raw; /* the chunk of `slot`, decoded */
    uint32_t slot;
    bool has_slot;
};

struct diff {
    struct store *s;
    struct side from, to;
    struct codec *codec;
    uint8_t *stored; /* CHUNK_RAW_MAX, for one chunk on its way */
    uint8_t *file;   /* CHUNK_RAW_MAX, for one small file */
    const _Atomic bool *stop;
    void (*fn)(void *user, const struct diff_entry *d);
    void *user;
};

/* ---- what a file holds ---------------------------------------------- */

/* Neighbours share a chunk: the last one stays decoded. */
static int read_slot(struct diff *d, struct side *side, uint32_t slot)
{
    const struct chunk_ref *ref = &side->m->table.refs[slot];
    int rc;

    if (side->has_slot && side->slot == slot)
        return 0;
    side->has_slot = false;
    rc = store_read(d->s, &ref->id, d->stored, CHUNK_RAW_MAX, NULL, NULL);
    if (rc == 0)
        rc = codec_decode(d->codec, d->stored, ref->stored_len, ref->flags,
                          side->raw, ref->raw_len, NULL);
    side->has_slot = rc == 0;
    side->slot = slot;
    return rc;
}

static bool key_of_small(struct diff *d, struct side *side, uint32_t file,
                         uint8_t out[32])
{
    size_t left = (size_t)side->m->files[file].size;
    size_t at = 0;
    uint32_t first;
    uint32_t count;
    uint32_t skip;

    manifest_slots_of(side->m, file, 0, left, &first, &count, &skip);
    for (uint32_t i = 0; i < count; i++) {
        size_t n = side->m->table.refs[first + i].raw_len - skip;

        if (read_slot(d, side, first + i) != 0)
            return false;
        n = n < left ? n : left;
        memcpy(d->file + at, side->raw + skip, n);
        at += n;
        left -= n;
        skip = 0;
    }
    digest_sha256(d->file, at, out);
    return true;
}

/* Large files have chunks of their own: the same bytes, cut the same way, have
 * the same names. */
static bool key_of_large(const struct manifest *m, uint32_t file,
                         uint8_t out[32])
{
    struct buf names = BUF_INIT;
    uint32_t first;
    uint32_t count;
    uint32_t skip;
    bool ok;

    manifest_slots_of(m, file, 0, m->files[file].size, &first, &count, &skip);
    for (uint32_t i = 0; i < count; i++)
        (void)buf_append(&names, m->table.refs[first + i].id.b, ID_BYTES);
    (void)buf_append(&names, &skip, sizeof skip);
    ok = !names.failed;
    if (ok)
        digest_sha256(names.base, names.len, out);
    buf_deinit(&names);
    return ok;
}

static bool key_of(struct diff *d, struct side *side, uint32_t file,
                   uint8_t out[32])
{
    return side->m->files[file].size < CHUNK_RAW_MAX
               ? key_of_small(d, side, file, out)
               : key_of_large(side->m, file, out);
}

static bool same_chunks(const struct diff *d, uint32_t a, uint32_t b)
{
    const struct manifest *from = d->from.m;
    const struct manifest *to = d->to.m;
    uint32_t first[2];
    uint32_t count[2];
    uint32_t skip[2];

    manifest_slots_of(from, a, 0, from->files[a].size, &first[0], &count[0],
                      &skip[0]);
    manifest_slots_of(to, b, 0, to->files[b].size, &first[1], &count[1],
                      &skip[1]);
    if (count[0] != count[1] || (count[0] != 0 && skip[0] != skip[1]))
        return false;
    for (uint32_t i = 0; i < count[0]; i++)
        if (!chunk_id_eq(&from->table.refs[first[0] + i].id,
                         &to->table.refs[first[1] + i].id))
            return false;
    return true;
}

/* ---- the same path --------------------------------------------------- */

static void compare(struct diff *d, uint32_t a, uint32_t b)
{
    const struct manifest_file *x = &d->from.m->files[a];
    const struct manifest_file *y = &d->to.m->files[b];
    struct diff_entry entry = {.kind = DIFF_CHANGED,
                               .path = y->path,
                               .bytes = y->size,
                               .old_bytes = x->size};
    uint8_t key[2][32];

    if (x->size == y->size && x->flags == y->flags) {
        if (same_chunks(d, a, b))
            return;
        if (!key_of(d, &d->from, a, key[0]) || !key_of(d, &d->to, b, key[1]))
            entry.unsure = true;
        else if (memcmp(key[0], key[1], sizeof key[0]) == 0)
            return;
    }
    d->fn(d->user, &entry);
}

static void set_aside(struct side *side, uint32_t file)
{
    side->lone[side->lone_count++] =
        (struct lone){.file = file, .size = side->m->files[file].size};
}

static bool stopped(const struct diff *d)
{
    return d->stop != NULL && atomic_load(d->stop);
}

/* Both lists are in path order. */
static void walk(struct diff *d)
{
    const struct manifest *from = d->from.m;
    const struct manifest *to = d->to.m;
    uint32_t a = 0;
    uint32_t b = 0;

    while ((a < from->file_count || b < to->file_count) && !stopped(d)) {
        int order = a == from->file_count ? 1
                    : b == to->file_count
                        ? -1
                        : strcmp(from->files[a].path, to->files[b].path);

        if (order == 0)
            compare(d, a++, b++);
        else if (order < 0)
            set_aside(&d->from, a++);
        else
            set_aside(&d->to, b++);
    }
}

/* ---- moves ----------------------------------------------------------- */

static int by_size(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a;
    uint64_t y = *(const uint64_t *)b;

    return (x > y) - (x < y);
}

/* Keys of those that some file of the other side could be. */
static int find_keys(struct diff *d, struct side *side,
                     const struct side *other)
{
    uint64_t *sizes = calloc((size_t)other->lone_count + 1, sizeof *sizes);

    if (sizes == NULL)
        return ERR_NOMEM;
    for (uint32_t i = 0; i < other->lone_count; i++)
        sizes[i] = other->lone[i].size;
    qsort(sizes, other->lone_count, sizeof *sizes, by_size);
    for (uint32_t i = 0; i < side->lone_count && !stopped(d); i++) {
        struct lone *l = &side->lone[i];

        if (l->size != 0 && bsearch(&l->size, sizes, other->lone_count,
                                    sizeof *sizes, by_size) != NULL)
            l->known = key_of(d, side, l->file, l->key);
    }
    free(sizes);
    return 0;
}

/* Those without a key behind all others. */
static int by_key(const void *a, const void *b)
{
    const struct lone *x = *(const struct lone *const *)a;
    const struct lone *y = *(const struct lone *const *)b;
    int order = (int)y->known - (int)x->known;

    if (order == 0)
        order = (x->size > y->size) - (x->size < y->size);
    if (order == 0)
        order = memcmp(x->key, y->key, sizeof x->key);
    return order != 0 ? order : (x->file > y->file) - (x->file < y->file);
}

static struct lone **sorted(const struct side *side)
{
    struct lone **list = calloc((size_t)side->lone_count + 1, sizeof *list);

    for (uint32_t i = 0; list != NULL && i < side->lone_count; i++)
        list[i] = &side->lone[i];
    if (list != NULL)
        qsort(list, side->lone_count, sizeof *list, by_key);
    return list;
}

static int find_moves(struct diff *d)
{
    struct lone **a = NULL;
    struct lone **b = NULL;
    uint32_t i = 0;
    uint32_t k = 0;
    int rc = find_keys(d, &d->from, &d->to);

    if (rc == 0)
        rc = find_keys(d, &d->to, &d->from);
    if (rc == 0) {
        a = sorted(&d->from);
        b = sorted(&d->to);
        rc = a != NULL && b != NULL ? 0 : ERR_NOMEM;
    }
    while (rc == 0 && i < d->from.lone_count && k < d->to.lone_count &&
           a[i]->known && b[k]->known) {
        int order = (a[i]->size > b[k]->size) - (a[i]->size < b[k]->size);

        if (order == 0)
            order = memcmp(a[i]->key, b[k]->key, sizeof a[i]->key);
        if (order == 0) {
            a[i]->moved = b[k]->moved = true;
            b[k]->mate = a[i]->file;
        }
        i += order <= 0;
        k += order >= 0;
    }
    free(a);
    free(b);
    return rc;
}

static void tell_moves(struct diff *d)
{
    for (uint32_t i = 0; i < d->to.lone_count; i++) {
        const struct lone *l = &d->to.lone[i];
        struct diff_entry entry = {.kind = DIFF_MOVED,
                                   .path = d->to.m->files[l->file].path,
                                   .bytes = l->size};

        if (!l->moved)
            continue;
        entry.old_path = d->from.m->files[l->mate].path;
        d->fn(d->user, &entry);
    }
}

static void tell_lone(struct diff *d, const struct side *side,
                      enum diff_kind kind)
{
    for (uint32_t i = 0; i < side->lone_count; i++) {
        const struct manifest_file *f = &side->m->files[side->lone[i].file];
        struct diff_entry entry = {
            .kind = kind, .path = f->path, .bytes = f->size};

        if (!side->lone[i].moved)
            d->fn(d->user, &entry);
    }
}

/* ---- the whole ------------------------------------------------------- */

static bool side_init(struct side *side, const struct manifest *m)
{
    side->m = m;
    side->lone = calloc((size_t)m->file_count + 1, sizeof *side->lone);
    side->raw = malloc(CHUNK_RAW_MAX);
    return side->lone != NULL && side->raw != NULL;
}

static void side_deinit(struct side *side)
{
    free(side->lone);
    free(side->raw);
}

int diff_editions(struct store *s, const struct manifest *from,
                  const struct manifest *to, const _Atomic bool *stop,
                  void (*fn)(void *user, const struct diff_entry *d),
                  void *user, struct err *e)
{
    struct diff d = {.s = s, .stop = stop, .fn = fn, .user = user};
    bool ok = side_init(&d.from, from);
    int rc = 0;

    ok = side_init(&d.to, to) && ok;
    d.codec = codec_new();
    d.stored = malloc(CHUNK_RAW_MAX);
    d.file = malloc(CHUNK_RAW_MAX);
    if (!ok || d.codec == NULL || d.stored == NULL || d.file == NULL)
        rc = ERR_NOMEM;
    if (rc == 0) {
        walk(&d);
        rc = find_moves(&d);
    }
    if (rc == 0 && stopped(&d))
        rc = ERR_INTERRUPTED;
    if (rc == 0) {
        tell_moves(&d);
        tell_lone(&d, &d.to, DIFF_ADDED);
        tell_lone(&d, &d.from, DIFF_REMOVED);
    }
    free(d.file);
    free(d.stored);
    codec_free(d.codec);
    side_deinit(&d.to);
    side_deinit(&d.from);
    return rc != 0 ? err_set(e, rc, "compare editions") : 0;
}
