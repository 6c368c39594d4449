/* disk_backup: the home goes onto a stick, and one day the home is lost and
 * made again of that, however old it is. Of chunks nothing comes back; of
 * numbers none may be signed twice. */
#include <stdio.h>
#include <string.h>

#include "simulations/disk_author.h"
#include "simulations/disk_deeds.h"
#include "storage/backup_home.h"
#include "storage/disk.h"
#include "storage/file_io.h"
#include "storage/home.h"
#include "storage/lyc_file.h"

#define BACKUP_FILE DISK_STICK "/home.backup"

/* ---- onto the stick --------------------------------------------------------
 */

static void remember(struct disk_world *w)
{
    struct disk_snapshot *s = &w->backup;

    s->taken = true;
    s->fact_count = w->fact_count;
    memcpy(s->facts, w->facts, sizeof s->facts);
    for (size_t c = 0; c < DISK_COURSES; c++) {
        memcpy(s->acked[c], w->courses[c].acked, sizeof s->acked[c]);
        s->current[c] = w->courses[c].current;
    }
}

static bool is_settled(const struct disk_world *w)
{
    for (size_t i = 0; i < w->fact_count; i++)
        if (w->facts[i].doubt_count != 0)
            return false;
    return !w->courses[DISK_FETCHED].may_be_removed && !disk_books_rotten(w);
}

int disk_backup(struct disk_world *w, struct err *err)
{
    struct lyc_out_options opt = {
        .path = BACKUP_FILE, .replace = true, .secret = true};
    struct lyc_out *out = NULL;
    uint64_t bytes;
    int rc;

    if (!is_settled(w))
        return 0;
    w->backup.taken = false; /* when it fails, nobody relies on any */
    rc = lyc_out_open(&opt, &out, err);
    if (rc == 0)
        rc = backup_home_write(DISK_NODE_HOME, NULL, 1, lyc_out_write, out,
                               &bytes, err);
    if (rc == 0)
        rc = lyc_out_finish(out, err);
    lyc_out_close(out);
    if (rc == 0 && disk_alive(w))
        remember(w);
    return rc;
}

/* ---- and back --------------------------------------------------------------
 */

static void remove_tree(const char *path)
{
    struct disk_dir *dir = disk_dir_open(path);
    const char *name;

    while (dir != NULL && (name = disk_dir_next(dir)) != NULL) {
        char below[512];
        struct stat st;

        (void)snprintf(below, sizeof below, "%s/%s", path, name);
        if (disk_lstat(below, &st) == 0 && S_ISDIR(st.st_mode))
            remove_tree(below);
        else
            (void)disk_unlink(below);
    }
    if (dir != NULL)
        disk_dir_close(dir);
    (void)disk_rmdir(path);
}

/* The disk is another one: that is not undone by a power cut. */
static void lose_home(struct disk_world *w)
{
    disk_node_close(&w->node);
    w->open = false;
    if (!disk_alive(w))
        return; /* just a stop */
    vdisk_hold(w->disk, true);
    remove_tree(DISK_NODE_HOME);
    vdisk_sync_all(w->disk);
    vdisk_hold(w->disk, false);
}

/* What is known of the home from now on is what was known of it then. */
static void recall(struct disk_world *w)
{
    const struct disk_snapshot *s = &w->backup;

    w->fact_count = s->fact_count;
    memcpy(w->facts, s->facts, sizeof w->facts);
    for (size_t i = 0; i < w->fact_count; i++) /* they were copied */
        w->facts[i].at.key = w->facts[i].key;
    for (size_t c = 0; c < DISK_COURSES; c++) {
        struct disk_course *k = &w->courses[c];

        memcpy(k->acked, s->acked[c], sizeof k->acked);
        k->current = s->current[c];
        for (size_t i = 0; i < k->count; i++)
            k->chunks[i].owed = false;
    }
    for (size_t i = 0; i < DISK_AUTHORS && w->authors[i] != NULL; i++)
        disk_author_restored(w->authors[i]);
    disk_footage_forget(w);
    w->index_rotten = w->log_rotten = w->readopting = false;
    w->has_self = false; /* another node of the same person */
    w->folder_left = true;
    w->done = 0;
}

static int agree(void *user, const struct buf *identity, struct err *e)
{
    (void)user;
    (void)identity;
    (void)e;
    return 0;
}

void disk_go_on_restoring(struct disk_world *w)
{
    struct lyc_in *in = NULL;
    struct err e = ERR_INIT;
    uint64_t made_ms;
    struct stat st;
    int rc = 0;

    if (disk_lstat(DISK_NODE_HOME, &st) != 0) {
        rc = lyc_in_open(BACKUP_FILE, NULL, &in, &e);
        if (rc == 0)
            rc = backup_home_restore(
                &(struct restore_options){.home = DISK_NODE_HOME,
                                          .read = lyc_in_read,
                                          .read_user = in,
                                          .agree = agree},
                &made_ms, &e);
        lyc_in_close(in);
    } else { /* it was killed behind the rename */
        rc = home_make(DISK_NODE_HOME, &e);
    }
    if (!disk_alive(w))
        return;
    if (rc != 0 && (rc != ERR_CORRUPT || !w->rotten) && rc != ERR_NO_SPACE &&
        rc != ERR_NOMEM && rc != ERR_IO)
        disk_fail(w, "S2", "the backup cannot be restored: %.200s", e.text);
    w->restoring = rc != 0;
}

/* What is on the stick has to be as it was written: a backup that rots is not
 * looked for here. */
int disk_restore(struct disk_world *w, struct err *err)
{
    (void)err;
    if (!w->backup.taken || disk_below(w, 2) == 0)
        return 0;
    lose_home(w);
    if (!disk_alive(w))
        return 0;
    recall(w);
    w->restoring = true;
    w->restores++;
    return 0;
}
