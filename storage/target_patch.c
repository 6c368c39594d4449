/* target_patch: a large file of which little changes is not written anew. What
 * is new waits in its partial; in the end the old file is taken from its place
 * into the home, gets what is new, and goes back. Half as much is written where
 * three quarters stay, and no room for a second copy is needed.
 *
 * Whoever is killed meanwhile finds the file in the home, where it is a partial
 * like any other: the next run fills in what it lacks and puts it in place.
 * A file that has another name, or that somebody has open, is not touched: a
 * new one takes its place, as whenever something does not fit. */
#include "storage/target_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "storage/beneath.h"
#include "storage/disk.h"
#include "storage/file_io.h"

/* ---- is it worth it? --------------------------------------------------------
 */

bool target__stays(const struct target *t, uint32_t i, uint32_t slot)
{
    const struct target_file *tf = &t->files[i];
    const struct chunk_ref *ref = &t->m->table.refs[slot];

    return tf->old != 0 && ref->flags == 0 &&
           store_lies_at(t->s, &ref->id, tf->old,
                         manifest_slot_offset(t->m, slot));
}

static uint64_t staying_bytes(const struct target *t, uint32_t i)
{
    const struct manifest_stream *s = &t->m->streams[t->m->files[i].stream];
    uint64_t bytes = 0;

    for (uint32_t k = 0; k < s->chunk_count; k++)
        if (target__stays(t, i, s->first_slot + k))
            bytes += t->m->table.refs[s->first_slot + k].raw_len;
    return bytes;
}

/* On the disk of the home, and under this name only. */
static bool is_movable(const struct target *t, int fd)
{
    struct stat at;
    struct stat home;

    return disk_fstat(fd, &at) == 0 && S_ISREG(at.st_mode) &&
           at.st_nlink == 1 && disk_stat(t->partial, &home) == 0 &&
           home.st_dev == at.st_dev;
}

void target__plan_patch(struct target *t, uint32_t i)
{
    const struct manifest_file *f = &t->m->files[i];
    struct target_file *tf = &t->files[i];
    char path[TARGET_PATH_MAX];
    int fd;

    if (!target__before_has(t, f->path))
        return;
    target__full_path(t, f->path, path);
    tf->old = store_file_find(t->s, path);
    if (tf->old == 0 || !store_file_intact(t->s, tf->old)) {
        tf->old = 0;
        return;
    }
    fd = beneath_open(t->root, f->path, O_RDWR | O_NONBLOCK, 0);
    if (fd < 0 || !is_movable(t, fd) ||
        staying_bytes(t, i) < f->size - f->size / 4)
        tf->old = 0;
    if (fd >= 0)
        (void)disk_close(fd);
}

/* ---- taking it --------------------------------------------------------------
 */

struct staying {
    const struct target *t;
    uint32_t file;
};

static bool stays_at(void *user, const struct chunk_id *id, uint64_t offset)
{
    const struct staying *s = user;
    const struct manifest *m = s->t->m;
    uint32_t first;
    uint32_t count;
    uint32_t skip;

    if (offset >= m->files[s->file].size)
        return false;
    manifest_slots_of(m, s->file, offset, 1, &first, &count, &skip);
    return skip == 0 && m->table.refs[first].flags == 0 &&
           chunk_id_eq(&m->table.refs[first].id, id);
}

/* What the edition before alone has of it goes into a pack, where there is
 * room: it is about to be written over. */
static int clear_out(struct target *t, uint32_t i, struct err *e)
{
    struct staying s = {t, i};
    uint32_t old = t->files[i].old;
    struct err full = ERR_INIT;
    int rc = store_file_rescue(t->s, old, stays_at, &s, &full);

    if (rc != 0 && rc != ERR_NO_SPACE) {
        if (e != NULL)
            *e = full;
        return rc;
    }
    return store_file_clear(t->s, old, stays_at, &s, e);
}

/* Between the place of file @i and @taken in the home. */
static int rename_across(struct target *t, uint32_t i, const char *taken,
                         bool out, struct err *e)
{
    const char *path = t->m->files[i].path;
    const char *name;
    int parent = beneath_parent(t->root, path, &name);
    int rc;

    if (parent < 0)
        return target__open_failed(t, path, parent, e);
    rc = out ? disk_renameat2(parent, name, AT_FDCWD, taken, RENAME_NOREPLACE)
             : disk_renameat2(AT_FDCWD, taken, parent, name, RENAME_NOREPLACE);
    if (rc != 0)
        rc = err_errno(e, errno, "move '%s'", path);
    (void)disk_close(parent);
    return rc;
}

/* Somebody may have put another one there, just then. */
static bool is_that(int fd, const char *path)
{
    struct stat a;
    struct stat b;

    return disk_fstat(fd, &a) == 0 && disk_lstat(path, &b) == 0 &&
           a.st_ino == b.st_ino && a.st_dev == b.st_dev;
}

/* A write lease is granted to whoever alone has the file open. With it nothing
 * may be asked of the store: it may be waiting for the file, too. */
static int rename_alone(struct target *t, uint32_t i, int fd, const char *taken,
                        struct err *e)
{
    int rc = 0;

    if (disk_lease(fd, F_WRLCK) != 0)
        return 0;
    if (rename_across(t, i, taken, true, NULL) == 0) {
        t->files[i].taken = is_that(fd, taken) && disk_leased(fd) == F_WRLCK;
        if (!t->files[i].taken)
            rc = rename_across(t, i, taken, false, e);
    }
    (void)disk_lease(fd, F_UNLCK);
    return rc;
}

/* Return: 0 also when it has to stay where it is. */
static int take_out(struct target *t, uint32_t i, int fd, struct err *e)
{
    struct target_file *tf = &t->files[i];
    char taken[TARGET_PATH_MAX];
    int rc = clear_out(t, i, e);

    target__taken_path(t, i, taken, sizeof taken);
    if (rc == 0)
        rc = store_file_moving(t->s, tf->old, taken, e);
    store_file_close(t->s, tf->old);
    if (rc == 0)
        rc = rename_alone(t, i, fd, taken, e);
    if (rc == 0 && tf->taken)
        rc = store_file_take(t->s, tf->old, taken, e);
    return rc;
}

/* Nothing is written to it before its new name is on the disk: else it may be
 * found at its place after a power cut, as old as it was, and half new. */
static int sync_names(struct target *t, uint32_t i, struct err *e)
{
    char path[TARGET_PATH_MAX];
    int rc = file_io_sync_dir(t->partial, e);

    target__full_path(t, t->m->files[i].path, path);
    return rc == 0 ? file_io_sync_parent(path, e) : rc;
}

/* Nor before there is room for all of it. */
static int make_room(struct target *t, uint32_t i, uint64_t was, struct err *e)
{
    struct target_file *tf = &t->files[i];
    int rc = file_io_allocate(tf->fd, t->m->files[i].size, e);

    if (rc == 0 || disk_ftruncate(tf->fd, (off_t)was) != 0 ||
        target__put_back(t, i, NULL) != 0)
        return rc;
    (void)disk_close(tf->fd);
    tf->fd = -1;
    tf->store_file = tf->aside;
    tf->aside = 0;
    tf->taken = false;
    return rc;
}

/* Takes @fd when it is taken. */
static int take(struct target *t, uint32_t i, int fd, struct err *e)
{
    struct target_file *tf = &t->files[i];
    struct stat was;
    int rc;

    if (disk_fstat(fd, &was) != 0)
        return 0;
    rc = take_out(t, i, fd, e);
    if (!tf->taken)
        return rc;
    (void)disk_close(tf->fd);
    tf->fd = fd;
    tf->aside = tf->store_file;
    tf->store_file = tf->old;
    if (rc == 0)
        rc = sync_names(t, i, e);
    return rc == 0 ? make_room(t, i, (uint64_t)was.st_size, e) : rc;
}

int target__take(struct target *t, uint32_t i, struct err *e)
{
    struct target_file *tf = &t->files[i];
    int fd;
    int rc = 0;

    fd = beneath_open(t->root, t->m->files[i].path, O_RDWR | O_NONBLOCK, 0);
    if (fd >= 0 && store_file_intact(t->s, tf->old) && is_movable(t, fd))
        rc = take(t, i, fd, e);
    if (fd >= 0 && !tf->taken)
        (void)disk_close(fd);
    tf->old = 0;
    return rc;
}

/* ---- taken by a run that was killed -----------------------------------------
 */

bool target__find_taken(struct target *t, uint32_t i)
{
    struct target_file *tf = &t->files[i];
    char path[TARGET_PATH_MAX];

    target__partial_path(t, i, path, sizeof path);
    tf->aside = store_file_find(t->s, path);
    target__taken_path(t, i, path, sizeof path);
    tf->taken = disk_access(path, F_OK) == 0;
    if (!tf->taken)
        tf->aside = 0;
    return tf->taken;
}

/* ---- the end ----------------------------------------------------------------
 */

int target__drop_aside(struct target *t, uint32_t i, struct err *e)
{
    struct target_file *tf = &t->files[i];
    char path[TARGET_PATH_MAX];
    int rc = 0;

    if (tf->aside != 0)
        rc = store_file_drop(t->s, tf->aside, e);
    tf->aside = 0;
    tf->taken = false;
    target__partial_path(t, i, path, sizeof path);
    if (rc == 0)
        (void)disk_unlink(path);
    return rc;
}
