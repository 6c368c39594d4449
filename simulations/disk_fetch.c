/* disk_fetch: a course of somebody else's comes into a folder, and goes from
 * one edition to another there. As node/driver/folder.c and fetch_folder.c do.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "simulations/disk_deeds.h"
#include "simulations/mem.h"
#include "storage/disk.h"
#include "storage/export.h"
#include "storage/file_io.h"
#include "storage/target.h"

#define TRIES 3 /* of a fetch whose chunks were lost meanwhile */

struct fetch {
    struct disk_course *k;
    const struct course_kit_edition *e;
    struct id_hex course, edition;
    struct target *target;
    struct err *err;
};

/* The edition that a journal's value names. NULL: none. */
const struct manifest *disk_manifest_of(const struct disk_course *k,
                                        const char *hex)
{
    for (uint32_t i = 0; i < k->kit->edition_count; i++)
        if (strcmp(record_id_hex(&k->kit->editions[i].id).s, hex) == 0)
            return &k->manifests[i];
    return NULL;
}

static void add_before(const struct fetch *f, struct target_options *opt,
                       const char *hex)
{
    const struct manifest *m = disk_manifest_of(f->k, hex);

    if (m == NULL || m == opt->m || opt->before_count + 1 == TARGET_BEFORE_MAX)
        return;
    for (size_t i = 0; i < opt->before_count; i++)
        if (opt->before[i] == m)
            return;
    opt->before[opt->before_count++] = m;
}

/* As node/driver/folder.c: what was there, and what was on its way. */
static void look_up(struct disk_world *w, const struct fetch *f,
                    struct target_options *opt)
{
    char value[DISK_VALUE];

    disk_read_fact(
        w, &(struct disk_place){DISK_ROOTS, "fetched", f->course.s, 1}, value);
    opt->known = value[0] != '\0';
    add_before(f, opt, value);
    for (size_t i = 1; i <= TARGET_BEFORE_MAX; i++) {
        struct disk_place at = {DISK_ROOTS, "filling", f->course.s, i};

        disk_read_fact(w, &at, value);
        opt->known |= value[0] != '\0';
        opt->unfinished |= value[0] != '\0';
        add_before(f, opt, value);
    }
}

static int note_filling(struct disk_world *w, const struct fetch *f,
                        const struct target_options *opt)
{
    const struct disk_place at = {DISK_ROOTS, "filling", f->course.s, 1};
    struct id_hex hex[TARGET_BEFORE_MAX];
    const char *values[2 + TARGET_BEFORE_MAX] = {DISK_FOLDER, f->edition.s};
    size_t n = 2;

    for (size_t i = 0; i < opt->before_count && n <= TARGET_BEFORE_MAX; i++) {
        size_t at_edition = (size_t)(opt->before[i] - f->k->manifests);

        hex[i] = record_id_hex(&f->k->kit->editions[at_edition].id);
        values[n++] = hex[i].s;
    }
    return disk_set(w, &at, values, n, f->err);
}

static int open_folder(struct disk_world *w, struct fetch *f)
{
    size_t no = (size_t)(f->e - f->k->kit->editions);
    struct target_options opt = {.home = DISK_NODE_HOME,
                                 .dir = DISK_FOLDER,
                                 .edition = f->e->id,
                                 .seq = f->e->seq,
                                 .m = &f->k->manifests[no]};
    int rc;

    look_up(w, f, &opt);
    trace_line(w->trace, (uint64_t)vdisk_now_ns(w->disk) / 1000,
               "  edition %d into a folder%s%s, %zu before", (int)f->e->seq,
               opt.known ? " of ours" : "",
               opt.unfinished ? ", not finished" : "", opt.before_count);
    rc = target_open(w->node.store, &opt, &f->target, f->err);
    return rc == 0 ? note_filling(w, f, &opt) : rc;
}

static int take_slot(struct disk_world *w, struct fetch *f, uint32_t slot)
{
    struct store_item item = {.ref = f->e->table.refs[slot],
                              .data = f->e->bytes[slot]};
    uint8_t *raw;
    int rc;

    if (store_has(w->node.store, &item.ref.id))
        return 0;
    (void)target_place(f->target, slot, &item.file, &item.offset);
    rc = store_put(w->node.store, &item, 1, STORE_FETCHED, f->err);
    if (rc != 0)
        return rc;
    raw = mem_new(item.ref.raw_len, 1);
    course_kit_raw(f->e, slot, raw);
    rc = target_write(f->target, slot, raw, item.ref.raw_len, f->err);
    free(raw);
    if (rc == 0 && disk_below(w, 12) == 0)
        rc = store_flush(w->node.store, 0, f->err);
    return rc;
}

static int fill_folder(struct disk_world *w, struct fetch *f)
{
    int rc = ERR_PARTIAL;

    for (int i = 0; i < TRIES && rc == ERR_PARTIAL; i++) {
        rc = 0;
        for (uint32_t s = 0; s < f->e->table.count && rc == 0; s++)
            rc = take_slot(w, f, s);
        if (rc == 0)
            rc = target_finish(f->target, f->err);
    }
    return rc;
}

static int placed(struct disk_world *w, const struct fetch *f)
{
    const struct disk_place fetched = {DISK_ROOTS, "fetched", f->course.s, 1};
    const struct disk_place filling = {DISK_ROOTS, "filling", f->course.s, 1};
    const char *values[2] = {DISK_FOLDER, f->edition.s};
    int rc = disk_set(w, &fetched, values, 2, f->err);

    return rc == 0 ? disk_set(w, &filling, NULL, 0, f->err) : rc;
}

static int to_edition(struct disk_world *w, uint64_t seq, struct err *err)
{
    struct disk_course *k = &w->courses[DISK_FETCHED];
    struct fetch f = {.k = k, .e = &k->kit->editions[seq - 1], .err = err};
    int rc;

    w->done = 0;
    f.course = course_id_hex(&k->kit->course);
    f.edition = record_id_hex(&f.e->id);
    rc = open_folder(w, &f);
    if (rc == 0)
        rc = fill_folder(w, &f);
    if (rc == 0)
        rc = placed(w, &f);
    target_close(f.target);
    w->done = rc == 0 && disk_alive(w) && !w->rotten && !w->index_rotten &&
                      !w->folder_rotten
                  ? seq
                  : 0;
    w->media_held = w->done != 0;
    return rc;
}

/* A folder whose course was removed: its owner empties it before he uses it
 * again. */
static int empty_folder(struct disk_world *w, const char *course,
                        struct err *err)
{
    const struct disk_place filling = {DISK_ROOTS, "filling", course, 1};
    struct disk_dir *dir = disk_dir_open(DISK_FOLDER);
    bool failed = dir == NULL && errno != ENOENT;
    const char *name;
    int rc = disk_set(w, &filling, NULL, 0, err);

    w->note[0] = w->edit[0] = '\0';
    w->done = 0;
    w->edit_doubt = false;
    while (dir != NULL && (name = disk_dir_next(dir)) != NULL) {
        char path[256];

        (void)snprintf(path, sizeof path, DISK_FOLDER "/%s", name);
        failed |= disk_unlink(path) != 0;
    }
    if (dir != NULL)
        disk_dir_close(dir);
    if (rc == 0 && dir != NULL)
        rc = file_io_sync_dir(DISK_FOLDER, err);
    w->folder_left = rc != 0 || failed || !disk_alive(w);
    w->folder_rotten &= w->folder_left;
    return rc;
}

/* The edition that is on its way into the folder; 0: none. Its user lets it end
 * before he begins another one: what a power cut has left of its small files
 * can be told from his own edits only while its chunks are here, and those may
 * be lost with them. */
static uint64_t on_its_way(struct disk_world *w, const char *course)
{
    const struct disk_course *k = &w->courses[DISK_FETCHED];
    const struct disk_place at = {DISK_ROOTS, "filling", course, 1};
    const struct manifest *m;
    char value[DISK_VALUE];

    disk_read_fact(w, &at, value);
    m = disk_manifest_of(k, value);
    return m != NULL ? (uint64_t)(m - k->manifests) + 1 : 0;
}

static int fetch(struct disk_world *w, uint64_t seq, struct err *err)
{
    const struct course_kit *kit = w->courses[DISK_FETCHED].kit;
    struct id_hex hex = course_id_hex(&kit->course);
    const struct disk_place removed = {DISK_CHOICES, "removed", hex.s, 0};
    int rc;

    if (on_its_way(w, hex.s) != 0)
        seq = on_its_way(w, hex.s);
    rc = w->folder_left ? empty_folder(w, hex.s, err) : 0;
    if (rc == 0)
        rc = disk_set(w, &removed, NULL, 0, err);
    if (rc == 0)
        rc = disk_put_records(w, kit, &kit->editions[seq - 1], false, err);
    if (rc == 0 && disk_alive(w))
        disk_acknowledge(w, DISK_FETCHED, seq);
    return rc == 0 ? to_edition(w, seq, err) : rc;
}

int disk_get(struct disk_world *w, struct err *err)
{
    uint64_t was = w->courses[DISK_FETCHED].current;

    return fetch(w, was != 0 ? was : 1, err);
}

int disk_update(struct disk_world *w, struct err *err)
{
    const struct disk_course *k = &w->courses[DISK_FETCHED];

    if (k->current == 0 || k->current == k->kit->edition_count)
        return 0;
    return fetch(w, k->current + 1, err);
}

/* The node says that it has told all only behind the last file. */
void disk_readopt(struct disk_world *w)
{
    const struct disk_course *k = &w->courses[DISK_FETCHED];
    struct id_hex hex = course_id_hex(&k->kit->course);
    const struct disk_place fetched = {DISK_ROOTS, "fetched", hex.s, 1};
    const struct manifest *m;
    char value[DISK_VALUE];
    uint64_t chunks;
    int rc = 0;

    w->readopting = store_rebuilt(w->node.store);
    if (w->plan.slip == DISK_SLIP_ROT_BELIEVED)
        w->index_rotten = false;
    if (!w->readopting)
        return;
    disk_read_fact(w, &fetched, value);
    m = disk_manifest_of(k, value);
    if (w->plan.slip == DISK_SLIP_READOPT)
        rc = store_readopted(w->node.store, NULL);
    if (rc == 0 && m != NULL)
        rc = export_adopt(w->node.store, m, DISK_FOLDER, &chunks, NULL);
    w->media_held |= rc == 0 && disk_alive(w);
    if (rc == 0 || rc == ERR_NOT_FOUND)
        rc = disk_readopt_footage(w);
    if (rc == 0 && store_readopted(w->node.store, NULL) == 0 && disk_alive(w))
        w->readopting = w->index_rotten = false; /* it is another one */
}

int disk_rollback(struct disk_world *w, struct err *err)
{
    struct disk_course *k = &w->courses[DISK_FETCHED];
    struct id_hex hex = course_id_hex(&k->kit->course);
    const struct disk_place at = {DISK_CHOICES, "at", hex.s, 0};
    const struct disk_place fetched = {DISK_ROOTS, "fetched", hex.s, 1};
    char number[24];
    const char *values[1] = {number};
    uint64_t seq = k->current > 1 ? 1 + disk_below(w, k->current) : 0;
    int rc;

    if (seq == 0 || w->folder_left || disk_sure(w, &fetched)[0] == '\0' ||
        on_its_way(w, hex.s) != 0)
        return 0;
    rc = to_edition(w, seq, err);
    (void)snprintf(number, sizeof number, "%d", (int)seq);
    return rc == 0 ? disk_set(w, &at, values, 1, err) : rc;
}
