/* disk_users: what the user of a home does, in the order in which the node does
 * it: chunks, sync, record, journal. Nothing here knows when the power goes;
 * each step just fails then. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "simulations/disk_world.h"
#include "storage/disk.h"
#include "storage/export.h"
#include "storage/file_io.h"
#include "storage/target.h"

#define BATCH_MAX 8
#define TRIES 3 /* of a fetch whose chunks were lost meanwhile */
#define FETCHED (DISK_COURSES - 1)

static uint64_t below(struct disk_world *w, uint64_t n)
{
    return rng_below(&w->rng, n);
}

static bool alive(const struct disk_world *w)
{
    return !vdisk_stopped(w->disk);
}

/* ---- publishing ------------------------------------------------------------
 */

static int put_chunks(struct disk_world *w, const struct course_kit_edition *e,
                      struct err *err)
{
    struct store_item items[BATCH_MAX];
    uint32_t at = 0;
    int rc = 0;

    while (at < e->table.count && rc == 0) {
        size_t want = 1 + (size_t)below(w, BATCH_MAX);
        size_t n = 0;

        for (; n < want && at < e->table.count; n++, at++)
            items[n] = (struct store_item){.ref = e->table.refs[at],
                                           .data = e->bytes[at]};
        rc = store_put(w->node.store, items, n, STORE_OWN, err);
    }
    return rc;
}

static int put_records(struct disk_world *w, const struct course_kit *kit,
                       const struct course_kit_edition *e, bool own,
                       struct err *err)
{
    int rc = catalog_put(w->node.catalog, kit->course_record.base,
                         kit->course_record.len, own, NULL, err);

    if (rc == 0)
        rc = catalog_put(w->node.catalog, e->record.base, e->record.len, own,
                         NULL, err);
    return rc;
}

static int put_edition(struct disk_world *w, const struct course_kit *kit,
                       const struct course_kit_edition *e, struct err *err)
{
    enum disk_slip slip = w->plan.slip;
    int rc = 0;

    if (slip == DISK_SLIP_ORDER)
        rc = put_records(w, kit, e, true, err);
    if (rc == 0)
        rc = put_chunks(w, e, err);
    if (rc == 0 && slip != DISK_SLIP_NO_SYNC)
        rc = store_sync(w->node.store, err);
    if (rc == 0)
        rc = put_records(w, kit, e, true, err);
    return rc;
}

static int keep_roots(struct disk_world *w, const char *course, size_t c,
                      struct err *err)
{
    const struct disk_place published = {DISK_ROOTS, "published", course, 0};
    char root[32];
    const struct disk_place folder = {DISK_ROOTS, "folder", root, 0};
    const char *values[1] = {course};
    int rc;

    (void)snprintf(root, sizeof root, "/author/%zu", c);
    rc = disk_set(w, &folder, values, 1, err);
    values[0] = root;
    return rc == 0 ? disk_set(w, &published, values, 1, err) : rc;
}

static int publish(struct disk_world *w, struct err *err)
{
    size_t c = (size_t)below(w, DISK_OWN);
    struct disk_course *k = &w->courses[c];
    struct id_hex hex = course_id_hex(&k->kit->course);
    uint64_t seq = 0;
    int rc = catalog_next_seq(w->node.catalog, &k->kit->author, &k->kit->course,
                              &seq, err);

    if (rc != 0 || seq > k->kit->edition_count)
        return rc;
    if (k->acked[seq])
        disk_fail(w, "S3", "edition %d of course %zu would be signed again",
                  (int)seq, c);
    rc = put_edition(w, k->kit, &k->kit->editions[seq - 1], err);
    if (rc == 0 && alive(w))
        disk_acknowledge(w, c, seq);
    return rc == 0 ? keep_roots(w, hex.s, c, err) : rc;
}

/* ---- fetching --------------------------------------------------------------
 */

struct fetch {
    struct disk_course *k;
    const struct course_kit_edition *e;
    struct id_hex course, edition;
    struct target *target;
    struct err *err;
};

/* The edition that a journal's value names. NULL: none. */
static const struct manifest *manifest_of(const struct disk_course *k,
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
    const struct manifest *m = manifest_of(f->k, hex);

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
    raw = malloc(item.ref.raw_len);
    course_kit_raw(f->e, slot, raw);
    rc = target_write(f->target, slot, raw, item.ref.raw_len, f->err);
    free(raw);
    if (rc == 0 && below(w, 12) == 0)
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
    struct disk_course *k = &w->courses[FETCHED];
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
    vdisk_hold(w->disk, true);
    w->done = rc == 0 && alive(w) ? seq : 0;
    if (w->done != 0)
        disk_check_folder(w, w->done);
    vdisk_hold(w->disk, false);
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
    w->folder_left = rc != 0 || failed || !alive(w);
    return rc;
}

/* The edition that is on its way into the folder; 0: none. Its user lets it end
 * before he begins another one: what a power cut has left of its small files
 * can be told from his own edits only while its chunks are here, and those may
 * be lost with them. */
static uint64_t on_its_way(struct disk_world *w, const char *course)
{
    const struct disk_course *k = &w->courses[FETCHED];
    const struct disk_place at = {DISK_ROOTS, "filling", course, 1};
    const struct manifest *m;
    char value[DISK_VALUE];

    disk_read_fact(w, &at, value);
    m = manifest_of(k, value);
    return m != NULL ? (uint64_t)(m - k->manifests) + 1 : 0;
}

static int get(struct disk_world *w, struct err *err)
{
    const struct course_kit *kit = w->courses[FETCHED].kit;
    uint64_t was = w->courses[FETCHED].current;
    uint64_t seq = was + (was < kit->edition_count ? below(w, 2) : 0);
    struct id_hex hex = course_id_hex(&kit->course);
    const struct disk_place removed = {DISK_CHOICES, "removed", hex.s, 0};
    int rc;

    seq = seq != 0 ? seq : 1;
    if (on_its_way(w, hex.s) != 0)
        seq = on_its_way(w, hex.s);
    rc = w->folder_left ? empty_folder(w, hex.s, err) : 0;
    if (rc == 0)
        rc = disk_set(w, &removed, NULL, 0, err);
    if (rc == 0)
        rc = put_records(w, kit, &kit->editions[seq - 1], false, err);
    if (rc == 0 && alive(w))
        disk_acknowledge(w, FETCHED, seq);
    return rc == 0 ? to_edition(w, seq, err) : rc;
}

void disk_readopt(struct disk_world *w)
{
    const struct disk_course *k = &w->courses[FETCHED];
    struct id_hex hex = course_id_hex(&k->kit->course);
    const struct disk_place fetched = {DISK_ROOTS, "fetched", hex.s, 1};
    char value[DISK_VALUE];
    uint64_t chunks;

    disk_read_fact(w, &fetched, value);
    if (store_rebuilt(w->node.store) && manifest_of(k, value) != NULL)
        (void)export_adopt(w->node.store, manifest_of(k, value), DISK_FOLDER,
                           &chunks, NULL);
}

static int rollback(struct disk_world *w, struct err *err)
{
    struct disk_course *k = &w->courses[FETCHED];
    struct id_hex hex = course_id_hex(&k->kit->course);
    const struct disk_place at = {DISK_CHOICES, "at", hex.s, 0};
    const struct disk_place fetched = {DISK_ROOTS, "fetched", hex.s, 1};
    char number[24];
    const char *values[1] = {number};
    uint64_t seq = k->current > 1 ? 1 + below(w, k->current) : 0;
    int rc;

    if (seq == 0 || w->folder_left || disk_sure(w, &fetched)[0] == '\0' ||
        on_its_way(w, hex.s) != 0)
        return 0;
    rc = to_edition(w, seq, err);
    (void)snprintf(number, sizeof number, "%d", (int)seq);
    return rc == 0 ? disk_set(w, &at, values, 1, err) : rc;
}

/* ---- the rest --------------------------------------------------------------
 */

static int pin(struct disk_world *w, struct err *err)
{
    size_t c = (size_t)below(w, DISK_COURSES);
    struct id_hex hex = course_id_hex(&w->courses[c].kit->course);
    const struct disk_place at = {DISK_CHOICES, "pin", hex.s, 0};
    const char *const values[1] = {"1"};

    return disk_set(w, &at, values, below(w, 3) != 0, err);
}

/* Many lines: journals are written anew when they are long. */
static int met(struct disk_world *w, struct err *err)
{
    char value[24];
    const char *values[1] = {value};
    int rc = 0;

    for (uint64_t n = 1 + below(w, 40); n != 0 && rc == 0; n--) {
        struct disk_place at = {DISK_CHOICES, "seen", "peer", 0};

        (void)snprintf(value, sizeof value, "10.0.0.1:%d",
                       (int)below(w, 60000));
        rc = disk_set(w, &at, values, 1, err);
    }
    return rc;
}

static int configure(struct disk_world *w, struct err *err)
{
    const struct disk_place at = {DISK_CONFIG, "name", "", 0};
    char name[24];
    const char *values[1] = {name};

    (void)snprintf(name, sizeof name, "Ada %d", (int)below(w, 1000));
    return disk_set(w, &at, values, 1, err);
}

static int rm(struct disk_world *w, struct err *err)
{
    struct disk_course *k = &w->courses[FETCHED];
    struct id_hex hex = course_id_hex(&k->kit->course);
    const struct disk_place removed = {DISK_CHOICES, "removed", hex.s, 0};
    const struct disk_place pinned = {DISK_CHOICES, "pin", hex.s, 0};
    const struct disk_place fetched = {DISK_ROOTS, "fetched", hex.s, 1};
    const char *const yes[1] = {"1"};
    int rc;

    if (k->current == 0)
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
    if (rc == 0 && alive(w)) {
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
    const struct disk_course *k = &w->courses[FETCHED];
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
        if (manifest_of(k, value) != NULL)
            l->editions[FETCHED][manifest_of(k, value) - k->manifests] = true;
    }
    return 0;
}

static bool is_live(void *user, const struct chunk_id *id)
{
    const struct live *l = user;

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

static int sweep(struct disk_world *w, struct err *err)
{
    struct live l = {.w = w};
    struct store_swept done;
    int rc = choose_live(w, &l, err);

    return rc == 0 ? store_sweep(w->node.store, is_live, &l, NULL, &done, err)
                   : rc;
}

static int flush(struct disk_world *w, struct err *err)
{
    return store_flush(w->node.store, 0, err);
}

/* With an editor that syncs. */
static int save(struct disk_world *w, const char *path, char text[64],
                struct err *err)
{
    int rc;

    (void)snprintf(text, 64, "my own words, number %d\n", (int)below(w, 9999));
    rc = file_io_save(path, text, strlen(text), err);
    if (rc == 0) /* the folder itself may be new */
        rc = file_io_sync_parent(DISK_FOLDER, err);
    if (rc != 0 || !alive(w))
        text[0] = '\0'; /* his editor told him */
    return rc;
}

static int write_note(struct disk_world *w, struct err *err)
{
    struct stat st;

    if (w->folder_left || disk_lstat(DISK_FOLDER, &st) != 0 ||
        w->note[0] != '\0')
        return 0;
    return save(w, DISK_FOLDER "/" DISK_NOTE, w->note, err);
}

static int edit_file(struct disk_world *w, struct err *err)
{
    struct stat st;

    if (disk_lstat(DISK_FOLDER "/part-0000.txt", &st) != 0 ||
        w->edit[0] != '\0' || w->edit_doubt || w->folder_left)
        return 0;
    w->edit_doubt =
        save(w, DISK_FOLDER "/part-0000.txt", w->edit, err) != 0 || !alive(w);
    return w->edit_doubt ? ERR_IO : 0;
}

struct deed {
    const char *name;
    int (*run)(struct disk_world *w, struct err *err);
    unsigned weight;
};

static const struct deed deeds[] = {
    {"publish", publish, 8}, {"get", get, 6},        {"rollback", rollback, 3},
    {"pin", pin, 3},         {"met", met, 1},        {"config", configure, 2},
    {"rm", rm, 1},           {"gc", sweep, 3},       {"flush", flush, 2},
    {"note", write_note, 1}, {"edit", edit_file, 1},
};

#define DEEDS (sizeof deeds / sizeof deeds[0])

static const struct deed *choose(struct disk_world *w)
{
    unsigned sum = 0;
    uint64_t at;
    size_t i = 0;

    for (size_t k = 0; k < DEEDS; k++)
        sum += deeds[k].weight;
    at = below(w, sum);
    while (at >= deeds[i].weight)
        at -= deeds[i++].weight;
    return &deeds[i];
}

void disk_act(struct disk_world *w)
{
    const struct deed *d = choose(w);
    struct err err = ERR_INIT;
    int rc = d->run(w, &err);

    w->result->acts++;
    trace_line(w->trace, (uint64_t)vdisk_now_ns(w->disk) / 1000, "%s: %s%s",
               d->name, rc == 0 ? "done" : err.text,
               alive(w) ? "" : " (stopped)");
}
