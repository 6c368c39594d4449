/* store_sweep: what nobody wants any more goes, and packs with much of it are
 * written anew. Order: copy, sync, move the rows over, unlink. A kill between
 * any two leaves a chunk twice at worst. Copies go into a pack of their own, so
 * that nobody who puts and syncs has to wait for them. */
#include "storage/store_internal.h"

#include <stdlib.h>

#include "crypto/digest.h"
#include "storage/disk.h"
#include "storage/file_io.h"
#include "storage/pack.h"

#define DEAD_QUARTER 4

struct sweep {
    struct store *s;
    store_live_fn *live;
    void *user;
    struct store_swept done;
    struct err *e;
    uint32_t open_pack; /* what lies in it from open_end on is newer than */
    uint64_t open_end;  /*   the sweep: nobody could name it live yet */
    struct index_chunk *keep; /* of the pack being looked at */
    size_t keep_count, keep_cap;
    struct chunk_id *dead;
    size_t dead_count, dead_cap;
    uint64_t live_bytes;
    uint8_t *bytes;
};

/* ---- what is there ---------------------------------------------------------
 */

static int grow(void **list, size_t *cap, size_t size)
{
    size_t want = *cap ? 2 * *cap : 256;
    void *grown = realloc(*list, want * size);

    if (grown == NULL)
        return ERR_NOMEM;
    *list = grown;
    *cap = want;
    return 0;
}

static bool wanted(const struct sweep *w, const struct index_chunk *c)
{
    return (c->place == w->open_pack && c->offset >= w->open_end) ||
           w->live(w->user, &c->ref.id);
}

static int sort_out(void *user, const struct index_chunk *c)
{
    struct sweep *w = user;

    if (wanted(w, c)) {
        if (w->keep_count == w->keep_cap &&
            grow((void **)&w->keep, &w->keep_cap, sizeof *w->keep) != 0)
            return err_set(w->e, ERR_NOMEM, "list");
        w->keep[w->keep_count++] = *c;
        w->live_bytes += c->ref.stored_len + PACK_HEAD_BYTES;
        return 0;
    }
    if (w->dead_count == w->dead_cap &&
        grow((void **)&w->dead, &w->dead_cap, sizeof *w->dead) != 0)
        return err_set(w->e, ERR_NOMEM, "list");
    w->dead[w->dead_count++] = c->ref.id;
    return 0;
}

/* With the lock, as the next three. */
static int drop_dead(struct sweep *w, uint32_t no)
{
    int rc;

    w->keep_count = w->dead_count = 0;
    w->live_bytes = 0;
    rc = index_in_place(w->s->ix, no, 0, sort_out, w, w->e);
    if (rc != 0 || w->dead_count == 0)
        return rc;
    rc = index_begin(w->s->ix, w->e);
    for (size_t i = 0; i < w->dead_count && rc == 0; i++)
        rc = index_drop(w->s->ix, &w->dead[i], w->e);
    rc = index_finish(w->s->ix, rc, w->e);
    if (rc == 0) {
        w->s->chunks -= w->dead_count;
        w->done.chunks_removed += w->dead_count;
    }
    return rc;
}

static bool written_to(const struct store *s, uint32_t no)
{
    for (const struct writing *x = s->writings; x != NULL; x = x->next)
        for (size_t i = 0; i < x->count; i++)
            if (x->rows[i].place == no)
                return true;
    return false;
}

/* No writer may be on its way into a pack that is to go. */
static void close_pack(struct store *s, uint32_t no)
{
    if (s->pack == no)
        s->pack = 0;
    if (s->sweep_pack == no)
        s->sweep_pack = 0;
    while (written_to(s, no))
        index_wait(s->ix);
}

static int much_dead(struct sweep *w, uint32_t no, bool *out_much)
{
    uint64_t size = store__place(w->s, no)->end;
    int rc = drop_dead(w, no);

    if (rc != 0)
        return rc;
    *out_much = size != 0 && size - w->live_bytes >= size / DEAD_QUARTER;
    if (!*out_much)
        return 0;
    close_pack(w->s, no);
    return drop_dead(w, no); /* the list again: the lock was let go */
}

/* ---- one pack --------------------------------------------------------------
 */

static int reserve_copy(struct sweep *w, struct index_chunk *to, int *out_fd)
{
    struct store *s = w->s;
    uint64_t at;
    int rc;

    index_lock(s->ix);
    rc = store__reserve(s, &s->sweep_pack, PACK_HEAD_BYTES + to->ref.stored_len,
                        &at, w->e);
    if (rc == 0) {
        to->place = s->sweep_pack;
        to->offset = at + PACK_HEAD_BYTES;
        rc = store__borrow_fd(s, to->place, out_fd, w->e);
    }
    index_unlock(s->ix);
    return rc;
}

/* A chunk that has rotted is not copied: its row goes with the old pack. */
static int copy_one(struct sweep *w, const struct index_chunk *from, int fd,
                    struct index_chunk *to)
{
    int to_fd;
    int rc =
        file_io_read(fd, w->bytes, from->ref.stored_len, from->offset, w->e);

    if (rc == ERR_CORRUPT ||
        (rc == 0 && digest_sum64(w->bytes, from->ref.stored_len) != from->sum))
        return 0;
    if (rc != 0)
        return rc;
    to->ref = from->ref;
    to->sum = from->sum;
    rc = reserve_copy(w, to, &to_fd);
    if (rc != 0)
        return rc;
    rc = store__append(to_fd, to, w->bytes, w->e);
    index_lock(w->s->ix);
    store__return_fd(w->s, to_fd);
    index_unlock(w->s->ix);
    return rc;
}

static int copy_all(struct sweep *w, uint32_t no, struct index_chunk *to)
{
    int fd = -1;
    int rc;

    index_lock(w->s->ix);
    rc = store__borrow_fd(w->s, no, &fd, w->e);
    index_unlock(w->s->ix);
    if (rc != 0)
        return rc;
    for (size_t i = 0; i < w->keep_count && rc == 0; i++)
        rc = copy_one(w, &w->keep[i], fd, &to[i]);
    index_lock(w->s->ix);
    store__return_fd(w->s, fd);
    index_unlock(w->s->ix);
    return rc != 0 ? rc : store_sync(w->s, w->e);
}

static int move_rows(struct sweep *w, const struct index_chunk *to)
{
    struct store *s = w->s;
    uint32_t last = 0;
    int rc = index_begin(s->ix, w->e);

    for (size_t i = 0; i < w->keep_count && rc == 0; i++) {
        struct place *p = store__place(s, to[i].place);

        if (p == NULL) /* not copied */
            continue;
        rc = index_move(s->ix, &w->keep[i], &to[i], w->e);
        if (rc == 0 && p->no != last) {
            p->synced = p->end; /* by copy_all; nobody else writes here */
            rc = store__save_place(s, p, w->e);
        }
        last = p->no;
    }
    return index_finish(s->ix, rc, w->e);
}

/* With the lock, after move_rows: what is left in the pack goes with it. */
static int forget_pack(struct sweep *w, uint32_t no)
{
    struct store *s = w->s;
    uint64_t size = store__place(s, no)->end;
    uint64_t lost = 0;
    int rc = index_begin(s->ix, w->e);

    if (rc == 0)
        rc = index_drop_in(s->ix, no, 0, w->e);
    if (rc == 0) {
        lost = index_changed(s->ix);
        rc = index_drop_place(s->ix, no, w->e);
    }
    rc = index_finish(s->ix, rc, w->e);
    if (rc != 0)
        return rc;
    s->chunks -= lost;
    store__remove_place(s, no);
    w->done.packs_rewritten++;
    if (size > w->live_bytes)
        w->done.bytes_freed += size - w->live_bytes;
    return 0;
}

static int rewrite(struct sweep *w, uint32_t no)
{
    struct index_chunk *to = calloc(w->keep_count + 1, sizeof *to);
    struct writing writing = {
        .alone = true, .rows = to, .count = w->keep_count};
    char path[STORE_PATH_MAX];
    int rc;

    if (to == NULL)
        return err_set(w->e, ERR_NOMEM, "copy");
    index_lock(w->s->ix);
    store__begin_writing(w->s, &writing);
    index_unlock(w->s->ix);
    rc = copy_all(w, no, to);
    index_lock(w->s->ix);
    store__end_writing(w->s, &writing);
    if (rc == 0)
        rc = move_rows(w, to);
    if (rc == 0)
        rc = forget_pack(w, no);
    if (rc == 0) /* its number may be another pack's, next time */
        rc = index_settle(w->s->ix, w->e);
    index_unlock(w->s->ix);
    pack_path(w->s->home, no, path, sizeof path);
    if (rc == 0 && disk_unlink(path) != 0)
        rc = err_set(w->e, ERR_IO, "remove '%s'", path);
    free(to);
    return rc;
}

static int sweep_pack(struct sweep *w, uint32_t no)
{
    bool much = false;
    int rc = 0;

    index_lock(w->s->ix);
    if (store__place(w->s, no) != NULL)
        rc = much_dead(w, no, &much);
    index_unlock(w->s->ix);
    return rc == 0 && much ? rewrite(w, no) : rc;
}

/* ---- files outside ---------------------------------------------------------
 */

/* What lies in a file that is gone or was changed is kept for the day it comes
 * back, as long as anybody wants it. */
static int sweep_file(struct sweep *w, uint32_t no)
{
    int rc;

    if (store__intact(w->s, no))
        return 0;
    rc = drop_dead(w, no);
    return rc == 0 && w->keep_count == 0 ? store__drop_file(w->s, no, w->e)
                                         : rc;
}

static int sweep_files(struct sweep *w)
{
    struct store *s = w->s;
    uint32_t no = 0;
    int rc = 0;

    index_lock(s->ix);
    s->looks++;
    while (rc == 0 && (no = store__settled_file(s, no)) != 0) {
        rc = sweep_file(w, no);
        no++;
        index_unlock(s->ix); /* others want it, too */
        index_lock(s->ix);
    }
    index_unlock(s->ix);
    return rc;
}

/* ---- the whole -------------------------------------------------------------
 */

static int begin(struct sweep *w, uint32_t *out_last)
{
    struct store *s = w->s;
    const struct place *p;

    if (s->sweeping)
        return err_set(w->e, ERR_BUSY, "another sweep is at work");
    s->sweeping = true;
    *out_last = s->last_pack;
    p = s->pack != 0 ? store__place(s, s->pack) : NULL;
    if (p != NULL) {
        w->open_pack = p->no;
        w->open_end = store__safe_end(s, p);
    }
    return 0;
}

int store_sweep(struct store *s, store_live_fn *live, void *user,
                const _Atomic bool *stop, struct store_swept *out,
                struct err *e)
{
    struct sweep w = {.s = s, .live = live, .user = user, .e = e};
    uint32_t last = 0;
    int rc;

    index_lock(s->ix);
    rc = begin(&w, &last);
    index_unlock(s->ix);
    if (rc != 0)
        return rc;
    w.bytes = malloc(CHUNK_RAW_MAX);
    if (w.bytes == NULL)
        rc = err_set(e, ERR_NOMEM, "sweep");
    for (uint32_t no = 1; no <= last && rc == 0; no++)
        rc = stop != NULL && atomic_load(stop)
                 ? err_set(e, ERR_INTERRUPTED, "interrupted")
                 : sweep_pack(&w, no);
    if (rc == 0)
        rc = sweep_files(&w);
    index_lock(s->ix);
    if (rc == 0)
        rc = index_plain_prune(s->ix, e);
    s->sweeping = false;
    index_unlock(s->ix);
    free(w.bytes);
    free(w.keep);
    free(w.dead);
    if (rc == 0)
        *out = w.done;
    else
        err_wrap(e, "sweep");
    return rc;
}
