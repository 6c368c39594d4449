/* store_place: the packs and files that chunks lie in, and the few descriptors
 * that are kept open on them. */
#include "storage/store_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "storage/disk.h"
#include "storage/pack.h"

/* ---- the list -------------------------------------------------------------
 */

/* Where @no stands, or would. */
static size_t position(const struct store *s, uint32_t no)
{
    size_t lo = 0;
    size_t hi = s->place_count;

    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;

        if (s->places[mid].no < no)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
}

struct place *store__place(struct store *s, uint32_t no)
{
    size_t at = position(s, no);

    return at < s->place_count && s->places[at].no == no ? &s->places[at]
                                                         : NULL;
}

int store__add_place(struct store *s, const struct place *p, struct err *e)
{
    size_t at = position(s, p->no);

    if (s->place_count == s->place_cap) {
        size_t cap = s->place_cap ? 2 * s->place_cap : 16;
        struct place *grown = realloc(s->places, cap * sizeof *grown);

        if (grown == NULL)
            return err_set(e, ERR_NOMEM, "places");
        s->places = grown;
        s->place_cap = cap;
    }
    memmove(&s->places[at + 1], &s->places[at],
            (s->place_count - at) * sizeof *s->places);
    s->places[at] = *p;
    s->place_count++;
    return 0;
}

void store__remove_place(struct store *s, uint32_t no)
{
    size_t at = position(s, no);

    if (at == s->place_count || s->places[at].no != no)
        return;
    store__forget_fd(s, no);
    free(s->places[at].path);
    memmove(&s->places[at], &s->places[at + 1],
            (s->place_count - at - 1) * sizeof *s->places);
    s->place_count--;
}

void store__begin_writing(struct store *s, struct writing *w)
{
    w->ticket = ++s->last_ticket;
    w->prev = NULL;
    w->next = s->writings;
    if (w->next != NULL)
        w->next->prev = w;
    s->writings = w;
}

void store__end_writing(struct store *s, struct writing *w)
{
    if (w->next != NULL)
        w->next->prev = w->prev;
    if (w->prev != NULL)
        w->prev->next = w->next;
    else
        s->writings = w->next;
    index_wake(s->ix);
}

uint64_t store__safe_end(const struct store *s, const struct place *p)
{
    uint64_t end = p->end;

    for (const struct writing *w = s->writings; w != NULL; w = w->next)
        for (size_t i = 0; i < w->count; i++)
            if (w->rows[i].place == p->no &&
                w->rows[i].offset - PACK_HEAD_BYTES < end)
                end = w->rows[i].offset - PACK_HEAD_BYTES;
    return end;
}

int store__save_place(struct store *s, const struct place *p, struct err *e)
{
    bool file = (p->no & INDEX_FILE) != 0;
    struct index_place row = {.place = p->no,
                              .path = p->path,
                              .size = p->size,
                              .mtime_ns = p->mtime_ns,
                              .settled = p->settled,
                              .end = file ? 0 : store__safe_end(s, p),
                              .synced = p->synced};

    return index_put_place(s->ix, &row, e);
}

void store__place_path(const struct store *s, const struct place *p, char *out,
                       size_t cap)
{
    if (p->path != NULL)
        (void)snprintf(out, cap, "%s", p->path);
    else
        pack_path(s->home, p->no, out, cap);
}

/* ---- descriptors ----------------------------------------------------------
 */

/* A file may be the user's own: opened for writing only to be written, which
 * programs that watch his folder would notice. */
static int open_place(struct store *s, uint32_t no, bool write, int *out_fd,
                      struct err *e)
{
    const int flags = O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | /* FIFOs, links */
                      (write ? O_RDWR : O_RDONLY);
    const struct place *p = store__place(s, no);
    char path[STORE_PATH_MAX];
    struct stat st;
    int fd;

    if (p == NULL)
        return err_set(e, ERR_NOT_FOUND, "place %u is gone", no);
    store__place_path(s, p, path, sizeof path);
    fd = disk_open(path, flags, 0);
    if (fd < 0 && (errno == ELOOP || errno == EISDIR || errno == ENOTDIR))
        return err_set(e, ERR_NOT_FOUND, "'%s' is not a plain file", path);
    if (fd < 0 && !write && (errno == EACCES || errno == EPERM || errno == EIO))
        return err_set(e, ERR_NOT_FOUND, "'%s' cannot be read", path);
    if (fd < 0)
        return err_errno(e, errno, "open '%s'", path);
    if (disk_fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
        (void)disk_close(fd);
        return err_set(e, ERR_NOT_FOUND, "'%s' is not a plain file", path);
    }
    *out_fd = fd;
    return 0;
}

/* The slot of @no, or the best one to put it into; NULL: all are in use. */
static struct open_fd *find_slot(struct store *s, uint32_t no, bool write)
{
    struct open_fd *best = NULL;

    for (size_t i = 0; i < STORE_FDS; i++) {
        struct open_fd *o = &s->fds[i];

        if (o->fd >= 0 && o->place == no && (o->writable || !write))
            return o;
        if (o->fd >= 0 && o->refs != 0)
            continue;
        if (best == NULL ||
            (best->fd >= 0 && (o->fd < 0 || o->used < best->used)))
            best = o;
    }
    return best;
}

static int borrow(struct store *s, uint32_t no, bool write, int *out_fd,
                  struct err *e)
{
    struct open_fd *slot = find_slot(s, no, write);
    int fd;
    int rc;

    if (slot == NULL || slot->fd < 0 || slot->place != no ||
        (write && !slot->writable)) {
        rc = open_place(s, no, write, &fd, e);
        if (rc != 0)
            return rc;
        if (slot == NULL) { /* closed when it comes back */
            *out_fd = fd;
            return 0;
        }
        if (slot->fd >= 0)
            (void)disk_close(slot->fd);
        *slot = (struct open_fd){.place = no, .fd = fd, .writable = write};
    }
    slot->refs++;
    slot->used = ++s->fd_clock;
    *out_fd = slot->fd;
    return 0;
}

int store__borrow_fd(struct store *s, uint32_t no, int *out_fd, struct err *e)
{
    return borrow(s, no, (no & INDEX_FILE) == 0, out_fd, e);
}

int store__borrow_to_write(struct store *s, uint32_t no, int *out_fd,
                           struct err *e)
{
    return borrow(s, no, true, out_fd, e);
}

static void close_slot(struct open_fd *o)
{
    (void)disk_close(o->fd);
    o->fd = -1;
}

void store__return_fd(struct store *s, int fd)
{
    for (size_t i = 0; i < STORE_FDS; i++) {
        if (s->fds[i].fd != fd)
            continue;
        s->fds[i].refs--;
        if (s->fds[i].refs == 0 && s->fds[i].place == 0)
            close_slot(&s->fds[i]);
        return;
    }
    (void)disk_close(fd);
}

void store__forget_fd(struct store *s, uint32_t no)
{
    for (size_t i = 0; i < STORE_FDS; i++) {
        if (s->fds[i].fd < 0 || s->fds[i].place != no)
            continue;
        s->fds[i].place = 0;
        if (s->fds[i].refs == 0)
            close_slot(&s->fds[i]);
    }
}

/* ---- files that others may change ------------------------------------------
 */

static bool look(const struct place *p)
{
    struct stat st;

    if (disk_lstat(p->path, &st) != 0 || !S_ISREG(st.st_mode))
        return false;
    return !p->settled ||
           ((uint64_t)st.st_size == p->size &&
            (int64_t)st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec ==
                p->mtime_ns &&
            disk_access(p->path, R_OK) == 0);
}

bool store__intact(struct store *s, uint32_t no)
{
    struct place *p;

    if ((no & INDEX_FILE) == 0)
        return true;
    p = store__place(s, no);
    if (p == NULL)
        return false;
    if (p->asked != s->looks) {
        p->asked = s->looks;
        p->intact = look(p);
    }
    return p->intact;
}
