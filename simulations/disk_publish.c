/* disk_publish: the user's own courses. Chunks, sync, record, number. */
#include <stdio.h>
#include <string.h>

#include "simulations/disk_deeds.h"
#include "storage/seq_file.h"

#define BATCH_MAX 8

int disk_put_chunks(struct disk_world *w, const struct course_kit_edition *e,
                    struct err *err)
{
    struct store_item items[BATCH_MAX];
    uint32_t at = 0;
    int rc = 0;

    while (at < e->table.count && rc == 0) {
        size_t want = 1 + (size_t)disk_below(w, BATCH_MAX);
        size_t n = 0;

        for (; n < want && at < e->table.count; n++, at++)
            items[n] = (struct store_item){.ref = e->table.refs[at],
                                           .data = e->bytes[at]};
        rc = store_put(w->node.store, items, n, STORE_OWN, err);
    }
    return rc;
}

int disk_put_records(struct disk_world *w, const struct course_kit *kit,
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

int disk_put_edition(struct disk_world *w, const struct course_kit *kit,
                     const struct course_kit_edition *e, struct err *err)
{
    enum disk_slip slip = w->plan.slip;
    int rc = 0;

    if (slip == DISK_SLIP_ORDER)
        rc = disk_put_records(w, kit, e, true, err);
    if (rc == 0)
        rc = disk_put_chunks(w, e, err);
    if (rc == 0 && slip != DISK_SLIP_NO_SYNC)
        rc = store_sync(w->node.store, err);
    if (rc == 0)
        rc = disk_put_records(w, kit, e, true, err);
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

/* Since the numbers of this home are doubted nothing was signed in it. */
static bool must_ask(struct disk_world *w, const char *course,
                     const char *doubt)
{
    const struct disk_place asked = {DISK_CHOICES, "asked", course, 0};
    char value[DISK_VALUE];

    disk_read_fact(w, &asked, value);
    return seq_file_doubtful(DISK_NODE_HOME) &&
           (doubt[0] == '\0' || strcmp(value, doubt) != 0) &&
           w->plan.slip != DISK_SLIP_NOT_ASKED;
}

/* As `lyceum publish` in a home that was restored: peers are asked, and what
 * was signed since the backup comes from them. */
static int ask(struct disk_world *w, size_t c, struct err *err)
{
    struct disk_course *k = &w->courses[c];
    int rc = 0;

    for (uint64_t s = 1; s <= k->signed_to && rc == 0; s++) {
        const struct course_kit_edition *e = &k->kit->editions[s - 1];

        rc = disk_put_chunks(w, e, err);
        if (rc == 0)
            rc = store_sync(w->node.store, err);
        if (rc == 0)
            rc = disk_put_records(w, k->kit, e, false, err);
        if (rc == 0 && disk_alive(w))
            disk_acknowledge(w, c, s);
    }
    return rc;
}

int disk_publish(struct disk_world *w, struct err *err)
{
    size_t c = (size_t)disk_below(w, DISK_OWN);
    struct disk_course *k = &w->courses[c];
    struct id_hex hex = course_id_hex(&k->kit->course);
    const struct disk_place asked = {DISK_CHOICES, "asked", hex.s, 0};
    char doubt[SEQ_FILE_DOUBT_CHARS];
    const char *const values[1] = {doubt};
    uint64_t seq = 0;
    bool must;
    int rc;

    if (w->index_rotten) /* what it says is held is not put again */
        return 0;
    seq_file_doubt_name(DISK_NODE_HOME, doubt);
    must = must_ask(w, hex.s, doubt);
    rc = must ? ask(w, c, err) : 0;
    if (rc == 0)
        rc = catalog_next_seq(w->node.catalog, &k->kit->author, &k->kit->course,
                              &seq, err);
    if (rc != 0 || seq > k->kit->edition_count)
        return rc;
    if (seq <= k->signed_to)
        disk_fail(w, "S3", "edition %d of course %zu would be signed again",
                  (int)seq, c);
    rc = disk_put_edition(w, k->kit, &k->kit->editions[seq - 1], err);
    if (rc == 0 && disk_alive(w))
        disk_acknowledge(w, c, seq);
    if (rc == 0 && must)
        rc = disk_set(w, &asked, values, 1, err);
    return rc == 0 ? keep_roots(w, hex.s, c, err) : rc;
}
