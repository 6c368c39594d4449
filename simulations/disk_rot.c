/* disk_rot: stored sectors change by themselves. Nothing of them may be served;
 * verify finds them, and publishing and getting again heal them. */
#include <stdio.h>
#include <string.h>

#include "simulations/disk_author.h"
#include "simulations/disk_deeds.h"
#include "storage/disk.h"
#include "storage/file_io.h"

static bool begins(const char *path, const char *with)
{
    return strncmp(path, with, strlen(with)) == 0;
}

static bool ends(const char *path, const char *with)
{
    size_t n = strlen(path);
    size_t k = strlen(with);

    return n >= k && strcmp(path + n - k, with) == 0;
}

static bool may_rot(const char *path)
{
    return ends(path, ".pack") || ends(path, ".lyc") ||
           begins(path, DISK_FOLDER "/" DISK_MEDIA) ||
           begins(path, DISK_FOOTAGE "/");
}

void disk_rot(struct disk_world *w)
{
    if (vdisk_rot(w->disk, may_rot) == 0)
        return;
    w->rotten = w->ever_rotten = w->folder_rotten = true;
    w->done = 0; /* his player will show it: that is not ours to notice */
    w->result->rots++;
    trace_line(w->trace, (uint64_t)vdisk_now_ns(w->disk) / 1000, "files rot");
}

/* ---- what the home knows ---------------------------------------------------
 */

static bool is_index(const char *path)
{
    return strcmp(path, DISK_NODE_HOME "/index.db") == 0 ||
           strcmp(path, DISK_NODE_HOME "/index.db-wal") == 0;
}

static bool is_log(const char *path)
{
    return begins(path, DISK_NODE_HOME "/records/");
}

void disk_rot_books(struct disk_world *w)
{
    bool index = disk_below(w, 2) == 0;

    if (w->readopting || /* else nobody could tell when it is another one */
        vdisk_rot(w->disk, index ? is_index : is_log) == 0)
        return;
    w->result->rots++;
    trace_line(w->trace, (uint64_t)vdisk_now_ns(w->disk) / 1000, "%s rot",
               index ? "the index" : "records");
    if (!index) {
        w->log_rotten = true;
        return;
    }
    w->index_rotten = true;
    w->done = 0;
    disk_footage_forget(w);
}

/* ---- healing ---------------------------------------------------------------
 */

int disk_verify_chunk(struct disk_world *w, const struct chunk_id *id,
                      unsigned *bad, struct err *err)
{
    int rc =
        store_has(w->node.store, id) ? store_verify(w->node.store, id, err) : 0;

    *bad += rc == ERR_CORRUPT;
    return rc == ERR_CORRUPT || rc == ERR_NOT_FOUND ? 0 : rc;
}

static int verify_all(struct disk_world *w, unsigned *bad, struct err *err)
{
    int rc = 0;

    for (size_t c = 0; c < DISK_COURSES; c++)
        for (size_t i = 0; i < w->courses[c].count && rc == 0; i++)
            rc =
                disk_verify_chunk(w, &w->courses[c].chunks[i].ref.id, bad, err);
    for (size_t i = 0; i < DISK_AUTHORS && w->authors[i] != NULL && rc == 0;
         i++)
        rc = disk_author_verify(w, w->authors[i], bad, err);
    return rc;
}

/* Acknowledged, or seen to be here in spite of that. */
static bool is_known(struct disk_world *w, const struct disk_course *k,
                     uint64_t seq)
{
    struct record_id id;

    return k->acked[seq] || catalog_edition(w->node.catalog, &k->kit->course,
                                            seq, &id, NULL) == 0;
}

static int republish(struct disk_world *w, struct err *err)
{
    int rc = 0;

    for (size_t c = 0; c < DISK_OWN; c++) {
        const struct disk_course *k = &w->courses[c];

        for (uint64_t s = 1; s <= k->kit->edition_count && rc == 0; s++)
            if (is_known(w, k, s))
                rc = disk_put_edition(w, k->kit, &k->kit->editions[s - 1], err);
    }
    return rc;
}

/* What was his, and what others have: all of it comes again. What he has signed
 * in his folders nobody else has. */
static int put_records_again(struct disk_world *w, struct err *err)
{
    int rc = 0;

    for (size_t c = 0; c < DISK_COURSES; c++) {
        const struct disk_course *k = &w->courses[c];

        for (uint64_t s = 1; s <= k->kit->edition_count && rc == 0; s++)
            if (is_known(w, k, s) && w->plan.slip != DISK_SLIP_NOT_RECORDED)
                rc = disk_put_records(w, k->kit, &k->kit->editions[s - 1],
                                      c < DISK_OWN, err);
    }
    if (rc != 0 || !disk_alive(w))
        return rc;
    for (size_t i = 0; i < DISK_AUTHORS && w->authors[i] != NULL; i++)
        disk_author_restored(w->authors[i]);
    w->log_rotten = false;
    return 0;
}

/* He removes what verify has named; the next get brings it again. */
static int remove_media(struct err *err)
{
    struct disk_dir *dir = disk_dir_open(DISK_FOLDER);
    const char *name;

    if (dir == NULL)
        return 0;
    while ((name = disk_dir_next(dir)) != NULL) {
        char path[256];

        (void)snprintf(path, sizeof path, DISK_FOLDER "/%s", name);
        if (begins(name, DISK_MEDIA) && disk_unlink(path) != 0)
            break;
    }
    disk_dir_close(dir);
    return name == NULL ? file_io_sync_dir(DISK_FOLDER, err)
                        : err_set(err, ERR_IO, "a file stays");
}

int disk_verify(struct disk_world *w, struct err *err)
{
    unsigned bad = 0;
    int rc = verify_all(w, &bad, err);

    if (rc == 0)
        rc = store_sync(w->node.store, err);
    if (rc != 0)
        return rc;
    if (!w->rotten && !w->index_rotten && bad != 0 && disk_alive(w))
        disk_fail(w, "S12", "verify finds %u bad chunks on a good disk", bad);
    if (w->log_rotten && !w->index_rotten)
        return put_records_again(w, err);
    if (!w->rotten || w->index_rotten)
        return 0;
    w->packed = NULL;
    rc = w->plan.slip != DISK_SLIP_NOT_HEALED ? republish(w, err) : 0;
    if (rc == 0)
        rc = remove_media(err);
    if (rc == 0 && disk_alive(w))
        w->rotten = false; /* from here on all that is owed is here */
    return rc;
}
