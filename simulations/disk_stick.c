/* disk_stick: a course in one file on a stick, out of this home and into it
 * again, in the order of node/api/api_pack.c and api_unpack.c. */
#include <string.h>

#include "crypto/digest.h"
#include "simulations/disk_deeds.h"
#include "simulations/mem.h"
#include "storage/lyc.h"
#include "storage/lyc_file.h"

#define COURSE_FILE DISK_STICK "/course.lyc"

/* ---- out -------------------------------------------------------------------
 */

static bool is_held(struct disk_world *w, const struct course_kit_edition *e)
{
    for (uint32_t i = 0; i < e->table.count; i++)
        if (!store_has(w->node.store, &e->table.refs[i].id))
            return false;
    return true;
}

static int write_edition(struct disk_world *w, const struct course_kit *kit,
                         const struct course_kit_edition *e,
                         struct lyc_writer *out, struct err *err)
{
    static uint8_t bytes[CHUNK_RAW_MAX];
    int rc = lyc_put_record(out, buf_span(&kit->course_record), err);

    if (rc == 0)
        rc = lyc_put_record(out, buf_span(&e->record), err);
    for (uint32_t i = 0; i < e->table.count && rc == 0; i++) {
        rc = store_read(w->node.store, &e->table.refs[i].id, bytes,
                        CHUNK_RAW_MAX, NULL, err);
        if (rc == 0)
            rc = lyc_put_chunk(out, &e->table.refs[i], bytes, err);
    }
    return rc;
}

static int write_file(struct disk_world *w, const struct course_kit *kit,
                      const struct course_kit_edition *e, struct err *err)
{
    struct lyc_out_options opt = {.path = COURSE_FILE, .replace = true};
    struct lyc_head head = {
        .course = kit->course, .edition = e->id, .seq = e->seq};
    struct lyc_writer writer;
    struct lyc_out *out = NULL;
    int rc = lyc_out_open(&opt, &out, err);

    if (rc == 0)
        rc = lyc_begin(&writer, &head, lyc_out_write, out, err);
    if (rc == 0)
        rc = write_edition(w, kit, e, &writer, err);
    if (rc == 0)
        rc = lyc_end(&writer, err);
    if (rc == 0)
        rc = lyc_out_finish(out, err);
    lyc_out_close(out);
    return rc;
}

int disk_pack(struct disk_world *w, struct err *err)
{
    size_t c = (size_t)disk_below(w, DISK_COURSES);
    const struct disk_course *k = &w->courses[c];
    const struct course_kit_edition *e;
    int rc;

    if (k->current == 0)
        return 0;
    e = &k->kit->editions[k->current - 1];
    if (!is_held(w, e))
        return 0;
    w->packed = NULL;
    rc = write_file(w, k->kit, e, err);
    if (rc == 0 && disk_alive(w)) {
        w->packed = e;
        w->packed_course = c;
    }
    return rc;
}

/* ---- in --------------------------------------------------------------------
 */

struct reading {
    struct disk_world *w;
    const struct course_kit_edition *e; /* what it should be */
    bool put;                           /* else it is only looked at */
    uint32_t chunks, records;
    struct err *err;
};

static int take_chunk(struct reading *r, struct lyc_reader *in,
                      const struct chunk_ref *ref)
{
    struct store_item item = {.ref = *ref};
    struct chunk_id is;
    int rc = lyc_chunk(in, &item.data, r->err);

    if (rc == ERR_CORRUPT)
        return 0; /* it has rotted: the file gives what is good */
    if (rc != 0)
        return rc;
    is = digest_chunk(item.data, ref->stored_len);
    if (!chunk_id_eq(&is, &ref->id))
        disk_fail(r->w, "S1", "a course file gives a chunk that is another");
    r->chunks++;
    return r->put ? store_put(r->w->node.store, &item, 1, STORE_FETCHED, r->err)
                  : 0;
}

static int take_record(struct reading *r, struct span record)
{
    r->records++;
    return r->put ? catalog_put(r->w->node.catalog, record.p, record.len, false,
                                NULL, r->err)
                  : 0;
}

static int take_all(struct reading *r, struct lyc_reader *in)
{
    struct lyc_item item = {.kind = LYC_RECORD};
    int rc = 0;

    while (rc == 0 && item.kind != LYC_END && item.kind != LYC_CUT) {
        rc = lyc_next(in, &item, r->err);
        if (rc == 0 && item.kind == LYC_RECORD)
            rc = take_record(r, item.record);
        else if (rc == 0 && item.kind == LYC_CHUNK)
            rc = take_chunk(r, in, &item.ref);
    }
    return rc;
}

static int read_file(struct reading *r)
{
    struct lyc_head head;
    struct lyc_reader *reader = NULL;
    struct lyc_in *in = NULL;
    int rc = lyc_in_open(COURSE_FILE, NULL, &in, r->err);

    if (rc == 0)
        rc = lyc_open(lyc_in_read, in, &head, &reader, r->err);
    if (rc == 0)
        rc = take_all(r, reader);
    lyc_close(reader);
    lyc_in_close(in);
    return rc;
}

/* S2: a file that was said to be there is, whole, unless it has rotted. */
void disk_check_stick(struct disk_world *w)
{
    struct err err = ERR_INIT;
    struct reading r = {.w = w, .e = w->packed, .err = &err};
    int rc;

    if (w->packed == NULL)
        return;
    rc = read_file(&r);
    if (w->rotten)
        return;
    if (rc != 0 || r.records != 2 || r.chunks != w->packed->table.count)
        disk_fail(w, "S2", "the course file has %u of %u chunks: %.100s",
                  r.chunks, w->packed->table.count, err.text);
}

int disk_unpack(struct disk_world *w, struct err *err)
{
    struct reading r = {.w = w, .e = w->packed, .put = true, .err = err};
    size_t c = w->packed_course;
    int rc;

    if (w->packed == NULL ||
        (c == DISK_FETCHED && w->courses[c].current == 0)) /* by rm */
        return 0;
    rc = read_file(&r);
    if (rc == 0)
        rc = store_sync(w->node.store, err);
    if (rc == 0 && disk_alive(w) && !w->rotten && !w->index_rotten &&
        !is_held(w, r.e))
        disk_fail(w, "S12", "unpacked, and it is not all here");
    if (rc == 0 && disk_alive(w))
        disk_acknowledge_records(w, c, r.e->seq);
    return rc;
}
