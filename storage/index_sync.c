/* index_sync: the log of the index goes into the database (a checkpoint), and
 * what a failed sync leaves.
 *
 * What a sync that failed has not written may never come to the disk, and the
 * next sync does not say so: the kernel tells once. SQLite would then copy
 * pages from a log that is only in memory, and at a power cut the older log on
 * the disk would be replayed over them: rows of one table from before, rows of
 * another from after, and no checksum wrong. So the next start is to make the
 * index anew, and before that is noted on the disk nothing is copied. */
#include "storage/index_internal.h"

#include <fcntl.h>
#include <stdio.h>

#include "storage/disk.h"
#include "storage/file_io.h"

#define LOG_PAGES 4000 /* a commit behind that makes a checkpoint */

/* ---- distrust
 * ---------------------------------------------------------------------- */

void index__mark_path(const struct index *ix, char *out, size_t cap)
{
    (void)snprintf(out, cap, "%s/index.broken", ix->home);
}

void index_distrust(struct index *ix)
{
    char mark[4200];
    int fd;

    ix->distrusted = true;
    if (ix->condemned)
        return;
    index__mark_path(ix, mark, sizeof mark);
    fd = disk_open(mark, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0)
        return;
    (void)disk_close(fd);
    ix->condemned = file_io_sync_dir(ix->home, NULL) == 0;
}

bool index_distrusted(const struct index *ix)
{
    return ix->distrusted;
}

/* ---- checkpoints
 * ---------------------------------------------------------------------- */

void index__note_sync(struct index *ix)
{
    if (sqlite3_extended_errcode(ix->db) != SQLITE_IOERR_FSYNC)
        return;
    ix->unsynced = true;
    index_distrust(ix);
}

static bool may_checkpoint(struct index *ix)
{
    if (ix->unsynced)
        index_distrust(ix);
    return !ix->unsynced || ix->condemned;
}

/* Return: as SQLite does. */
static int checkpoint(struct index *ix)
{
    int rc = sqlite3_wal_checkpoint_v2(ix->db, NULL, SQLITE_CHECKPOINT_PASSIVE,
                                       NULL, NULL);

    if (rc != SQLITE_OK)
        index__note_sync(ix);
    return rc;
}

static int on_commit(void *user, sqlite3 *db, const char *name, int pages)
{
    struct index *ix = user;

    (void)db;
    (void)name;
    if (pages >= LOG_PAGES && may_checkpoint(ix))
        (void)checkpoint(ix); /* or behind a later commit */
    return SQLITE_OK;
}

void index__watch(struct index *ix)
{
    (void)sqlite3_wal_hook(ix->db, on_commit, ix);
}

void index__end_log(struct index *ix)
{
    if (may_checkpoint(ix))
        (void)checkpoint(ix);
    if (ix->unsynced)
        (void)sqlite3_db_config(ix->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1,
                                NULL);
}

int index_settle(struct index *ix, struct err *e)
{
    if (!may_checkpoint(ix))
        return err_set(e, ERR_IO, "index: an earlier sync has failed");
    return checkpoint(ix) == SQLITE_OK ? 0 : index_fail(ix, "checkpoint", e);
}
