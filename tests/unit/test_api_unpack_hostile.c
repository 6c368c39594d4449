/* test_api_unpack_hostile: course files put together to do harm: what is kept
 * is what was signed, and nothing beside it. */
#include "tests/lib/lyc_kit.h"

static int to_file(void *user, const struct span *parts, size_t count,
                   struct err *e)
{
    (void)e;
    for (size_t i = 0; i < count; i++)
        assert_int_equal(fwrite(parts[i].p, 1, parts[i].len, user),
                         parts[i].len);
    return 0;
}

struct forge { /* a file put together by hand */
    FILE *f;
    struct lyc_writer w;
};

static void forge_open(struct forge *f, const struct stage *s, const char *path,
                       size_t edition)
{
    struct lyc_head head = {.course = s->c.id,
                            .edition = s->c.edition_id[edition],
                            .seq = edition + 1};

    f->f = fopen(path, "wb");
    assert_non_null(f->f);
    assert_int_equal(lyc_begin(&f->w, &head, to_file, f->f, NULL), 0);
}

static void forge_record(struct forge *f, const struct buf *record)
{
    assert_int_equal(lyc_put_record(&f->w, buf_span(record), NULL), 0);
}

static void forge_close(struct forge *f)
{
    assert_int_equal(lyc_end(&f->w, NULL), 0);
    assert_int_equal(fclose(f->f), 0);
}

/* All chunks of edition @edition, as the expert has them. */
static void forge_chunks(struct forge *f, struct stage *s, size_t edition,
                         uint32_t longer)
{
    static uint8_t bytes[CHUNK_RAW_MAX + 1];
    struct held_manifest *hm = NULL;

    assert_int_equal(
        node_manifest_load(s->expert.n, &s->c.edition_id[edition], &hm, NULL),
        0);
    for (uint32_t i = 0; i < hm->m.table.count; i++) {
        struct chunk_ref ref = hm->m.table.refs[i];

        assert_int_equal(store_read(node_store(s->expert.n), &ref.id, bytes,
                                    sizeof bytes, NULL, NULL),
                         0);
        ref.stored_len += longer;
        assert_int_equal(lyc_put_chunk(&f->w, &ref, bytes, NULL), 0);
    }
    held_manifest_unref(hm);
}

static void forge_strangers(struct forge *f, uint64_t from, uint64_t count)
{
    for (uint64_t i = from; i < from + count; i++) {
        struct keep_chunk c = keep_make(i, 4096);

        assert_int_equal(lyc_put_chunk(&f->w, &c.ref, c.data, NULL), 0);
    }
}

/* SECURITY T33: what no signed edition names is not stored. */
TEST(unpack, unknown_chunks)
{
    const json_t *result;
    struct forge f;
    struct stage s;

    set_stage(&s);
    forge_open(&f, &s, s.file, 0);
    forge_strangers(&f, 0, 300);
    forge_record(&f, &s.c.course_record);
    forge_record(&f, &s.c.edition[0]);
    forge_strangers(&f, 300, 300);
    forge_chunks(&f, &s, 0, 0);
    forge_strangers(&f, 600, 300);
    forge_close(&f);
    /* Chunks before the records: there is no edition yet. */
    assert_int_equal(unpack(&s.learner, s.file, &result), ERR_FAILED);
    assert_int_equal(chunks_of(&s.learner), 0);
    forge_open(&f, &s, s.file, 0);
    forge_record(&f, &s.c.course_record);
    forge_record(&f, &s.c.edition[0]);
    forge_strangers(&f, 300, 300);
    forge_chunks(&f, &s, 0, 0);
    forge_close(&f);
    assert_int_equal(unpack(&s.learner, s.file, &result), 0);
    assert_int_equal(number(result, "unknown_chunks"), 300);
    assert_int_equal(chunks_of(&s.learner), s.chunks);
    for (uint64_t i = 0; i < 900; i++)
        assert_false(keep_has(node_store(s.learner.n), i, 4096));
    clear_stage(&s);
}

/* A chunk under its name with another length than was signed. */
TEST(unpack, other_lengths)
{
    const json_t *result;
    struct forge f;
    struct stage s;

    set_stage(&s);
    forge_open(&f, &s, s.file, 0);
    forge_record(&f, &s.c.course_record);
    forge_record(&f, &s.c.edition[0]);
    forge_chunks(&f, &s, 0, 1);
    forge_close(&f);
    assert_int_equal(unpack(&s.learner, s.file, &result), ERR_PARTIAL);
    assert_int_equal(number(result, "fetched_chunks"), 0);
    assert_true(number(result, "rejected_chunks") > 0);
    assert_int_equal(chunks_of(&s.learner), 0);
    clear_stage(&s);
}

/* Chunks given twice are stored once. */
TEST(unpack, repeated)
{
    const json_t *result;
    struct forge f;
    struct stage s;

    set_stage(&s);
    forge_open(&f, &s, s.file, 0);
    forge_record(&f, &s.c.course_record);
    forge_record(&f, &s.c.edition[0]);
    forge_record(&f, &s.c.edition[0]);
    forge_strangers(&f, 0, 1);
    forge_chunks(&f, &s, 0, 0);
    forge_chunks(&f, &s, 0, 0);
    forge_close(&f);
    assert_int_equal(unpack(&s.learner, s.file, &result), 0);
    assert_int_equal(number(result, "fetched_chunks"), s.chunks);
    clear_stage(&s);
}

/* The payload of @record, signed by somebody else; or with a bad signature. */
static void resign(const struct course *who, const struct buf *record,
                   bool break_it, struct buf *out, struct record_id *out_id)
{
    struct record r;

    assert_int_equal(record_decode(record->base, record->len, "main", &r, NULL),
                     0);
    assert_int_equal(
        record_sign(who->author, r.type, "main", r.payload, out, out_id, NULL),
        0);
    if (break_it)
        out->base[out->len - 1] ^= 1; /* the signature stands last */
}

/* Records of whoever is no author, and signatures that do not hold. */
TEST(unpack, forged_records)
{
    struct buf forged = BUF_INIT;
    struct buf profile = BUF_INIT;
    struct record_id id;
    const json_t *result;
    struct course mallory;
    struct forge f;
    struct stage s;

    set_stage(&s);
    make_course(&mallory, 66);
    for (int broken = 0; broken < 2; broken++) {
        forged.len = 0;
        resign(broken ? &s.c : &mallory, &s.c.edition[0], broken, &forged, &id);
        s.c.edition_id[0] = id;
        forge_open(&f, &s, s.file, 0);
        forge_record(&f, &s.c.course_record);
        forge_record(&f, &mallory.profile_record);
        forge_record(&f, &mallory.course_record);
        forge_record(&f, &forged);
        forge_strangers(&f, 0, 5);
        forge_close(&f);
        assert_int_equal(unpack(&s.learner, s.file, &result),
                         broken ? ERR_FAILED : ERR_REFUSED);
        assert_null(result);
        assert_int_equal(chunks_of(&s.learner), 0);
        assert_int_equal(
            catalog_get(node_catalog(s.learner.n), &id, &profile, NULL),
            ERR_NOT_FOUND);
    }
    assert_int_equal(catalog_profile(node_catalog(s.learner.n),
                                     identity_author(mallory.author), &profile,
                                     NULL),
                     ERR_NOT_FOUND);
    memcpy(id.b, mallory.id.b, sizeof id.b);
    assert_int_equal(
        catalog_get(node_catalog(s.learner.n), &id, &profile, NULL),
        ERR_NOT_FOUND);
    buf_deinit(&forged);
    buf_deinit(&profile);
    course_free(&mallory);
    clear_stage(&s);
}

/* A head may name what it likes: an edition of another course, none at all, an
 * older one than a record in the file. */
TEST(unpack, lying_head)
{
    struct record_id id;
    struct course other;
    const json_t *result;
    struct forge f;
    struct stage s;

    set_stage(&s);
    publish_second(&s.expert, &s.c);
    publish_first(&s.expert, &other, 9);
    s.c.edition_id[2] = other.edition_id[0];
    forge_open(&f, &s, s.file, 2);
    forge_record(&f, &s.c.course_record);
    forge_record(&f, &other.course_record);
    forge_record(&f, &other.edition[0]);
    forge_strangers(&f, 0, 5);
    forge_close(&f);
    assert_int_equal(unpack(&s.learner, s.file, &result), ERR_FAILED);
    forge_open(&f, &s, s.file, 0);
    forge_record(&f, &s.c.course_record);
    forge_record(&f, &s.c.edition[0]);
    forge_record(&f, &s.c.edition[1]);
    forge_chunks(&f, &s, 0, 0);
    forge_close(&f);
    assert_int_equal(unpack(&s.learner, s.file, &result), 0);
    assert_int_equal(
        catalog_edition(node_catalog(s.learner.n), &s.c.id, 2, &id, NULL),
        ERR_NOT_FOUND);
    assert_int_equal(chunks_of(&s.learner), s.chunks);
    course_free(&other);
    clear_stage(&s);
}

/* Another edition of the same number, by the same author, is a proof against
 * him and no course. */
TEST(unpack, fork)
{
    struct edition_payload p;
    struct buf payload = BUF_INIT;
    struct buf forked = BUF_INIT;
    const json_t *result;
    struct record r;
    struct forge f;
    struct stage s;

    set_stage(&s);
    must_be_whole(&s.learner, s.file, s.chunks);
    assert_int_equal(record_decode(s.c.edition[0].base, s.c.edition[0].len,
                                   "main", &r, NULL),
                     0);
    assert_int_equal(edition_decode(r.payload, &p, NULL), 0);
    p.title = text("Nots");
    assert_int_equal(edition_encode(&p, &payload, NULL), 0);
    sign(&s.c, RECORD_EDITION, &payload, &forked, &s.c.edition_id[0]);
    forge_open(&f, &s, s.file, 0);
    forge_record(&f, &s.c.course_record);
    forge_record(&f, &forked);
    forge_strangers(&f, 0, 5);
    forge_close(&f);
    assert_int_equal(unpack(&s.learner, s.file, &result), ERR_CONFLICT);
    assert_int_equal(chunks_of(&s.learner), s.chunks);
    buf_deinit(&forked);
    buf_deinit(&payload);
    clear_stage(&s);
}

/* No more records than a file may have, however many are signed. */
TEST(unpack, many_records)
{
    struct edition_payload p;
    struct buf payload = BUF_INIT;
    struct buf record = BUF_INIT;
    struct record_id id;
    const json_t *result;
    struct record r;
    struct forge f;
    struct stage s;
    uint64_t top = 0;

    set_stage(&s);
    assert_int_equal(record_decode(s.c.edition[0].base, s.c.edition[0].len,
                                   "main", &r, NULL),
                     0);
    assert_int_equal(edition_decode(r.payload, &p, NULL), 0);
    forge_open(&f, &s, s.file, 0);
    f.w.bytes = 0;
    rewind(f.f);
    assert_int_equal(lyc_begin(&f.w,
                               &(struct lyc_head){.course = s.c.id,
                                                  .edition = s.c.edition_id[0],
                                                  .seq = 1u << 20},
                               to_file, f.f, NULL),
                     0);
    forge_record(&f, &s.c.course_record);
    forge_record(&f, &s.c.edition[0]);
    for (uint64_t seq = 2; seq < LYC_RECORDS_MAX + 10; seq++) {
        payload.len = record.len = 0;
        p.seq = seq;
        p.prev = seq == 2 ? s.c.edition_id[0] : id;
        assert_int_equal(edition_encode(&p, &payload, NULL), 0);
        sign(&s.c, RECORD_EDITION, &payload, &record, &id);
        forge_record(&f, &record);
    }
    forge_close(&f);
    (void)unpack(&s.learner, s.file, &result);
    assert_int_equal(
        catalog_current(node_catalog(s.learner.n), &s.c.id, &id, &top, NULL),
        0);
    assert_int_equal(top, LYC_RECORDS_MAX - 1); /* and the course record */
    buf_deinit(&record);
    buf_deinit(&payload);
    clear_stage(&s);
}
