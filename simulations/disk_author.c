/* disk_author: a folder becomes an edition, signed and put as `lyceum publish`
 * does. What was acknowledged stays. After a restore he begins a new course. */
#include "simulations/disk_author.h"

#include <stdlib.h>
#include <string.h>

#include "crypto/course.h"
#include "crypto/digest.h"
#include "crypto/edition.h"
#include "crypto/record.h"
#include "simulations/disk_deeds.h"
#include "simulations/mem.h"
#include "storage/manifest_load.h"

/* ---- an edition -------------------------------------------------------------
 */

static int begin_course(struct disk_world *w, struct disk_author *a,
                        struct err *err)
{
    static const char title[] = "Lessons";
    struct course_payload p = {.time_ms = 1,
                               .title = {(const uint8_t *)title, 7},
                               .author_count = 1,
                               .threshold = 1};
    struct buf payload = BUF_INIT;
    struct record_id id;
    int rc;

    p.authors[0] = *identity_author(a->who);
    for (size_t i = 0; i < sizeof p.nonce; i++)
        p.nonce[i] = (uint8_t)disk_below(w, 256);
    buf_deinit(&a->course_record);
    a->course_record = (struct buf)BUF_INIT;
    rc = course_encode(&p, &payload, err);
    if (rc == 0)
        rc = record_sign(a->who, RECORD_COURSE, COURSE_KIT_NETWORK,
                         buf_span(&payload), &a->course_record, &id, err);
    if (rc == 0)
        memcpy(a->course.b, id.b, sizeof id.b);
    buf_deinit(&payload);
    return rc;
}

static struct disk_owned *owned_of(const struct disk_author *a,
                                   const struct chunk_id *id)
{
    for (size_t i = 0; i < a->count; i++)
        if (chunk_id_eq(&a->chunks[i].id, id))
            return &a->chunks[i];
    return NULL;
}

/* gc leaves them from now on: the node knows them by the edition. What stays in
 * his files is owed as long as these are there, and not here. */
static void own(struct disk_author *a, const struct manifest *m, bool owed)
{
    uint32_t blobs = m->table.index_count + m->table.tree_count;

    for (uint32_t i = 0; i < m->table.count; i++) {
        const struct chunk_id *id = &m->table.refs[i].id;
        struct disk_owned *o = owned_of(a, id);

        if (o == NULL) {
            a->chunks = mem_grow(a->chunks, a->count + 1, sizeof *a->chunks);
            o = &a->chunks[a->count++];
            *o = (struct disk_owned){.id = *id};
        }
        o->owed |=
            owed && (!a->in_place || i < blobs || m->table.refs[i].flags != 0);
    }
}

static int load(struct disk_world *w, const struct import_result *r,
                struct manifest *out, struct err *err)
{
    struct manifest_totals totals = {r->edition.files, r->edition.bytes,
                                     r->edition.chunks,
                                     r->edition.stored_bytes};
    struct chunk_table blobs = CHUNK_TABLE_INIT;
    int rc = chunk_table_from_blobs(buf_span(&r->index_blob),
                                    buf_span(&r->tree_blob), &blobs, err);

    if (rc == 0)
        rc = manifest_load(w->node.store, &blobs, &totals, out, err);
    chunk_table_deinit(&blobs);
    return rc;
}

static int sign(const struct disk_author *a, struct import_result *r,
                uint64_t seq, struct buf *out, struct record_id *out_id,
                struct err *err)
{
    struct buf payload = BUF_INIT;
    int rc;

    r->edition.course = a->course;
    r->edition.seq = seq;
    r->edition.time_ms = seq;
    if (seq > 1)
        r->edition.prev = a->top;
    rc = edition_encode(&r->edition, &payload, err);
    if (rc == 0)
        rc = record_sign(a->who, RECORD_EDITION, COURSE_KIT_NETWORK,
                         buf_span(&payload), out, out_id, err);
    buf_deinit(&payload);
    return rc;
}

/* An edition whose publishing was cut off may be there, or not. */
static int top_of(struct disk_world *w, struct disk_author *a,
                  uint64_t *out_next, struct err *err)
{
    struct record_id top;
    uint64_t seq = 0;
    int rc = catalog_next_seq(w->node.catalog, identity_author(a->who),
                              &a->course, out_next, err);

    if (rc != 0)
        return rc;
    if (*out_next <= a->acked)
        disk_fail(w, "S3", "a lesson's edition %d would be signed again",
                  (int)*out_next);
    if (*out_next == 1)
        return 0;
    rc = catalog_current(w->node.catalog, &a->course, &top, &seq, err);
    if (rc == ERR_NOT_FOUND || (rc == 0 && seq != *out_next - 1))
        return ERR_CONFLICT; /* signed, and its record is not here */
    if (rc == 0)
        a->top = top;
    return rc;
}

static int put(struct disk_world *w, struct disk_author *a,
               struct import_result *r, const struct manifest *m,
               struct err *err)
{
    struct buf record = BUF_INIT;
    struct record_id id;
    uint64_t seq = 0;
    int rc = top_of(w, a, &seq, err);

    if (rc == 0)
        rc = sign(a, r, seq, &record, &id, err);
    if (rc == 0)
        rc = store_sync(w->node.store, err);
    if (rc == 0)
        rc = catalog_put(w->node.catalog, a->course_record.base,
                         a->course_record.len, true, NULL, err);
    if (rc == 0)
        rc = catalog_put(w->node.catalog, record.base, record.len, true, NULL,
                         err);
    if (rc == 0 && disk_alive(w)) {
        a->top = id;
        a->acked = seq;
        own(a, m, true);
    }
    buf_deinit(&record);
    return rc;
}

int disk_author_import(struct disk_world *w, struct disk_author *a,
                       const char *dir, struct manifest *out, struct err *err)
{
    struct import_options opt = {.dir = dir,
                                 .alone = true,
                                 .in_place = a->in_place,
                                 .reread = disk_below(w, 4) == 0,
                                 .now_ms =
                                     (uint64_t)vdisk_now_ns(w->disk) / 1000000};
    struct import_progress progress = {0};
    struct import_result result;
    int rc = a->course_record.len == 0 ? begin_course(w, a, err) : 0;

    if (rc == 0)
        rc = import_run(w->node.store, &opt, &progress, &result, err);
    if (rc != 0)
        return rc;
    rc = load(w, &result, out, err);
    if (rc == 0) {
        own(a, out, false);
        rc = put(w, a, &result, out, err);
        if (rc != 0)
            manifest_deinit(out);
    }
    import_result_deinit(&result);
    return rc;
}

/* ---- what stays ------------------------------------------------------------
 */

bool disk_author_owns(const struct disk_author *a, const struct chunk_id *id)
{
    return owned_of(a, id) != NULL;
}

void disk_author_check(struct disk_world *w, const struct disk_author *a)
{
    static uint8_t bytes[CHUNK_RAW_MAX];
    struct record_id top;
    uint64_t seq = 0;

    if (a->acked != 0 &&
        (catalog_current(w->node.catalog, &a->course, &top, &seq, NULL) != 0 ||
         seq < a->acked))
        disk_fail(w, "S3", "what he published fell from edition %d to %d",
                  (int)a->acked, (int)seq);
    for (size_t i = 0; i < a->count && !w->ever_rotten; i++)
        if (a->chunks[i].owed &&
            store_read(w->node.store, &a->chunks[i].id, bytes, sizeof bytes,
                       NULL, NULL) != 0)
            disk_fail(w, "S2", "chunk %.12s of what he published is lost",
                      chunk_id_hex(&a->chunks[i].id).s);
}

int disk_author_verify(struct disk_world *w, const struct disk_author *a,
                       unsigned *bad, struct err *err)
{
    unsigned edited = 0; /* he may have, where they stay in his files */
    int rc = 0;

    for (size_t i = 0; i < a->count && rc == 0; i++)
        rc = disk_verify_chunk(w, &a->chunks[i].id, a->in_place ? &edited : bad,
                               err);
    return rc;
}

void disk_author_restored(struct disk_author *a)
{
    buf_deinit(&a->course_record);
    a->course_record = (struct buf)BUF_INIT;
    a->acked = 0;
    for (size_t i = 0; i < a->count; i++)
        a->chunks[i].owed = false;
}

void disk_author_init(struct disk_author *a, struct rng *rng)
{
    uint8_t seed[32];

    for (size_t i = 0; i < sizeof seed; i++)
        seed[i] = (uint8_t)rng_next(rng);
    a->who = identity_from_seed(seed);
}

void disk_author_deinit(struct disk_author *a)
{
    identity_free(a->who);
    buf_deinit(&a->course_record);
    free(a->chunks);
}
