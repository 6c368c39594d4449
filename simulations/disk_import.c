/* disk_import: the user's own folder, written with an editor and published with
 * the real import, in one thread. What was published has to be what lay there,
 * and stays. After a restore he begins a new course with it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/course.h"
#include "crypto/digest.h"
#include "crypto/edition.h"
#include "crypto/key.h"
#include "crypto/record.h"
#include "simulations/alloc_fail.h"
#include "simulations/disk_deeds.h"
#include "simulations/mem.h"
#include "storage/disk.h"
#include "storage/export.h"
#include "storage/file_io.h"
#include "storage/import.h"
#include "storage/manifest_load.h"

#define AUTHOR_FOLDER "/author"
#define TEXT_CAP 9000u
#define CHUNK_CAP (2u << 20)

struct owned {
    struct chunk_id id;
    bool owed;
};

struct disk_author {
    struct identity *who;
    struct course_id course;
    struct buf course_record;
    unsigned version[DISK_AUTHOR_FILES]; /* of the text; 0: not written yet */
    bool unsure[DISK_AUTHOR_FILES];      /* his editor failed */
    struct record_id top;
    uint64_t acked; /* the number of that; 0: none */
    struct owned *chunks;
    size_t count;
};

/* ---- his folder ------------------------------------------------------------
 */

static void name_of(size_t file, char out[64])
{
    (void)snprintf(out, 64, AUTHOR_FOLDER "/lesson-%zu.md", file);
}

/* The same for the same version, longer than a chunk for some. */
static size_t text_of(size_t file, unsigned version, char out[TEXT_CAP])
{
    uint64_t x = rng_mix(file * 1000 + version);
    size_t len = 40 + (size_t)(x % (file == 0 ? 8000 : 700));
    size_t n =
        (size_t)snprintf(out, TEXT_CAP, "# Lesson %zu, %u\n", file, version);

    while (n < len) {
        x = rng_mix(x);
        n += (size_t)snprintf(out + n, TEXT_CAP - n, "%08x ", (unsigned)x);
    }
    return n;
}

static int write_lesson(struct disk_author *a, size_t file, struct err *err)
{
    char text[TEXT_CAP];
    char path[64];
    int rc;

    name_of(file, path);
    rc = file_io_save(path, text, text_of(file, a->version[file], text), err);
    a->unsure[file] = rc != 0;
    return rc;
}

int disk_lesson(struct disk_world *w, struct err *err)
{
    struct disk_author *a = w->author;
    size_t file = (size_t)disk_below(w, DISK_AUTHOR_FILES);

    a->version[file]++;
    a->unsure[file] = true;
    return write_lesson(a, file, err);
}

static int end_writing(struct disk_author *a, struct err *err)
{
    int rc = 0;

    for (size_t i = 0; i < DISK_AUTHOR_FILES && rc == 0; i++)
        if (a->unsure[i])
            rc = write_lesson(a, i, err);
    return rc;
}

static bool has_written(const struct disk_author *a)
{
    unsigned sum = 0;

    for (size_t i = 0; i < DISK_AUTHOR_FILES; i++)
        sum += a->version[i];
    return sum != 0;
}

/* ---- an edition of it ------------------------------------------------------
 */

static int begin_course(struct disk_world *w, struct err *err)
{
    static const char title[] = "Lessons";
    struct disk_author *a = w->author;
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

static struct owned *owned_of(const struct disk_author *a,
                              const struct chunk_id *id)
{
    for (size_t i = 0; i < a->count; i++)
        if (chunk_id_eq(&a->chunks[i].id, id))
            return &a->chunks[i];
    return NULL;
}

/* gc leaves them from now on: the node knows them by the edition. */
static void own(struct disk_author *a, const struct manifest *m, bool owed)
{
    for (uint32_t i = 0; i < m->table.count; i++) {
        const struct chunk_id *id = &m->table.refs[i].id;
        struct owned *o = owned_of(a, id);

        if (o == NULL) {
            a->chunks = mem_grow(a->chunks, a->count + 1, sizeof *a->chunks);
            o = &a->chunks[a->count++];
            *o = (struct owned){.id = *id};
        }
        o->owed |= owed;
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

static int sign(struct disk_world *w, struct import_result *r, uint64_t seq,
                struct buf *out, struct record_id *out_id, struct err *err)
{
    struct disk_author *a = w->author;
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
static int top_of(struct disk_world *w, uint64_t *out_next, struct err *err)
{
    struct disk_author *a = w->author;
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

static int put(struct disk_world *w, struct import_result *r,
               const struct manifest *m, struct err *err)
{
    struct disk_author *a = w->author;
    struct buf record = BUF_INIT;
    struct record_id id;
    uint64_t seq = 0;
    int rc = top_of(w, &seq, err);

    if (rc == 0)
        rc = sign(w, r, seq, &record, &id, err);
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

/* ---- is it what lay there? -------------------------------------------------
 */

struct compare {
    const char *text;
    size_t len, at;
    bool same;
};

static int compare_piece(void *user, const uint8_t *p, size_t n)
{
    struct compare *c = user;

    c->same =
        c->same && n <= c->len - c->at && memcmp(c->text + c->at, p, n) == 0;
    c->at += n;
    return 0;
}

static void check_content(struct disk_world *w, const struct manifest *m)
{
    struct disk_author *a = w->author;

    for (size_t i = 0; i < DISK_AUTHOR_FILES; i++) {
        char path[64];
        char text[TEXT_CAP];
        struct compare c = {.text = text, .same = true};
        int64_t at;
        int rc;

        if (a->version[i] == 0)
            continue;
        name_of(i, path);
        c.len = text_of(i, a->version[i], text);
        at = manifest_find(m, path + sizeof AUTHOR_FOLDER);
        rc = at < 0 ? ERR_NOT_FOUND
                    : export_read(w->node.store, m, (uint32_t)at, 0, TEXT_CAP,
                                  compare_piece, &c, NULL);
        if (rc != 0 || !c.same || c.at != c.len)
            disk_fail(w, "S1", "published is not what lay in '%s': %s", path,
                      err_words(rc));
    }
}

static int import(struct disk_world *w, struct err *err)
{
    struct import_options opt = {.dir = AUTHOR_FOLDER,
                                 .alone = true,
                                 .reread = disk_below(w, 4) == 0,
                                 .now_ms =
                                     (uint64_t)vdisk_now_ns(w->disk) / 1000000};
    struct import_progress progress = {0};
    struct import_result result;
    struct manifest m = {0};
    int rc = import_run(w->node.store, &opt, &progress, &result, err);

    if (rc != 0)
        return rc;
    rc = load(w, &result, &m, err);
    if (rc == 0) {
        own(w->author, &m, false);
        rc = put(w, &result, &m, err);
    }
    if (rc == 0 && disk_alive(w)) {
        (void)alloc_fail_stop(); /* he looks at it himself */
        vdisk_hold(w->disk, true);
        check_content(w, &m);
        vdisk_hold(w->disk, false);
    }
    manifest_deinit(&m);
    import_result_deinit(&result);
    return rc;
}

int disk_import(struct disk_world *w, struct err *err)
{
    int rc;

    if (!has_written(w->author) || w->rotten)
        return 0;
    rc = end_writing(w->author, err);
    if (rc == 0 && w->author->course_record.len == 0)
        rc = begin_course(w, err);
    return rc == 0 ? import(w, err) : rc;
}

/* ---- what stays ------------------------------------------------------------
 */

bool disk_author_owns(const struct disk_author *a, const struct chunk_id *id)
{
    return owned_of(a, id) != NULL;
}

void disk_check_author(struct disk_world *w)
{
    const struct disk_author *a = w->author;
    struct record_id top;
    uint64_t seq = 0;
    uint8_t *bytes = mem_new(CHUNK_CAP, 1);

    if (a->acked != 0 &&
        (catalog_current(w->node.catalog, &a->course, &top, &seq, NULL) != 0 ||
         seq < a->acked))
        disk_fail(w, "S3", "the lessons fell from edition %d to %d",
                  (int)a->acked, (int)seq);
    for (size_t i = 0; i < a->count && !w->ever_rotten; i++)
        if (a->chunks[i].owed && store_read(w->node.store, &a->chunks[i].id,
                                            bytes, CHUNK_CAP, NULL, NULL) != 0)
            disk_fail(w, "S2", "chunk %.12s of the lessons is lost",
                      chunk_id_hex(&a->chunks[i].id).s);
    free(bytes);
}

/* His home is another one now; the folder is the same. */
void disk_author_restored(struct disk_author *a)
{
    buf_deinit(&a->course_record);
    a->course_record = (struct buf)BUF_INIT;
    a->acked = 0;
    a->count = 0;
}

struct disk_author *disk_author_new(struct rng *rng)
{
    struct disk_author *a = mem_new(1, sizeof *a);
    uint8_t seed[32];

    for (size_t i = 0; i < sizeof seed; i++)
        seed[i] = (uint8_t)rng_next(rng);
    a->who = identity_from_seed(seed);
    (void)disk_mkdir(AUTHOR_FOLDER, 0755);
    return a;
}

void disk_author_free(struct disk_author *a)
{
    identity_free(a->who);
    buf_deinit(&a->course_record);
    free(a->chunks);
    free(a);
}
