/* store_put: chunks enter. Places are reserved under the lock, bytes are
 * written outside of it, so that several workers write at once; then all rows
 * of the call are committed in one transaction. */
#include "storage/store_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>

#include "crypto/digest.h"
#include "storage/disk.h"
#include "storage/file_io.h"
#include "storage/pack.h"

#define BATCH_USUAL 64
#define RUN_MAX 32 /* chunks written together */
#define ROOM_CHECK_BYTES (32ull << 20)
#define ROOM_FOR_INDEX (64ull << 20)

/* ---- room ------------------------------------------------------------------
 */

static int begin_pack(struct store *s, uint32_t *pack, struct err *e)
{
    struct place p = {.no = s->last_pack + 1};
    char path[STORE_PATH_MAX];
    int fd;
    int rc;

    pack_path(s->home, p.no, path, sizeof path);
    fd = disk_open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW,
                   0600);
    if (fd < 0)
        return err_errno(e, errno, "create '%s'", path);
    (void)disk_close(fd);
    s->last_pack = p.no;
    s->dir_dirty = true;
    rc = store__add_place(s, &p, e);
    if (rc == 0)
        *pack = p.no;
    return rc;
}

int store__reserve(struct store *s, uint32_t *pack, uint64_t n,
                   uint64_t *out_offset, struct err *e)
{
    struct place *p = *pack != 0 ? store__place(s, *pack) : NULL;

    if (p == NULL || p->broken ||
        (p->end != 0 && p->end + n > s->opt.pack_max_bytes)) {
        int rc = begin_pack(s, pack, e);

        if (rc != 0)
            return rc;
        p = store__place(s, *pack);
    }
    *out_offset = p->end;
    p->end += n;
    return 0;
}

int store__append(int fd, const struct index_chunk *row, const uint8_t *data,
                  struct err *e)
{
    uint8_t head[PACK_HEAD_BYTES];
    int rc;

    pack_head_encode(&row->ref, row->sum, head);
    rc = file_io_write(fd, head, sizeof head, row->offset - sizeof head, e);
    if (rc == 0)
        rc = file_io_write(fd, data, row->ref.stored_len, row->offset, e);
    return rc;
}

uint64_t store__disk_free(const struct store *s)
{
    struct statvfs v;

    if (disk_statvfs(s->home, &v) != 0)
        return UINT64_MAX;
    return (uint64_t)v.f_bavail * v.f_frsize;
}

/* Nobody fills the disk to the last byte: the index needs room to say so. */
static int check_room(struct store *s, uint64_t bytes, struct err *e)
{
    s->unchecked_bytes += bytes;
    if (s->unchecked_bytes < ROOM_CHECK_BYTES)
        return 0;
    if (store__disk_free(s) <= ROOM_FOR_INDEX)
        return err_set(e, ERR_NO_SPACE, "the disk of '%s' is full", s->home);
    s->unchecked_bytes = 0;
    return 0;
}

/* ---- one call --------------------------------------------------------------
 */

struct put {      /* one item on its way; its row stands in batch.rows */
    bool known;   /* held already: no second copy, no row */
    bool lost;    /* a row is there, but its file is not what it was, or it is
                     to lie elsewhere: the new row takes its place */
    bool to_pack; /* a place in a pack is reserved */
    int fd;       /* of the place written to; -1 = nothing to write */
};

struct batch {
    const struct store_item *items;
    struct put *puts;
    struct index_chunk *rows;
    size_t count;
    struct writing writing;
};

static int plan_file(struct store *s, struct batch *b, size_t i, struct err *e)
{
    const struct store_item *item = &b->items[i];
    struct index_chunk *row = &b->rows[i];

    row->place = item->file | INDEX_FILE;
    row->offset = item->offset;
    if (store__place(s, row->place) == NULL)
        return err_set(e, ERR_NOT_FOUND, "file %u", item->file);
    return item->written
               ? 0
               : store__borrow_to_write(s, row->place, &b->puts[i].fd, e);
}

static int plan_pack(struct store *s, struct batch *b, size_t i, struct err *e)
{
    struct index_chunk *row = &b->rows[i];
    uint64_t at;
    int rc = store__reserve(s, &s->pack, PACK_HEAD_BYTES + row->ref.stored_len,
                            &at, e);

    if (rc != 0)
        return rc;
    row->place = s->pack;
    row->offset = at + PACK_HEAD_BYTES;
    b->puts[i].to_pack = true;
    return store__borrow_fd(s, row->place, &b->puts[i].fd, e);
}

static int plan_item(struct store *s, struct batch *b, size_t i, struct err *e)
{
    const struct store_item *item = &b->items[i];
    struct put *p = &b->puts[i];
    struct index_chunk seen;
    int rc = index_find(s->ix, &item->ref.id, &seen, e);

    if (rc != 0 && rc != ERR_NOT_FOUND)
        return rc;
    p->lost = rc == 0 && (item->anew || !store__intact(s, seen.place) ||
                          (item->move && (seen.place & INDEX_FILE) != 0));
    p->known = rc == 0 && !p->lost;
    if (p->known && item->file == 0)
        return 0;
    b->rows[i].ref = item->ref;
    b->rows[i].sum = item->sum;
    return item->file != 0 ? plan_file(s, b, i, e) : plan_pack(s, b, i, e);
}

/* Where the writing of item @i begins: a pack has a head before the bytes. */
static uint64_t start_of(const struct batch *b, size_t i)
{
    return b->rows[i].offset - (b->puts[i].to_pack ? PACK_HEAD_BYTES : 0);
}

/* Does item @i lie right behind @last? */
static bool follows(const struct batch *b, size_t last, size_t i)
{
    const struct index_chunk *x = &b->rows[last];

    return x->place == b->rows[i].place &&
           x->offset + x->ref.stored_len == start_of(b, i);
}

/* The items from @i on that lie behind each other, in one go: the fewer pieces
 * begin in the middle of a folio, the better. *out_last: the last of them. */
static int write_run(struct batch *b, size_t i, size_t *out_last, struct err *e)
{
    uint8_t heads[RUN_MAX][PACK_HEAD_BYTES];
    struct span parts[2 * RUN_MAX];
    size_t last = i;
    size_t n = 0;

    for (size_t k = i; k < b->count && n + 2 <= 2 * RUN_MAX; k++) {
        if (b->puts[k].fd < 0)
            continue; /* held already, or written */
        if (k != i && !follows(b, last, k))
            break;
        if (b->puts[k].to_pack) {
            pack_head_encode(&b->rows[k].ref, b->rows[k].sum, heads[n / 2]);
            parts[n] = (struct span){heads[n / 2], PACK_HEAD_BYTES};
            n++;
        }
        parts[n++] =
            (struct span){b->items[k].data, b->items[k].ref.stored_len};
        last = k;
    }
    *out_last = last;
    return file_io_write_parts(b->puts[i].fd, parts, n, start_of(b, i), e);
}

static int write_items(struct batch *b, struct err *e)
{
    int rc = 0;

    for (size_t i = 0; i < b->count; i++)
        if (!b->puts[i].known && b->rows[i].sum == 0)
            b->rows[i].sum =
                digest_sum64(b->items[i].data, b->items[i].ref.stored_len);
    for (size_t i = 0; i < b->count && rc == 0; i++) {
        if (b->puts[i].fd >= 0)
            rc = write_run(b, i, &i, e);
    }
    return rc;
}

/* A pack's row follows its end; a file's first mark goes in with the chunk. */
static int note_place(struct store *s, uint32_t no, struct err *e)
{
    struct place *p = store__place(s, no);
    struct place marked;

    if (p == NULL)
        return err_set(e, ERR_NOT_FOUND, "place %u is gone", no);
    if (p->broken)
        return err_set(e, ERR_IO, "pack %u could not be synced", no);
    if ((no & INDEX_FILE) == 0)
        return store__save_place(s, p, e);
    if (p->synced == 0)
        return 0;
    marked = *p; /* in memory it is marked when the transaction is through */
    marked.synced = 0;
    return store__save_place(s, &marked, e);
}

static void mark_files(struct store *s, const struct batch *b)
{
    for (size_t i = 0; i < b->count; i++) {
        struct place *p = NULL;

        if (!b->puts[i].known && (b->rows[i].place & INDEX_FILE) != 0)
            p = store__place(s, b->rows[i].place);
        if (p == NULL)
            continue;
        p->synced = 0;
        s->unsettled |= p->settled;
    }
}

static int commit_rows(struct store *s, const struct batch *b, struct err *e)
{
    uint64_t added = 0;
    uint64_t bytes = 0;
    uint32_t last = 0;
    int rc = index_begin(s->ix, e);

    for (size_t i = 0; i < b->count && rc == 0; i++) {
        if (b->puts[i].known)
            continue;
        rc = index_put(s->ix, &b->rows[i], b->puts[i].lost, e);
        added += rc == 0 && !b->puts[i].lost ? index_changed(s->ix) : 0;
        if (rc == 0 && b->rows[i].place != last)
            rc = note_place(s, b->rows[i].place, e);
        last = b->rows[i].place;
        bytes += b->rows[i].ref.stored_len;
    }
    rc = index_finish(s->ix, rc, e);
    if (rc == 0) {
        mark_files(s, b);
        s->chunks += added;
        s->unflushed_bytes += bytes;
    }
    return rc;
}

/* What failed leaves no hole when nobody has reserved behind it. */
static void give_back(struct store *s, const struct batch *b)
{
    for (size_t i = b->count; i-- > 0;) {
        const struct index_chunk *row = &b->rows[i];
        struct place *p;

        if (!b->puts[i].to_pack)
            continue;
        p = store__place(s, row->place);
        if (p == NULL || p->end != row->offset + row->ref.stored_len)
            return;
        p->end = row->offset - PACK_HEAD_BYTES;
    }
}

static int run_batch(struct store *s, struct batch *b, struct err *e)
{
    uint64_t bytes = 0;
    int rc;

    for (size_t i = 0; i < b->count; i++) {
        b->puts[i].fd = -1;
        bytes += b->items[i].ref.stored_len;
    }
    b->writing.rows = b->rows;
    b->writing.count = b->count;
    index_lock(s->ix);
    s->looks++;
    rc = check_room(s, bytes, e);
    for (size_t i = 0; i < b->count && rc == 0; i++)
        rc = plan_item(s, b, i, e);
    store__begin_writing(s, &b->writing);
    index_unlock(s->ix);
    if (rc == 0)
        rc = write_items(b, e);
    index_lock(s->ix);
    store__end_writing(s, &b->writing);
    if (rc == 0)
        rc = commit_rows(s, b, e);
    if (rc != 0)
        give_back(s, b);
    for (size_t i = 0; i < b->count; i++)
        if (b->puts[i].fd >= 0)
            store__return_fd(s, b->puts[i].fd);
    index_unlock(s->ix);
    return rc;
}

int store_put(struct store *s, const struct store_item *items, size_t count,
              enum store_class cls, struct err *e)
{
    struct index_chunk few_rows[BATCH_USUAL] = {0};
    struct put few_puts[BATCH_USUAL] = {0};
    struct batch b = {
        .items = items, .puts = few_puts, .rows = few_rows, .count = count};
    int rc;

    (void)cls; /* STORE_OWN differs in that its caller calls store_sync */
    if (count == 0)
        return 0;
    if (count > BATCH_USUAL) {
        b.puts = calloc(count, sizeof *b.puts);
        b.rows = calloc(count, sizeof *b.rows);
    }
    rc = b.puts != NULL && b.rows != NULL ? run_batch(s, &b, e)
                                          : err_set(e, ERR_NOMEM, "put");
    if (rc != 0)
        err_wrap(e, "put %zu chunks", count);
    if (b.puts != few_puts)
        free(b.puts);
    if (b.rows != few_rows)
        free(b.rows);
    return rc;
}
