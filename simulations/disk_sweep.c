/* disk_sweep: what goes, and the room that it took. */
#include <string.h>

#include "simulations/disk_author.h"
#include "simulations/disk_deeds.h"
#include "storage/target.h"

int disk_rm(struct disk_world *w, struct err *err)
{
    struct disk_course *k = &w->courses[DISK_FETCHED];
    struct id_hex hex = course_id_hex(&k->kit->course);
    const struct disk_place removed = {DISK_CHOICES, "removed", hex.s, 0};
    const struct disk_place pinned = {DISK_CHOICES, "pin", hex.s, 0};
    const struct disk_place fetched = {DISK_ROOTS, "fetched", hex.s, 1};
    const char *const yes[1] = {"1"};
    int rc;

    if (k->current == 0 || disk_books_rotten(w))
        return 0;
    k->may_be_removed = true;
    w->folder_left = true;
    w->done = 0;
    rc = disk_set(w, &removed, yes, 1, err);
    if (rc == 0)
        rc = disk_set(w, &pinned, NULL, 0, err);
    if (rc == 0)
        rc = disk_set(w, &fetched, NULL, 0, err);
    if (rc == 0)
        rc = catalog_forget(w->node.catalog, &k->kit->course, err);
    if (rc == 0 && disk_alive(w)) {
        memset(k->acked, 0, sizeof k->acked);
        k->current = 0;
        k->may_be_removed = false;
    }
    return rc;
}

struct live {
    const struct disk_world *w;
    bool editions[DISK_COURSES][COURSE_KIT_EDITIONS];
};

/* As the node does: of own courses everything that has a record; of the other
 * what is shown, and what its folder holds or is about to. */
static int choose_live(struct disk_world *w, struct live *l, struct err *err)
{
    const struct disk_course *k = &w->courses[DISK_FETCHED];
    struct id_hex hex = course_id_hex(&k->kit->course);
    char value[DISK_VALUE];

    for (size_t c = 0; c < DISK_COURSES; c++) {
        struct record_id id;
        uint64_t top = 0;
        int rc = catalog_current(w->node.catalog, &w->courses[c].kit->course,
                                 &id, &top, err);

        if (rc != 0 && rc != ERR_NOT_FOUND)
            return rc;
        for (uint64_t seq = 1; seq <= top; seq++)
            l->editions[c][seq - 1] =
                seq == top ||
                (c < DISK_OWN && w->plan.slip != DISK_SLIP_GREEDY_SWEEP);
    }
    for (size_t i = 0; i <= 2 * TARGET_BEFORE_MAX; i++) {
        const char *verb = i % 2 == 0 ? "fetched" : "filling";
        struct disk_place at = {DISK_ROOTS, verb, hex.s, 1 + i / 2};

        disk_read_fact(w, &at, value);
        if (disk_manifest_of(k, value) != NULL)
            l->editions[DISK_FETCHED]
                       [disk_manifest_of(k, value) - k->manifests] = true;
    }
    return 0;
}

static bool is_live(void *user, const struct chunk_id *id)
{
    const struct live *l = user;

    for (size_t i = 0; i < DISK_AUTHORS && l->w->authors[i] != NULL; i++)
        if (disk_author_owns(l->w->authors[i], id) &&
            (i == 0 || l->w->plan.slip != DISK_SLIP_SWEEP_AWAY))
            return true;
    for (size_t c = 0; c < DISK_COURSES; c++)
        for (uint32_t e = 0; e < l->w->courses[c].kit->edition_count; e++) {
            const struct chunk_table *t =
                &l->w->courses[c].kit->editions[e].table;

            for (uint32_t i = 0; i < t->count && l->editions[c][e]; i++)
                if (chunk_id_eq(&t->refs[i].id, id))
                    return true;
        }
    return false;
}

int disk_sweep(struct disk_world *w, struct err *err)
{
    struct live l = {.w = w};
    struct store_swept done;
    int rc;

    if (disk_books_rotten(w)) /* they say what is live */
        return 0;
    rc = choose_live(w, &l, err);
    return rc == 0 ? store_sweep(w->node.store, is_live, &l, NULL, &done, err)
                   : rc;
}

int disk_flush(struct disk_world *w, struct err *err)
{
    return store_flush(w->node.store, 0, err);
}
