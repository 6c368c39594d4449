/* disk_rot: stored sectors change by themselves. Nothing of them may be served;
 * verify finds them, and publishing and getting again heal them. */
#include <stdio.h>
#include <string.h>

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
}

/* ---- healing ---------------------------------------------------------------
 */

static unsigned verify_all(struct disk_world *w)
{
    unsigned bad = 0;

    for (size_t c = 0; c < DISK_COURSES; c++)
        for (size_t i = 0; i < w->courses[c].count; i++) {
            const struct chunk_id *id = &w->courses[c].chunks[i].ref.id;

            bad += store_has(w->node.store, id) &&
                   store_verify(w->node.store, id, NULL) == ERR_CORRUPT;
        }
    return bad;
}

static int republish(struct disk_world *w, struct err *err)
{
    int rc = 0;

    for (size_t c = 0; c < DISK_OWN; c++) {
        const struct course_kit *kit = w->courses[c].kit;

        for (uint64_t s = 1; s <= kit->edition_count && rc == 0; s++)
            if (w->courses[c].acked[s])
                rc = disk_put_edition(w, kit, &kit->editions[s - 1], err);
    }
    return rc;
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
    unsigned bad = verify_all(w);
    int rc;

    if (!w->rotten && bad != 0 && disk_alive(w))
        disk_fail(w, "S12", "verify finds %u bad chunks on a good disk", bad);
    if (!w->rotten)
        return 0;
    w->packed = NULL;
    rc = w->plan.slip != DISK_SLIP_NOT_HEALED ? republish(w, err) : 0;
    if (rc == 0)
        rc = remove_media(err);
    if (rc == 0 && disk_alive(w))
        w->rotten = false; /* from here on all that is owed is here */
    return rc;
}
