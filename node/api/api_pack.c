/* api_pack: a course, or what is new of it, leaves as one file. Everything in
 * it is read and checked before it is written. */
#include "node/api/api_internal.h"

#include <stdlib.h>
#include <string.h>

#include "crypto/digest.h"
#include "crypto/edition.h"
#include "storage/lyc.h"
#include "storage/lyc_file.h"

struct pack {
    struct api_call *call;
    struct node *n;
    struct lyc_head head;
    struct held_manifest *hm;
    struct record_id ids[LYC_RECORDS_MAX]; /* course, profile, then editions */
    size_t id_count;
    uint8_t *take; /* bit of each slot that goes into the file, MSB first */
    uint32_t chunks;
    uint64_t bytes; /* of the whole file */
    struct buf profile;
};

/* ---- which edition, and what of it
 * ------------------------------------------------- */

static int find_edition(struct pack *p)
{
    struct api_call *call = p->call;
    struct err *e = &call->err;
    int rc = api__resolve(p->n, api__text(call, "course"), &p->head.course, e);

    if (rc == 0)
        rc = catalog_current(node_catalog(p->n), &p->head.course,
                             &p->head.edition, &p->head.seq, e);
    if (rc != 0)
        return rc;
    rc = node_manifest_load(p->n, &p->head.edition, &p->hm, e);
    if (rc != ERR_NOT_FOUND)
        return rc;
    rc = err_set(e, ERR_PARTIAL, "only the record of the course is here");
    err_hint(e, "lyceum get fetches the course");
    return rc;
}

/* The manifest of the edition that the receivers have. */
static int load_since(struct pack *p, struct held_manifest **out)
{
    struct err *e = &p->call->err;
    json_t *since = json_object_get(p->call->args, "since");
    struct record_id id;
    int rc;

    p->head.since = (uint64_t)json_integer_value(since);
    if (p->head.since == 0)
        return 0;
    if (p->head.since >= p->head.seq) {
        rc = err_set(e, ERR_INVALID,
                     "edition %llu is the newest here: there is nothing since"
                     " %llu",
                     (unsigned long long)p->head.seq,
                     (unsigned long long)p->head.since);
        err_hint(e, "lyceum info COURSE --versions lists the editions");
        return rc;
    }
    rc = catalog_edition(node_catalog(p->n), &p->head.course, p->head.since,
                         &id, e);
    if (rc == 0)
        rc = node_manifest_load(p->n, &id, out, e);
    if (rc == ERR_NOT_FOUND) {
        (void)err_set(e, rc,
                      "edition %llu, or the list of its chunks, is not"
                      " here",
                      (unsigned long long)p->head.since);
        err_hint(e, "pack without --since, or since an edition that is here");
    }
    return rc;
}

struct by_id { /* a slot, to be sorted by the id of its chunk */
    const struct chunk_ref *ref;
    uint32_t slot;
};

static int compare(const void *a, const void *b)
{
    const struct by_id *x = a;
    const struct by_id *y = b;
    int c = memcmp(x->ref->id.b, y->ref->id.b, ID_BYTES);

    return c != 0 ? c : (x->slot > y->slot) - (x->slot < y->slot);
}

static struct by_id *sorted(const struct chunk_table *t)
{
    struct by_id *list = calloc(t->count + 1u, sizeof *list);

    for (uint32_t i = 0; i < t->count && list != NULL; i++)
        list[i] = (struct by_id){&t->refs[i], i};
    if (list != NULL)
        qsort(list, t->count, sizeof *list, compare);
    return list;
}

static void take_slot(struct pack *p, uint32_t slot)
{
    p->take[slot / 8] |= (uint8_t)(0x80u >> (slot % 8));
    p->chunks++;
    p->bytes += lyc_chunk_bytes(p->hm->m.table.refs[slot].stored_len);
}

/* Each chunk once, where it first comes; the blobs in any case: without them a
 * receiver does not know what else is missing. */
static void choose(struct pack *p, const struct by_id *list,
                   const struct by_id *base, uint32_t base_count)
{
    const struct chunk_table *t = &p->hm->m.table;
    uint32_t k = 0;

    for (uint32_t i = 0; i < t->count; i++) {
        const struct chunk_id *id = &list[i].ref->id;

        if (i != 0 && chunk_id_eq(id, &list[i - 1].ref->id))
            continue;
        while (k < base_count && memcmp(base[k].ref->id.b, id->b, ID_BYTES) < 0)
            k++;
        if (list[i].slot < t->index_count + t->tree_count || k == base_count ||
            !chunk_id_eq(&base[k].ref->id, id))
            take_slot(p, list[i].slot);
    }
}

static int choose_chunks(struct pack *p)
{
    const struct chunk_table *t = &p->hm->m.table;
    struct held_manifest *base = NULL;
    struct by_id *list = NULL;
    struct by_id *old = NULL;
    int rc = load_since(p, &base);

    if (rc == 0) {
        list = sorted(t);
        p->take = calloc(1, t->count / 8 + 1);
        old = base != NULL ? sorted(&base->m.table) : NULL;
        if (list == NULL || p->take == NULL || (base != NULL && old == NULL))
            rc = err_set(&p->call->err, ERR_NOMEM, "pack");
    }
    if (rc == 0)
        choose(p, list, old, base != NULL ? base->m.table.count : 0);
    free(old);
    free(list);
    held_manifest_unref(base);
    return rc;
}

static bool is_taken(const struct pack *p, uint32_t slot)
{
    return (p->take[slot / 8] & (0x80u >> (slot % 8))) != 0;
}

/* Nothing is begun that cannot be ended. */
static int check_held(struct pack *p)
{
    const struct chunk_table *t = &p->hm->m.table;
    uint8_t *bits = calloc(1, t->count / 8 + 1);
    struct err *e = &p->call->err;
    uint32_t missing = 0;
    uint32_t held;
    int rc = bits != NULL ? store_have(node_store(p->n), t->refs, t->count,
                                       bits, &held, e)
                          : err_set(e, ERR_NOMEM, "pack");

    for (uint32_t i = 0; i < t->count && rc == 0; i++)
        missing += is_taken(p, i) && (bits[i / 8] & (0x80u >> (i % 8))) == 0;
    free(bits);
    if (rc == 0 && missing != 0) {
        rc = err_set(e, ERR_PARTIAL, "%u of %u chunks are not here", missing,
                     p->chunks);
        err_hint(e, "lyceum get fetches the rest; then pack again");
    }
    return rc;
}

/* ---- records
 * ---------------------------------------------------------------------------
 */

/* The newest editions, as many as may be in a file; the oldest of them first.
 * The first two places are kept for course and profile. */
static int choose_records(struct pack *p)
{
    uint64_t low = p->head.since + 1;
    uint64_t bytes = 0;
    struct buf record = BUF_INIT;
    size_t n = LYC_RECORDS_MAX;
    int rc = 0;

    for (uint64_t seq = p->head.seq;
         seq >= low && rc == 0 && n > 2 && p->head.seq - seq < LYC_RECORDS_MAX;
         seq--) {
        struct record_id *id = &p->ids[n - 1];

        record.len = 0;
        rc =
            catalog_edition(node_catalog(p->n), &p->head.course, seq, id, NULL);
        if (rc == 0)
            rc = catalog_get(node_catalog(p->n), id, &record, NULL);
        bytes += record.len;
        if (rc == 0 && bytes > LYC_RECORDS_BYTES_MAX - 2 * RECORD_BYTES_MAX)
            break;
        n -= rc == 0;
        p->bytes += rc == 0 ? LYC_RECORD_HEAD_BYTES + record.len : 0;
        rc = rc == ERR_NOT_FOUND ? 0 : rc;
    }
    buf_deinit(&record);
    p->id_count = LYC_RECORDS_MAX - n;
    memmove(p->ids, &p->ids[n], p->id_count * sizeof p->ids[0]);
    return rc == 0 ? 0 : err_set(&p->call->err, rc, "read the records");
}

static int load_course(struct pack *p, struct buf *out)
{
    struct record_id id;
    struct record r;
    int rc;

    memcpy(id.b, p->head.course.b, sizeof id.b);
    rc = catalog_get(node_catalog(p->n), &id, out, &p->call->err);
    if (rc == 0)
        rc = record_decode(out->base, out->len, node_network(p->n), &r,
                           &p->call->err);
    if (rc == 0 &&
        catalog_profile(node_catalog(p->n), &r.signer, &p->profile, NULL) == 0)
        p->bytes += LYC_RECORD_HEAD_BYTES + p->profile.len;
    p->bytes += LYC_RECORD_HEAD_BYTES + out->len;
    return rc;
}

/* The course first: who its authors are decides about the others. */
static int write_records(struct pack *p, struct lyc_writer *w,
                         const struct buf *course)
{
    struct err *e = &p->call->err;
    struct buf record = BUF_INIT;
    int rc = lyc_put_record(w, buf_span(course), e);

    if (rc == 0 && p->profile.len != 0)
        rc = lyc_put_record(w, buf_span(&p->profile), e);
    for (size_t i = 0; i < p->id_count && rc == 0; i++) {
        record.len = 0;
        rc = catalog_get(node_catalog(p->n), &p->ids[i], &record, e);
        if (rc == 0)
            rc = lyc_put_record(w, buf_span(&record), e);
    }
    buf_deinit(&record);
    return rc;
}

/* ---- the file
 * -------------------------------------------------------------------------- */

/* What goes to somebody without a network is checked to the last bit. */
static int write_chunk(struct pack *p, struct lyc_writer *w,
                       const struct chunk_ref *ref, uint8_t *bytes)
{
    struct err *e = &p->call->err;
    struct chunk_id is;
    int rc =
        store_read(node_store(p->n), &ref->id, bytes, CHUNK_RAW_MAX, NULL, e);

    if (rc == 0) {
        is = digest_chunk(bytes, ref->stored_len);
        if (!chunk_id_eq(&is, &ref->id)) {
            (void)store_forget(node_store(p->n), &ref->id, NULL);
            rc = ERR_CORRUPT;
        }
    }
    if (rc == ERR_CORRUPT || rc == ERR_NOT_FOUND) {
        rc = err_set(e, ERR_PARTIAL, "chunk '%.16s' is not here any more",
                     chunk_id_hex(&ref->id).s);
        err_hint(e, "lyceum get fetches it again; then pack again");
    }
    return rc == 0 ? lyc_put_chunk(w, ref, bytes, e) : rc;
}

static int write_chunks(struct pack *p, struct lyc_writer *w)
{
    const struct chunk_table *t = &p->hm->m.table;
    uint8_t *bytes = malloc(CHUNK_RAW_MAX);
    int rc = bytes != NULL ? 0 : err_set(&p->call->err, ERR_NOMEM, "pack");

    for (uint32_t i = 0; i < t->count && rc == 0; i++) {
        if (!is_taken(p, i))
            continue;
        rc = write_chunk(p, w, &t->refs[i], bytes);
        atomic_store(&p->call->done, w->bytes);
    }
    free(bytes);
    return rc;
}

static int write_file(struct pack *p, const char *path, struct lyc_writer *w,
                      const struct buf *course)
{
    struct api_call *call = p->call;
    struct lyc_out_options opt = {.path = path,
                                  .stream = api__flag(call, "stream"),
                                  .replace = api__flag(call, "replace"),
                                  .stop = &call->cancel};
    struct lyc_out *out = NULL;
    int rc = lyc_out_open(&opt, &out, &call->err);

    if (rc == 0)
        rc = lyc_out_room(out, p->bytes, &call->err);
    atomic_store(&call->files, p->hm->m.file_count);
    atomic_store(&call->total, p->bytes);
    if (rc == 0)
        rc = lyc_begin(w, &p->head, lyc_out_write, out, &call->err);
    if (rc == 0)
        rc = write_records(p, w, course);
    if (rc == 0)
        rc = write_chunks(p, w);
    if (rc == 0)
        rc = lyc_end(w, &call->err);
    if (rc == 0)
        rc = lyc_out_finish(out, &call->err);
    lyc_out_close(out);
    return rc;
}

static int run(struct pack *p)
{
    struct lyc_writer w = {0};
    struct buf course = BUF_INIT;
    const char *path;
    int rc = api__folder(p->call, "file", &path);

    p->bytes = LYC_HEAD_BYTES + LYC_END_BYTES;
    if (rc == 0)
        rc = find_edition(p);
    if (rc == 0)
        rc = choose_chunks(p);
    if (rc == 0)
        rc = check_held(p);
    if (rc == 0)
        rc = choose_records(p);
    if (rc == 0)
        rc = load_course(p, &course);
    if (rc == 0)
        rc = write_file(p, path, &w, &course);
    buf_deinit(&course);
    if (rc != 0)
        return rc;
    p->call->result = json_pack(
        "{s:i, s:s, s:I, s:s, s:I, s:I}", "v", 1, "course",
        course_id_hex(&p->head.course).s, "edition", (json_int_t)p->head.seq,
        "file", api__flag(p->call, "stream") ? "-" : path, "chunks",
        (json_int_t)w.chunks, "bytes", (json_int_t)w.bytes);
    if (p->head.since != 0)
        (void)json_object_set_new(p->call->result, "since",
                                  json_integer((json_int_t)p->head.since));
    return 0;
}

int api_pack(struct api_call *call)
{
    struct pack *p = calloc(1, sizeof *p);
    int rc;

    if (p == NULL)
        return err_set(&call->err, ERR_NOMEM, "pack");
    p->call = call;
    p->n = call->n;
    rc = run(p);
    held_manifest_unref(p->hm);
    buf_deinit(&p->profile);
    free(p->take);
    free(p);
    return rc;
}
