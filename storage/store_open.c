/* store_open: index and packs agree again after whatever happened. */
#include "storage/store_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "crypto/digest.h"
#include "storage/disk.h"
#include "storage/file_io.h"
#include "storage/pack.h"

struct recovery {
    struct store *s;
    struct err *e;
    uint32_t no; /* of the place being looked at */
    int fd;
    uint8_t *bytes;
    struct chunk_id *bad;
    size_t bad_count, bad_cap;
};

/* ---- packs that came and went ---------------------------------------------
 */

static int note_pack(void *user, uint32_t number)
{
    struct recovery *r = user;
    struct place p = {.no = number};

    if (number > r->s->last_pack)
        r->s->last_pack = number;
    if (store__place(r->s, number) != NULL)
        return 0;
    return store__add_place(r->s, &p, r->e);
}

/* Before any scan: a chunk that was moved out of a pack that is gone must be
 * taken up where it lies now, not ignored as known. */
static int drop_missing(struct recovery *r)
{
    struct store *s = r->s;
    int rc = 0;

    for (size_t i = 0; i < s->place_count && rc == 0;) {
        uint32_t no = s->places[i].no;
        int fd = -1;

        i++;
        if ((no & INDEX_FILE) != 0)
            continue; /* perhaps on a disk that is not plugged in */
        rc = store__borrow_fd(s, no, &fd, r->e);
        if (rc == 0) {
            store__return_fd(s, fd);
        } else if (rc == ERR_NOT_FOUND) {
            rc = index_drop_place(s->ix, no, r->e);
            store__remove_place(s, no);
            i--;
        }
    }
    return rc;
}

/* ---- chunks that the index does not know yet -------------------------------
 */

/* The scan has read it, and it is good. Where an index that fell back says that
 * it lies elsewhere: it was put again since because there it was not. */
static int take_up(void *user, const struct pack_record *rec)
{
    struct recovery *r = user;
    struct index_chunk c = {.ref = rec->ref,
                            .place = r->no,
                            .offset = rec->offset,
                            .sum = rec->sum};
    int rc = index_find(r->s->ix, &rec->ref.id, NULL, r->e);

    if (rc != 0 && rc != ERR_NOT_FOUND)
        return rc;
    return index_put(r->s->ix, &c, rc == 0, r->e);
}

/* ---- chunks that were not flushed yet --------------------------------------
 */

/* Bytes that came to the disk and their head that did not would be relied on,
 * and lost with the index. */
static bool is_whole(struct recovery *r, const struct index_chunk *c)
{
    struct chunk_id is;

    if (c->ref.stored_len > CHUNK_RAW_MAX ||
        file_io_read(r->fd, r->bytes, c->ref.stored_len, c->offset, NULL) != 0)
        return false;
    is = digest_chunk(r->bytes, c->ref.stored_len);
    return chunk_id_eq(&is, &c->ref.id) &&
           ((r->no & INDEX_FILE) != 0 || store__header_agrees(r->fd, c));
}

static int check_marked(void *user, const struct index_chunk *c)
{
    struct recovery *r = user;

    if (is_whole(r, c))
        return 0;
    if (r->bad_count == r->bad_cap) {
        size_t cap = r->bad_cap ? 2 * r->bad_cap : 64;
        struct chunk_id *grown = realloc(r->bad, cap * sizeof *grown);

        if (grown == NULL)
            return err_set(r->e, ERR_NOMEM, "recovery");
        r->bad = grown;
        r->bad_cap = cap;
    }
    r->bad[r->bad_count++] = c->ref.id;
    return 0;
}

static int check_from(struct recovery *r, uint64_t from)
{
    struct index *ix = r->s->ix;
    int rc;

    r->bad_count = 0;
    rc = index_in_place(ix, r->no, from, check_marked, r, r->e);
    for (size_t i = 0; i < r->bad_count && rc == 0; i++)
        rc = index_drop(ix, &r->bad[i], r->e);
    return rc;
}

/* ---- one place -------------------------------------------------------------
 */

static int recover_pack(struct recovery *r, struct place *p, bool clean)
{
    uint64_t end = p->end;
    struct stat st;
    int rc = 0;

    if (!clean) /* its last run may have been killed after a failed sync */
        file_io_uncache(r->fd);
    if (disk_fstat(r->fd, &st) != 0)
        return err_errno(r->e, errno, "stat pack %u", p->no);
    if ((uint64_t)st.st_size < end) { /* the tail never reached the disk */
        rc = check_from(r, 0);
        end = (uint64_t)st.st_size;
    } else if (!clean && p->synced < end) {
        rc = check_from(r, p->synced);
    }
    if (rc == 0 && (uint64_t)st.st_size > end)
        rc = pack_scan(r->fd, end, take_up, r, &end, r->e);
    if (rc != 0)
        return rc;
    if (end < (uint64_t)st.st_size && disk_ftruncate(r->fd, (off_t)end) != 0)
        return err_errno(r->e, errno, "cut the torn tail of pack %u", p->no);
    p->end = end;
    if (p->synced > end)
        p->synced = end;
    /* What is found is relied on from now on. Later, a sync that fails would
     * take it all for lost, what was durable long ago with it. */
    if (!clean && p->synced < end) {
        rc = file_io_sync(r->fd, r->e);
        if (rc != 0)
            return rc;
        p->synced = end;
    }
    r->s->unflushed_bytes += end - p->synced;
    return store__save_place(r->s, p, r->e);
}

/* A file that was edited since is not what was put: that stays away under its
 * name, and may come back. */
static int recover_file(struct recovery *r, const struct place *p, bool clean)
{
    if (p->synced != 0)
        return 0;
    r->s->unflushed_bytes++;
    if (!clean)
        file_io_uncache(r->fd);
    return clean || !store__intact(r->s, p->no) ? 0 : check_from(r, 0);
}

static int recover_place(struct recovery *r, struct place *p, bool clean)
{
    bool file = (p->no & INDEX_FILE) != 0;
    int rc;

    if (file && p->synced != 0)
        return 0;
    r->no = p->no;
    rc = store__borrow_fd(r->s, p->no, &r->fd, r->e);
    if (rc != 0)
        return rc == ERR_NOT_FOUND && file ? 0 : rc;
    rc = index_begin(r->s->ix, r->e);
    if (rc == 0)
        rc = file ? recover_file(r, p, clean) : recover_pack(r, p, clean);
    rc = index_finish(r->s->ix, rc, r->e);
    store__return_fd(r->s, r->fd);
    return rc;
}

/* What was cut or is gone must not come back into the index at the next power
 * cut, when something else lies there. On a disk that is too full for that
 * nothing is put there: a new pack is begun. */
static void choose_pack(struct store *s, bool clean)
{
    const struct place *p = store__place(s, s->last_pack);

    if (!clean && index_settle(s->ix, NULL) != 0)
        return;
    if (p != NULL && p->end < s->opt.pack_max_bytes)
        s->pack = p->no;
}

int store__recover(struct store *s, bool clean, struct err *e)
{
    struct recovery r = {.s = s, .e = e, .bytes = malloc(CHUNK_RAW_MAX)};
    int rc = r.bytes != NULL ? 0 : err_set(e, ERR_NOMEM, "recovery");

    s->dir_dirty = true; /* who knows what the last run has left */
    s->looks++;
    if (rc == 0)
        rc = pack_list(s->home, note_pack, &r, e);
    if (rc == 0 && !clean)
        rc = store__sync_names(s, e);
    if (rc == 0)
        rc = drop_missing(&r);
    if (rc == 0)
        rc = store__end_moves(s, e); /* marked chunks are looked for there */
    for (size_t i = 0; i < s->place_count && rc == 0; i++)
        rc = recover_place(&r, &s->places[i], clean);
    if (rc == 0)
        choose_pack(s, clean);
    free(r.bad);
    free(r.bytes);
    return rc;
}
