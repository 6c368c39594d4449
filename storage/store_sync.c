/* store_sync: what was put becomes durable. A sync that failed is final: the
 * kernel may have dropped the pages and say "all is well" the next time, so
 * what was not durable yet counts as lost and is put or fetched again. */
#include "storage/store_internal.h"

#include <stdio.h>

#include "storage/file_io.h"

struct dirty {
    uint32_t no;
    int fd; /* -1: not even opened */
    uint64_t end;
    int rc;
};

/* What is put from now on into the pack may lie behind something that was
 * reserved before and is not committed; wait for that to end. */
static void await_writings(struct store *s)
{
    uint64_t now = s->last_ticket;
    const struct writing *w = s->writings;

    while (w != NULL) {
        if (w->ticket <= now && !w->alone) {
            index_wait(s->ix);
            w = s->writings;
        } else {
            w = w->next;
        }
    }
}

static size_t collect(struct store *s, uint32_t from, struct dirty *list,
                      size_t max, struct err *e)
{
    size_t n = 0;

    for (size_t i = 0; i < s->place_count && n < max; i++) {
        struct place *p = &s->places[i];
        bool file = (p->no & INDEX_FILE) != 0;
        struct dirty d = {.no = p->no, .fd = -1};

        if (p->no < from || (file ? p->synced != 0 : p->synced >= p->end))
            continue;
        d.end = file ? 0 : store__safe_end(s, p);
        d.rc = store__borrow_fd(s, p->no, &d.fd, e);
        if (d.rc == ERR_NOT_FOUND && file)
            continue; /* gone, or on its way: it stays marked */
        if (d.rc == 0 && p->broken)
            d.rc = err_set(e, ERR_IO, "an earlier sync of it failed");
        if (file && d.rc == 0)
            p->synced = 1; /* a chunk put from now on marks it again */
        list[n++] = d;
    }
    return n;
}

/* What it will be once the rows of what was lost are gone. */
static struct place without_loss(const struct place *p)
{
    struct place next = *p;
    bool file = (p->no & INDEX_FILE) != 0;

    next.synced = file ? 1 : p->end;
    next.broken = !file; /* nothing more goes into a pack that lost something */
    return next;
}

/* Until that is committed it stays broken, and is not synced again: that would
 * be said to succeed. */
static int lose(struct store *s, struct place *p, uint64_t *dropped,
                struct err *e)
{
    bool file = (p->no & INDEX_FILE) != 0;
    struct place next = without_loss(p);
    int rc = index_drop_in(s->ix, p->no, file ? 0 : p->synced, e);

    if (rc == 0) {
        *dropped += index_changed(s->ix);
        rc = store__save_place(s, &next, e);
    }
    return rc;
}

static bool is_lost(const struct dirty *d)
{
    return d->rc != 0 && d->fd >= 0; /* else not even opened: to be done */
}

static int settle(struct store *s, const struct dirty *list, size_t n,
                  struct err *e)
{
    uint64_t dropped = 0;
    int rc;

    for (size_t i = 0; i < n; i++) {
        struct place *p = store__place(s, list[i].no);

        if (p != NULL && is_lost(&list[i]))
            p->broken = true;
    }
    rc = index_begin(s->ix, e);
    for (size_t i = 0; i < n && rc == 0; i++) {
        struct place *p = store__place(s, list[i].no);

        if (p == NULL || (list[i].rc != 0 && !is_lost(&list[i])))
            continue;
        if (is_lost(&list[i])) {
            rc = lose(s, p, &dropped, e);
            continue;
        }
        if ((p->no & INDEX_FILE) == 0)
            p->synced = list[i].end;
        rc = store__save_place(s, p, e);
    }
    rc = index_finish(s->ix, rc, e);
    for (size_t i = 0; i < n && rc == 0; i++) {
        struct place *p = store__place(s, list[i].no);

        if (p != NULL && is_lost(&list[i]))
            *p = without_loss(p);
    }
    s->chunks -= rc == 0 ? dropped : 0;
    return rc;
}

/* One round: at most half of the descriptors. *from: where the next begins. */
static int sync_round(struct store *s, uint32_t *from, bool *out_more,
                      struct err *e)
{
    struct dirty list[STORE_FDS / 2];
    size_t n;
    int first = 0;
    int rc = 0;

    index_lock(s->ix);
    n = collect(s, *from, list, STORE_FDS / 2, e);
    index_unlock(s->ix);
    *out_more = n == STORE_FDS / 2;
    for (size_t i = 0; i < n; i++) {
        if (list[i].rc == 0 && list[i].fd >= 0)
            list[i].rc = file_io_sync(list[i].fd, first == 0 ? e : NULL);
        if (first == 0)
            first = list[i].rc;
        *from = list[i].no + 1;
    }
    index_lock(s->ix);
    for (size_t i = 0; i < n; i++)
        if (list[i].fd >= 0)
            store__return_fd(s, list[i].fd);
    if (n != 0)
        rc = settle(s, list, n, first == 0 ? e : NULL);
    index_unlock(s->ix);
    return first != 0 ? first : rc;
}

int store__sync_names(struct store *s, struct err *e)
{
    char path[STORE_PATH_MAX];
    bool dirty;
    int rc;

    index_lock(s->ix);
    dirty = s->dir_dirty;
    s->dir_dirty = false;
    index_unlock(s->ix);
    if (!dirty)
        return 0;
    (void)snprintf(path, sizeof path, "%s/packs", s->home);
    rc = file_io_sync_dir(path, e);
    if (rc != 0) {
        index_lock(s->ix);
        s->dir_dirty = true;
        index_unlock(s->ix);
    }
    return rc;
}

/* No pack has the chunks of an author's own files, and none says that a chunk
 * in it has rotted: the rows are all there is. */
static int settle_rows(struct store *s, struct err *e)
{
    int rc = 0;

    index_lock(s->ix);
    if (s->unsettled)
        rc = index_settle(s->ix, e);
    s->unsettled = rc != 0;
    index_unlock(s->ix);
    return rc;
}

int store_sync(struct store *s, struct err *e)
{
    uint32_t from = 0;
    bool more = true;
    int rc;

    index_lock(s->ix);
    await_writings(s);
    index_unlock(s->ix);
    rc = store__sync_names(s, e);
    while (more && rc == 0)
        rc = sync_round(s, &from, &more, e);
    if (rc == 0)
        rc = settle_rows(s, e);
    if (rc != 0)
        err_wrap(e, "sync the store");
    return rc;
}

bool store_flush_due(struct store *s, uint64_t now_ms)
{
    bool due;

    index_lock(s->ix);
    if (s->unflushed_bytes == 0)
        s->unflushed_since_ms = 0;
    else if (s->unflushed_since_ms == 0)
        s->unflushed_since_ms = now_ms;
    due = s->unflushed_bytes >= s->opt.flush_every_bytes ||
          (s->unflushed_since_ms != 0 &&
           now_ms - s->unflushed_since_ms >= s->opt.flush_every_ms);
    index_unlock(s->ix);
    return due;
}

int store_flush(struct store *s, uint64_t now_ms, struct err *e)
{
    uint64_t bytes;
    int rc;

    index_lock(s->ix);
    bytes = s->unflushed_bytes;
    s->unflushed_bytes = 0;
    s->unflushed_since_ms = 0;
    index_unlock(s->ix);
    rc = store_sync(s, e);
    if (rc != 0) { /* some is lost, some waits; half: due, but not at once */
        index_lock(s->ix);
        s->unflushed_bytes += bytes / 2;
        s->unflushed_since_ms = now_ms;
        index_unlock(s->ix);
    }
    return rc;
}
