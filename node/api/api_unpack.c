/* api_unpack: a course comes in from a file. The file is a stranger: its
 * records go the way of a peer's, and of its chunks only those are kept that a
 * signed edition names and that are what their names say. What was verified
 * stays, however it ends. */
#include "node/api/api_internal.h"

#include <stdlib.h>
#include <string.h>

#include "crypto/course.h"
#include "crypto/edition.h"
#include "crypto/revocation.h"
#include "node/api/wanted.h"
#include "storage/lyc.h"
#include "storage/lyc_file.h"

#define BATCH_ITEMS 32
#define BATCH_BYTES (4u * 1024 * 1024)

enum want { /* what is being taken */
            WANT_RECORDS,
            WANT_BLOBS, /* the edition is known, its manifest is not all here */
            WANT_CHUNKS, /* and now it is */
};

struct unpack {
    struct api_call *call;
    struct node *n;
    struct err *e;
    struct lyc_reader *reader;
    struct lyc_head head;
    uint64_t start_ms;
    bool cut; /* the file ends before its end, or cannot be read so far */
    struct err broken; /* of the reading, if it was that */
    /* records */
    uint32_t records;
    size_t record_bytes;
    struct err record_err; /* why one was not taken; the first */
    /* the edition whose chunks are taken */
    enum want want;
    uint64_t top_seq; /* of the newest edition that is known here */
    struct record_id edition;
    struct edition_payload payload; /* borrows record */
    struct buf record;
    struct chunk_table blobs;
    struct held_manifest *hm; /* once WANT_CHUNKS */
    struct wanted wanted;
    /* chunks on their way to the store */
    uint8_t *arena; /* BATCH_BYTES */
    size_t arena_len;
    struct store_item items[BATCH_ITEMS];
    size_t item_count;
    /* counts of different chunks */
    uint32_t fetched, reused, rejected, unknown;
    uint64_t fetched_bytes;
};

/* ---- records
 * ---------------------------------------------------------------------------
 */

static void refuse_record(struct unpack *u, const struct err *why)
{
    if (u->record_err.code == 0)
        u->record_err = *why;
}

static int course_record(struct unpack *u, struct course_payload *out,
                         struct buf *bytes, struct err *e)
{
    struct record_id id;
    struct record r;
    int rc;

    memcpy(id.b, u->head.course.b, sizeof id.b);
    rc = catalog_get(node_catalog(u->n), &id, bytes, e);
    if (rc == 0)
        rc = record_decode(bytes->base, bytes->len, node_network(u->n), &r, e);
    return rc == 0 ? course_decode(r.payload, out, e) : rc;
}

static bool is_author(struct unpack *u, const struct author_id *who)
{
    struct buf bytes = BUF_INIT;
    struct course_payload c;
    bool yes =
        course_record(u, &c, &bytes, NULL) == 0 && course_has_author(&c, who);

    buf_deinit(&bytes);
    return yes;
}

/* Is it of what the file says that it brings? Others are passed over. */
static bool belongs(struct unpack *u, const struct record *r)
{
    struct edition_payload p;
    struct revocation_payload v;

    switch (r->type) {
    case RECORD_COURSE:
        return memcmp(r->id.b, u->head.course.b, ID_BYTES) == 0;
    case RECORD_PROFILE:
        return is_author(u, &r->signer);
    case RECORD_EDITION:
        return edition_decode(r->payload, &p, NULL) == 0 &&
               course_id_eq(&p.course, &u->head.course) && p.seq <= u->head.seq;
    case RECORD_REVOCATION:
        return revocation_decode(r->payload, &v, NULL) == 0 &&
               course_id_eq(&v.course, &u->head.course);
    case RECORD_TYPE_COUNT:
        break;
    }
    return false;
}

/* What a bad record does to the rest is decided when the rest needs it. */
static int take_record(struct unpack *u, struct span bytes)
{
    struct err e = ERR_INIT;
    struct record r;
    int rc;

    if (u->want != WANT_RECORDS || ++u->records > LYC_RECORDS_MAX ||
        bytes.len > LYC_RECORDS_BYTES_MAX - u->record_bytes)
        return 0;
    u->record_bytes += bytes.len;
    rc = record_decode(bytes.p, bytes.len, node_network(u->n), &r, &e);
    if (rc == 0 && !belongs(u, &r))
        return 0;
    /* As with get: what was removed may come back. */
    if (rc == 0 && r.type == RECORD_COURSE)
        rc = journal_unset(node_choices(u->n), "removed",
                           course_id_hex(&u->head.course).s, &e);
    if (rc == 0)
        rc = catalog_put(node_catalog(u->n), bytes.p, bytes.len, false, NULL,
                         &e);
    if (rc == ERR_NO_SPACE || rc == ERR_IO || rc == ERR_NOMEM) {
        *u->e = e;
        return rc;
    }
    if (rc != 0)
        refuse_record(u, &e);
    return 0;
}

/* ---- which edition
 * --------------------------------------------------------------------- */

static int use_edition(struct unpack *u, const struct record_id *edition)
{
    struct record r;
    int rc;

    u->record.len = 0;
    u->edition = *edition;
    rc = catalog_get(node_catalog(u->n), edition, &u->record, u->e);
    if (rc == 0)
        rc = record_decode(u->record.base, u->record.len, node_network(u->n),
                           &r, u->e);
    if (rc == 0 && r.type != RECORD_EDITION)
        rc = err_set(u->e, ERR_MALFORMED, "no edition");
    return rc == 0 ? edition_decode(r.payload, &u->payload, u->e) : rc;
}

/* The head names an edition, but only a record makes it one. */
static int no_edition(struct unpack *u)
{
    bool damaged = lyc_damaged(u->reader) != 0;
    struct err *e = u->e;
    int rc;

    if (!damaged && u->record_err.code == ERR_REFUSED) {
        *e = u->record_err;
        return e->code;
    }
    rc = err_set(e, ERR_FAILED,
                 "the records in the file are not those of a course: %s",
                 damaged                   ? "they are damaged"
                 : u->record_err.code != 0 ? u->record_err.text
                 : u->cut                  ? "the file ends before them"
                                           : "edition or course is missing");
    err_hint(e, "get the file anew, or the course by its ticket");
    return rc;
}

/* An edition that is current by the catalog's rules: that of the file, or a
 * newer one that is known here, which old chunks are of use for. */
static int choose_edition(struct unpack *u)
{
    struct record_id top;
    int rc = use_edition(u, &u->head.edition);

    if (rc != 0 || !course_id_eq(&u->payload.course, &u->head.course) ||
        catalog_current(node_catalog(u->n), &u->head.course, &top, &u->top_seq,
                        NULL) != 0)
        return no_edition(u);
    u->call->course = u->head.course;
    u->head.seq = u->payload.seq; /* of two sayings, the signed one */
    if (record_id_eq(&top, &u->head.edition))
        return 0;
    if (u->top_seq <= u->head.seq) {
        rc = err_set(u->e, ERR_CONFLICT,
                     "edition %llu of this course is another one here than in"
                     " the file",
                     (unsigned long long)u->head.seq);
        err_hint(u->e, "ask the author which one is meant");
        return rc;
    }
    if (node_manifest_load(u->n, &top, &u->hm, NULL) == 0)
        rc = use_edition(u, &top);
    return rc;
}

/* ---- which chunks
 * ----------------------------------------------------------------------
 */

static uint32_t missing(const struct unpack *u)
{
    struct wanted_count n;

    wanted_counts(&u->wanted, &n);
    return n.missing;
}

/* From here on the chunks of @t are taken, and nothing else. */
static int follow_table(struct unpack *u, const struct chunk_table *t)
{
    struct wanted_count n;
    int rc = wanted_follow(&u->wanted, t, node_store(u->n), u->e);

    wanted_counts(&u->wanted, &n);
    if (rc == 0)
        rc = store_room(node_store(u->n), n.all_bytes - n.held_bytes, u->e);
    if (u->want != WANT_CHUNKS)
        return rc;
    u->reused = n.held_chunks - u->fetched;
    atomic_store(&u->call->files, u->payload.files);
    atomic_store(&u->call->done, n.held_bytes);
    atomic_store(&u->call->total, n.all_bytes);
    return rc;
}

static int load_manifest(struct unpack *u)
{
    int rc = node_manifest_load(u->n, &u->edition, &u->hm, u->e);

    if (rc == ERR_MALFORMED || rc == ERR_LIMIT) {
        err_wrap(u->e, "the author's manifest breaks the rules");
        rc = u->e->code = ERR_FAILED;
    }
    return rc;
}

static int follow_manifest(struct unpack *u)
{
    int rc = u->hm == NULL ? load_manifest(u) : 0;

    /* A part of it has rotted here: the file may have it. */
    if (rc == ERR_CORRUPT || rc == ERR_NOT_FOUND)
        return follow_table(u, &u->blobs);
    if (rc != 0)
        return rc;
    u->want = WANT_CHUNKS;
    if (catalog_held(node_catalog(u->n), &u->edition) == HELD_NOTHING)
        (void)catalog_set_held(node_catalog(u->n), &u->edition, HELD_PARTIAL,
                               NULL);
    return follow_table(u, &u->hm->m.table);
}

/* The records are through: the first chunk has come, or the end. */
static int end_records(struct unpack *u)
{
    int rc = choose_edition(u);

    if (rc != 0)
        return rc;
    /* A gc that began before the record was here does not know what of the
     * course it has to leave: past it. */
    api__hold_sweeps();
    api__let_sweeps();
    if (u->hm != NULL)
        return follow_manifest(u);
    u->want = WANT_BLOBS;
    rc = chunk_table_from_blobs(u->payload.index_blob, u->payload.tree_blob,
                                &u->blobs, u->e);
    if (rc == 0)
        rc = follow_table(u, &u->blobs);
    return rc == 0 && missing(u) == 0 ? follow_manifest(u) : rc;
}

/* ---- chunks
 * ----------------------------------------------------------------------------
 */

static int flush(struct unpack *u)
{
    int rc = store_put(node_store(u->n), u->items, u->item_count, STORE_FETCHED,
                       u->e);

    for (size_t i = 0; i < u->item_count && rc == 0; i++)
        u->fetched_bytes += u->items[i].ref.stored_len;
    if (rc == 0)
        u->fetched += (uint32_t)u->item_count;
    u->item_count = 0;
    u->arena_len = 0;
    return rc;
}

/* @ref: what the edition says of it; the file has no say but the bytes. */
static int keep(struct unpack *u, const struct chunk_ref *ref,
                const uint8_t *bytes)
{
    int rc = 0;

    if (u->item_count == BATCH_ITEMS ||
        u->arena_len + ref->stored_len > BATCH_BYTES)
        rc = flush(u);
    if (rc != 0)
        return rc;
    memcpy(u->arena + u->arena_len, bytes, ref->stored_len);
    u->items[u->item_count++] =
        (struct store_item){.ref = *ref, .data = u->arena + u->arena_len};
    u->arena_len += ref->stored_len;
    return 0;
}

/* A stick that cannot be read any further is a file that ends there. */
static int read_failed(struct unpack *u, int rc)
{
    if (rc != ERR_IO)
        return rc;
    u->cut = true;
    u->broken = *u->e;
    return 0;
}

static int take_chunk(struct unpack *u, const struct chunk_ref *said)
{
    bool have = false;
    const struct chunk_ref *ref = wanted_find(&u->wanted, &said->id, &have);
    const uint8_t *bytes;
    uint64_t came;
    int rc;

    u->unknown += ref == NULL;
    if (ref == NULL || have)
        return 0;
    if (said->stored_len != ref->stored_len) {
        u->rejected++;
        return 0;
    }
    rc = lyc_chunk(u->reader, &bytes, u->e);
    if (rc == ERR_CORRUPT || rc == ERR_NOT_FOUND)
        return 0; /* the reader counts them */
    if (rc != 0)
        return read_failed(u, rc);
    rc = keep(u, ref, bytes);
    if (rc != 0)
        return rc;
    came = wanted_came(&u->wanted, &said->id);
    if (u->want == WANT_CHUNKS)
        atomic_fetch_add(&u->call->done, came);
    if (u->want == WANT_CHUNKS || missing(u) != 0)
        return 0;
    rc = flush(u);
    return rc == 0 ? follow_manifest(u) : rc;
}

/* Nothing more that the file could bring? */
static bool is_whole(struct unpack *u)
{
    return u->want == WANT_CHUNKS &&
           atomic_load(&u->call->done) == atomic_load(&u->call->total);
}

static int next_item(struct unpack *u, struct lyc_item *out)
{
    int rc;

    if (atomic_load(&u->call->cancel))
        return err_set(u->e, ERR_INTERRUPTED, "interrupted");
    rc = lyc_next(u->reader, out, u->e);
    if (rc != 0)
        rc = read_failed(u, rc);
    else
        u->cut = out->kind == LYC_CUT;
    if (u->cut)
        out->kind = LYC_CUT;
    return rc;
}

static int read_all(struct unpack *u)
{
    struct lyc_item item = {.kind = LYC_RECORD};
    int rc = 0;

    while (rc == 0 && !u->cut && item.kind != LYC_END && !is_whole(u)) {
        rc = next_item(u, &item);
        if (rc == 0 && item.kind == LYC_RECORD)
            rc = take_record(u, item.record);
        else if (rc == 0 && u->want == WANT_RECORDS)
            rc = end_records(u);
        if (rc == 0 && item.kind == LYC_CHUNK)
            rc = take_chunk(u, &item.ref);
    }
    return rc;
}

/* ---- the end
 * ---------------------------------------------------------------------------
 */

/* Why not all of it is here, and what helps. */
static int explain(struct unpack *u, uint32_t lack)
{
    struct id_hex course = course_id_hex(&u->head.course);
    struct err *e = u->e;

    if (u->top_seq != u->head.seq)
        (void)err_set(e, ERR_PARTIAL,
                      "edition %llu is known here and not whole; the file holds"
                      " edition %llu, and what was of use is kept",
                      (unsigned long long)u->top_seq,
                      (unsigned long long)u->head.seq);
    else if (u->cut)
        (void)err_set(e, ERR_PARTIAL,
                      "the file %s%s: %u chunks are missing, what came is kept",
                      u->broken.code != 0 ? "cannot be read to its end: "
                                          : "is cut off",
                      u->broken.text, lack);
    else if (u->rejected != 0)
        (void)err_set(e, ERR_PARTIAL,
                      "the file is damaged in %u places: %u chunks are missing,"
                      " all others are here",
                      u->rejected, lack);
    else if (u->head.since != 0)
        (void)err_set(e, ERR_PARTIAL,
                      "the file holds only what edition %llu has not, and of"
                      " that one %u chunks are missing here",
                      (unsigned long long)u->head.since, lack);
    else
        (void)err_set(e, ERR_PARTIAL, "%u chunks are not in the file", lack);
    if (u->top_seq == u->head.seq && (u->cut || u->rejected != 0))
        err_hint(e,
                 "copy the file anew and unpack it again, or lyceum get"
                 " %.12s",
                 course.s);
    else if (u->top_seq == u->head.seq && u->head.since != 0)
        err_hint(e,
                 "lyceum get %.12s fetches the rest; or unpack a file that"
                 " was packed without --since",
                 course.s);
    else
        err_hint(e, "lyceum get %.12s fetches the rest", course.s);
    return ERR_PARTIAL;
}

static void make_result(struct unpack *u, uint32_t lack, bool whole)
{
    json_t *o = json_pack(
        "{s:i, s:s, s:I, s:s, s:I, s:I, s:I, s:I, s:I}", "v", 1, "course",
        course_id_hex(&u->head.course).s, "edition", (json_int_t)u->payload.seq,
        "state", whole ? "complete" : "partial", "bytes",
        (json_int_t)u->payload.bytes, "fetched_chunks", (json_int_t)u->fetched,
        "fetched_bytes", (json_int_t)u->fetched_bytes, "reused_chunks",
        (json_int_t)u->reused, "rejected_chunks", (json_int_t)u->rejected);

    (void)json_object_set_new(o, "missing_chunks", json_integer(lack));
    (void)json_object_set_new(o, "unknown_chunks", json_integer(u->unknown));
    (void)json_object_set_new(o, "damaged",
                              json_boolean(u->cut || u->rejected != 0));
    (void)json_object_set_new(
        o, "seconds",
        json_real((double)(node_uptime_ms(u->n) - u->start_ms) / 1000));
    (void)json_object_set_new(o, "peers", json_array());
    u->call->result = o;
}

/* What the store holds now, and not what we think that we gave it. A stick may
 * be the only other copy: what is told of is on the disk. @rc: of the reading,
 * with u->e. */
static int settle(struct unpack *u, int rc)
{
    struct err why = *u->e;
    uint32_t lack;
    bool whole;
    int end = flush(u);

    if (end == 0)
        end = store_sync(node_store(u->n), u->e);
    if (end == 0)
        end = wanted_look(&u->wanted, node_store(u->n), u->e);
    u->rejected += lyc_damaged(u->reader);
    lack = missing(u);
    if (u->want == WANT_BLOBS) /* what only the manifest can tell apart */
        lack += (uint32_t)u->payload.chunks;
    whole = end == 0 && lack == 0 && u->want == WANT_CHUNKS;
    make_result(u, lack, whole && u->payload.seq == u->top_seq);
    if (whole)
        end = catalog_set_held(node_catalog(u->n), &u->edition, HELD_COMPLETE,
                               u->e);
    if (end != 0 || (whole && u->payload.seq == u->top_seq))
        return end;
    if (rc == 0)
        return explain(u, lack);
    *u->e = why;
    return rc;
}

static int run(struct unpack *u)
{
    int rc = read_all(u);

    return u->wanted.table == NULL ? rc : settle(u, rc);
}

static int open_file(struct unpack *u, const char *path, struct lyc_in **in)
{
    int rc = lyc_in_open(path, &u->call->cancel, in, u->e);

    if (rc == ERR_NOT_FOUND)
        err_hint(u->e, "look where the file is");
    if (rc == 0)
        rc = lyc_open(lyc_in_read, *in, &u->head, &u->reader, u->e);
    if (rc == ERR_MALFORMED) {
        rc = u->e->code = ERR_FAILED;
        err_hint(u->e, "a course file is made by lyceum pack");
    }
    return rc;
}

int api_unpack(struct api_call *call)
{
    struct unpack *u = calloc(1, sizeof *u);
    struct lyc_in *in = NULL;
    const char *path;
    int rc;

    if (u == NULL)
        return err_set(&call->err, ERR_NOMEM, "unpack");
    u->call = call;
    u->n = call->n;
    u->e = &call->err;
    u->blobs = (struct chunk_table)CHUNK_TABLE_INIT;
    u->start_ms = node_uptime_ms(u->n);
    u->arena = malloc(BATCH_BYTES);
    rc = u->arena != NULL ? api__folder(call, "file", &path)
                          : err_set(u->e, ERR_NOMEM, "unpack");
    if (rc == 0)
        rc = open_file(u, path, &in);
    if (rc == 0)
        rc = run(u);
    lyc_close(u->reader);
    lyc_in_close(in);
    chunk_table_deinit(&u->blobs);
    held_manifest_unref(u->hm);
    buf_deinit(&u->record);
    wanted_deinit(&u->wanted);
    free(u->arena);
    free(u);
    return rc;
}

int api_unpacked(struct api_call *call)
{
    node_gained(call->n, &call->course);
    return 0;
}
