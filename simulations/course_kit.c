#include "simulations/course_kit.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/cbor.h"
#include "crypto/course.h"
#include "crypto/digest.h"
#include "crypto/edition.h"
#include "crypto/key_internal.h"
#include "crypto/profile.h"
#include "crypto/record.h"
#include "crypto/revocation.h"
#include "simulations/mem.h"
#include "storage/codec.h"

#define TIME_MS UINT64_C(1700000000000)
#define FILE_SIZE_MAX (900u * 1024u) /* below the size that stands alone */

struct maker {
    struct course_kit *kit;
    struct rng *rng;
    struct identity *author;
    struct codec *codec;
    uint8_t *packed; /* CODEC_BOUND bytes */
    bool later;
};

/* A publisher's mistake here is the simulator's own. */
static void must(int rc, const char *what)
{
    if (rc == 0)
        return;
    (void)fprintf(stderr, "sim: course: %s: %s\n", what, err_words(rc));
    abort();
}

static struct span text_span(const char *s)
{
    return (struct span){(const uint8_t *)s, strlen(s)};
}

/* ---- chunks -----------------------------------------------------------------
 */

static const uint8_t *keep(struct maker *mk, const uint8_t *p, size_t len)
{
    struct course_kit *k = mk->kit;

    k->pool = mem_grow(k->pool, k->pool_count + 1, sizeof *k->pool);
    k->pool[k->pool_count] = mem_copy(p, len);
    return k->pool[k->pool_count++];
}

static void make_chunk(struct maker *mk, const uint8_t *raw, size_t len,
                       struct chunk_ref *ref, const uint8_t **out_bytes)
{
    size_t packed_len;
    uint8_t flags;

    must(codec_encode(mk->codec, CODEC_LEVEL_DEFAULT, raw, len, mk->packed,
                      &packed_len, &flags),
         "encode");
    *out_bytes = keep(mk, flags != 0 ? mk->packed : raw, packed_len);
    ref->id = digest_chunk(*out_bytes, packed_len);
    ref->stored_len = (uint32_t)packed_len;
    ref->raw_len = (uint32_t)len;
    ref->flags = flags;
}

/* Some noise, some text: both ways of storing occur. Media are noise. */
static void fill(struct maker *mk, uint8_t *raw, size_t len, bool media)
{
    bool text = !media && rng_below(mk->rng, 4) == 0;
    uint64_t word = rng_next(mk->rng);

    for (size_t i = 0; i < len; i++) {
        if (i % 8 == 0 && (!text || i % 64 == 0))
            word = rng_next(mk->rng);
        raw[i] = (uint8_t)(word >> i % 8 * 8);
        if (text)
            raw[i] = (uint8_t)(raw[i] % 16 + 'a');
    }
}

struct content {
    struct chunk_ref *refs;
    const uint8_t **bytes;
    uint32_t count;
};

static bool is_media(const struct course_kit_params *p, uint32_t i)
{
    return i >= p->chunks - p->media * COURSE_KIT_MEDIA_CHUNKS;
}

/* The last chunk of a file that may end elsewhere in the next edition. */
static bool is_loose_end(const struct course_kit_params *p, uint32_t i)
{
    return is_media(p, i) && p->media_max != 0 &&
           (p->chunks - i) % COURSE_KIT_MEDIA_CHUNKS == 1;
}

static void make_content_chunk(struct maker *mk,
                               const struct course_kit_params *p,
                               struct content *c, uint32_t i)
{
    bool media = is_media(p, i);
    bool large = media && p->media_max != 0;
    size_t min = large ? p->media_min : p->chunk_min;
    size_t max = large ? p->media_max : p->chunk_max;
    size_t len = min + (size_t)rng_below(mk->rng, max - min + 1);
    uint8_t *raw;

    if (media && c->refs[i].raw_len != 0 && !is_loose_end(p, i))
        len = c->refs[i].raw_len; /* changed, and nothing moved */
    raw = mem_new(len, 1);
    fill(mk, raw, len, media);
    make_chunk(mk, raw, len, &c->refs[i], &c->bytes[i]);
    free(raw);
}

/* ---- blobs ------------------------------------------------------------------
 */

struct blob {
    struct chunk_ref refs[4];
    const uint8_t *bytes[4];
    uint32_t count;
    struct buf entries;
};

/* Cut in one to three pieces: where is the publisher's choice. */
static void make_blob(struct maker *mk, const struct buf *raw, struct blob *b)
{
    size_t pieces = 1 + (size_t)rng_below(mk->rng, 3);
    size_t done = 0;

    b->entries = (struct buf)BUF_INIT;
    b->count = 0;
    for (size_t i = 0; i < pieces && done < raw->len; i++) {
        size_t len = i + 1 == pieces ? raw->len - done : raw->len / pieces;
        uint8_t entry[CHUNK_ENTRY_BYTES];

        if (len == 0)
            continue;
        make_chunk(mk, raw->base + done, len, &b->refs[b->count],
                   &b->bytes[b->count]);
        chunk_entry_encode(&b->refs[b->count++], entry);
        (void)buf_append(&b->entries, entry, sizeof entry);
        done += len;
    }
    assert(done == raw->len);
}

static void make_index(const struct content *c, struct buf *out)
{
    for (uint32_t i = 0; i < c->count; i++) {
        uint8_t entry[CHUNK_ENTRY_BYTES];

        chunk_entry_encode(&c->refs[i], entry);
        (void)buf_append(out, entry, sizeof entry);
    }
}

#define FILES_MAX 64
#define NAME_MAX_BYTES 32

struct tree {
    struct manifest m;
    struct manifest_stream streams[1 + COURSE_KIT_MEDIA];
    struct manifest_file files[FILES_MAX];
    char names[FILES_MAX][NAME_MAX_BYTES];
};

static uint64_t raw_bytes(const struct content *c, uint32_t from, uint32_t end)
{
    uint64_t sum = 0;

    for (uint32_t i = from; i < end; i++)
        sum += c->refs[i].raw_len;
    return sum;
}

static struct manifest_file *add_file(struct tree *t, const char *form,
                                      uint32_t number, uint64_t size)
{
    uint32_t i = t->m.file_count++;

    assert(i < FILES_MAX);
    (void)snprintf(t->names[i], sizeof t->names[i], "%s-%04u.%s", form, number,
                   form[0] == 'p' ? "txt" : "bin");
    t->files[i].path = t->names[i];
    t->files[i].size = size;
    t->files[i].stream = t->m.stream_count - 1;
    t->m.bytes += size;
    return &t->files[i];
}

/* One text stream, cut into files anywhere. */
static void add_text(struct maker *mk, struct tree *t, uint32_t chunks,
                     uint64_t bytes)
{
    uint64_t done = 0;

    t->streams[t->m.stream_count++] =
        (struct manifest_stream){STREAM_TEXT, 0, chunks, bytes};
    for (uint32_t i = 0; done < bytes; i++) {
        uint64_t size = 1 + rng_below(mk->rng, FILE_SIZE_MAX);

        if (i < 8)
            size = 1 + size % 4096;
        if (i >= 20)
            size = FILE_SIZE_MAX;
        size = size < bytes - done ? size : bytes - done;
        add_file(t, "part", i, size)->offset = done;
        done += size;
    }
}

/* The last chunks stand alone, COURSE_KIT_MEDIA_CHUNKS a file. */
static uint32_t make_tree(struct maker *mk, const struct content *c,
                          uint32_t media, struct buf *out)
{
    struct tree *t = mem_new(1, sizeof *t);
    uint32_t text = c->count - media * COURSE_KIT_MEDIA_CHUNKS;
    uint32_t files;

    assert(media <= COURSE_KIT_MEDIA && text <= c->count && text != 0);
    t->m.streams = t->streams;
    t->m.files = t->files;
    add_text(mk, t, text, raw_bytes(c, 0, text));
    for (uint32_t i = 0; i < media; i++) {
        uint32_t from = text + i * COURSE_KIT_MEDIA_CHUNKS;
        uint64_t bytes = raw_bytes(c, from, from + COURSE_KIT_MEDIA_CHUNKS);

        t->streams[t->m.stream_count++] = (struct manifest_stream){
            STREAM_MEDIA, 0, COURSE_KIT_MEDIA_CHUNKS, bytes};
        (void)add_file(t, "video", i, bytes);
    }
    must(manifest_encode_tree(&t->m, out, NULL), "tree");
    files = t->m.file_count;
    free(t);
    return files;
}

/* ---- records ----------------------------------------------------------------
 */

/* SPEC 2: "Unknown map keys in a payload or message are ignored" */
static void sign(struct maker *mk, enum record_type type,
                 const struct buf *payload, struct buf *out,
                 struct record_id *out_id)
{
    struct buf more = BUF_INIT;

    if (mk->later) {
        cbor_put_map(&more, payload->base[0] - 0xa0u + 2);
        cbor_put_uint(&more, 0);
        cbor_put_text(&more, "before", 6);
        (void)buf_append(&more, payload->base + 1, payload->len - 1);
        cbor_put_uint(&more, 99);
        cbor_put_bool(&more, true);
    }
    must(record_sign(mk->author, type, COURSE_KIT_NETWORK,
                     buf_span(mk->later ? &more : payload), out, out_id, NULL),
         record_type_name(type));
    buf_deinit(&more);
}

/* Signed by the author, and of a type that is not known here. */
static void make_omen(struct maker *mk)
{
    struct buf protected_ = BUF_INIT;
    struct buf tbs = BUF_INIT;
    struct buf *out = &mk->kit->omen;
    uint8_t signature[64];

    cbor_put_map(&protected_, 3);
    cbor_put_uint(&protected_, 1);
    cbor_put_int(&protected_, -8);
    cbor_put_uint(&protected_, 3);
    cbor_put_text(&protected_, "application/vnd.lyceum.omen+cbor", 32);
    cbor_put_uint(&protected_, 4);
    cbor_put_bytes(&protected_, mk->kit->author.b, sizeof mk->kit->author.b);
    cbor_put_array(&tbs, 4);
    cbor_put_text(&tbs, "Signature1", 10);
    cbor_put_bytes(&tbs, protected_.base, protected_.len);
    cbor_put_text(&tbs, "lyceum/1/" COURSE_KIT_NETWORK, 13);
    cbor_put_bytes(&tbs, "\xa0", 1);
    key__sign(mk->author, buf_span(&tbs), signature);
    cbor_put_tag(out, 18);
    cbor_put_array(out, 4);
    cbor_put_bytes(out, protected_.base, protected_.len);
    cbor_put_map(out, 0);
    cbor_put_bytes(out, "\xa0", 1);
    cbor_put_bytes(out, signature, sizeof signature);
    buf_deinit(&tbs);
    buf_deinit(&protected_);
}

static void make_course(struct maker *mk)
{
    struct course_payload p = {.time_ms = TIME_MS,
                               .title = text_span("A simulated course"),
                               .author_count = 1,
                               .threshold = 1};
    struct buf payload = BUF_INIT;
    struct record_id id;

    p.authors[0] = *identity_author(mk->author);
    for (size_t i = 0; i < sizeof p.nonce; i++)
        p.nonce[i] = (uint8_t)rng_next(mk->rng);
    must(course_encode(&p, &payload, NULL), "course payload");
    sign(mk, RECORD_COURSE, &payload, &mk->kit->course_record, &id);
    memcpy(mk->kit->course.b, id.b, sizeof id.b);
    buf_deinit(&payload);
}

static void make_profile(struct maker *mk)
{
    struct profile_payload p = {.time_ms = TIME_MS,
                                .name = text_span("A simulated author")};
    struct buf payload = BUF_INIT;

    memcpy(p.box_key, identity_box_public(mk->author), sizeof p.box_key);
    must(profile_encode(&p, &payload, NULL), "profile payload");
    sign(mk, RECORD_PROFILE, &payload, &mk->kit->profile_record, NULL);
    buf_deinit(&payload);
}

static void fill_table(struct course_kit_edition *e, const struct blob *index,
                       const struct blob *tree, const struct content *c)
{
    uint32_t n = index->count + tree->count + c->count;
    uint32_t at = 0;

    e->table.refs = mem_new(n, sizeof *e->table.refs);
    e->table.count = n;
    e->table.index_count = index->count;
    e->table.tree_count = tree->count;
    e->bytes = mem_new(n, sizeof *e->bytes);
    for (uint32_t i = 0; i < index->count; i++, at++) {
        e->table.refs[at] = index->refs[i];
        e->bytes[at] = index->bytes[i];
    }
    for (uint32_t i = 0; i < tree->count; i++, at++) {
        e->table.refs[at] = tree->refs[i];
        e->bytes[at] = tree->bytes[i];
    }
    memcpy(e->table.refs + at, c->refs, c->count * sizeof *c->refs);
    memcpy(e->bytes + at, c->bytes, c->count * sizeof *c->bytes);
}

static void make_edition(struct maker *mk, const struct content *c,
                         uint32_t media)
{
    struct course_kit *k = mk->kit;
    struct course_kit_edition *e = &k->editions[k->edition_count];
    struct edition_payload p = {.time_ms = TIME_MS + k->edition_count,
                                .course = k->course,
                                .seq = k->edition_count + 1,
                                .title = text_span("A simulated course"),
                                .chunks = c->count};
    struct buf index_raw = BUF_INIT;
    struct buf tree_raw = BUF_INIT;
    struct buf payload = BUF_INIT;
    struct blob index;
    struct blob tree;

    if (k->edition_count != 0)
        p.prev = k->editions[k->edition_count - 1].id;
    for (uint32_t i = 0; i < c->count; i++) {
        p.bytes += c->refs[i].raw_len;
        p.stored_bytes += c->refs[i].stored_len;
    }
    make_index(c, &index_raw);
    p.files = make_tree(mk, c, media, &tree_raw);
    make_blob(mk, &index_raw, &index);
    make_blob(mk, &tree_raw, &tree);
    p.index_blob = buf_span(&index.entries);
    p.tree_blob = buf_span(&tree.entries);
    must(edition_encode(&p, &payload, NULL), "edition payload");
    sign(mk, RECORD_EDITION, &payload, &e->record, &e->id);
    e->seq = p.seq;
    e->totals =
        (struct manifest_totals){p.files, p.bytes, p.chunks, p.stored_bytes};
    fill_table(e, &index, &tree, c);
    k->edition_count++;
    buf_deinit(&payload);
    buf_deinit(&index.entries);
    buf_deinit(&tree.entries);
    buf_deinit(&index_raw);
    buf_deinit(&tree_raw);
}

/* ---- what no author should sign ----------------------------------------
 */

/* Chunks that nobody has. */
static void fill_nothing(struct maker *mk, uint8_t entry[CHUNK_ENTRY_BYTES])
{
    struct chunk_ref ref = {.stored_len = 100, .raw_len = 100};

    for (size_t i = 0; i < sizeof ref.id.b; i++)
        ref.id.b[i] = (uint8_t)rng_next(mk->rng);
    chunk_entry_encode(&ref, entry);
}

static void make_odd(struct maker *mk, uint64_t seq, bool orphan)
{
    struct course_kit *k = mk->kit;
    struct course_kit_odd *o = &k->odd[k->odd_count++];
    uint8_t entries[2][CHUNK_ENTRY_BYTES];
    struct edition_payload p = {.time_ms = TIME_MS + 100,
                                .course = k->course,
                                .seq = seq,
                                .title = text_span("Not the same course"),
                                .index_blob = {entries[0], sizeof entries[0]},
                                .tree_blob = {entries[1], sizeof entries[1]},
                                .files = 1,
                                .chunks = 1,
                                .bytes = 100,
                                .stored_bytes = 100};
    struct buf payload = BUF_INIT;

    fill_nothing(mk, entries[0]);
    fill_nothing(mk, entries[1]);
    p.prev = k->editions[seq - 2 < k->edition_count ? seq - 2 : 0].id;
    if (orphan) /* it follows what does not exist */
        p.prev.b[0] ^= 1;
    must(edition_encode(&p, &payload, NULL), "odd payload");
    sign(mk, RECORD_EDITION, &payload, &o->record, &o->id);
    o->seq = seq;
    buf_deinit(&payload);
}

/* Another one of most numbers, and numbers far beyond. The last number is left
 * alone: what comes behind it is the end of a chain whose key is stolen. */
static void make_odds(struct maker *mk)
{
    uint64_t last = mk->kit->edition_count;

    for (uint64_t seq = 2; seq < last; seq++)
        make_odd(mk, seq, seq % 2 == 0);
    make_odd(mk, last + EDITION_SEQ_JUMP_MAX + 1, false);
    make_odd(mk, EDITION_SEQ_MAX, true);
}

static void make_revocation(struct maker *mk, const struct identity *who,
                            uint64_t seq, struct buf *out)
{
    struct revocation_payload p = {.time_ms = TIME_MS + 50,
                                   .course = mk->kit->course,
                                   .seq = seq,
                                   .reason = text_span("A mistake")};
    struct buf payload = BUF_INIT;

    must(revocation_encode(&p, &payload, NULL), "revocation payload");
    must(record_sign(who, RECORD_REVOCATION, COURSE_KIT_NETWORK,
                     buf_span(&payload), out, NULL, NULL),
         "revocation record");
    buf_deinit(&payload);
}

static void make_revocations(struct maker *mk)
{
    struct identity *stranger;
    uint8_t seed[SEED_BYTES];

    for (size_t i = 0; i < sizeof seed; i++)
        seed[i] = (uint8_t)rng_next(mk->rng);
    stranger = identity_from_seed(seed);
    must(stranger != NULL ? 0 : ERR_NOMEM, "keys");
    make_revocation(mk, mk->author, 1, &mk->kit->withdrawal);
    make_revocation(mk, stranger, EDITION_SEQ_MAX, &mk->kit->slander);
    identity_free(stranger);
}

/* An edit: about a tenth of the chunks change. */
static void edit(struct maker *mk, const struct course_kit_params *p,
                 struct content *c)
{
    for (uint32_t i = 0; i < c->count; i++)
        if (i == 0 || rng_below(mk->rng, 10) == 0 ||
            (is_loose_end(p, i) && rng_below(mk->rng, 3) == 0))
            make_content_chunk(mk, p, c, i);
}

struct course_kit *course_kit_new(const struct course_kit_params *p,
                                  struct rng *rng)
{
    struct course_kit *k = mem_new(1, sizeof *k);
    struct maker mk = {
        .kit = k, .rng = rng, .codec = codec_new(), .later = p->later};
    struct content c = {.count = p->chunks};
    uint8_t seed[SEED_BYTES];

    for (size_t i = 0; i < sizeof seed; i++)
        seed[i] = (uint8_t)rng_next(rng);
    mk.author = identity_from_seed(seed);
    mk.packed = mem_new(CODEC_BOUND, 1);
    must(mk.author != NULL && mk.codec != NULL ? 0 : ERR_NOMEM, "keys");
    k->author = *identity_author(mk.author);
    c.refs = mem_new(c.count, sizeof *c.refs);
    c.bytes = mem_new(c.count, sizeof *c.bytes);
    k->author = *identity_author(mk.author);
    make_course(&mk);
    make_profile(&mk);
    for (uint32_t i = 0; i < c.count; i++)
        make_content_chunk(&mk, p, &c, i);
    for (uint32_t i = 0; i < p->editions; i++) {
        if (i != 0)
            edit(&mk, p, &c);
        make_edition(&mk, &c, p->media);
    }
    if (p->odd)
        make_odds(&mk);
    if (p->later)
        make_omen(&mk);
    make_revocations(&mk);
    free(c.refs);
    free(c.bytes);
    free(mk.packed);
    codec_free(mk.codec);
    identity_free(mk.author);
    return k;
}

void course_kit_free(struct course_kit *k)
{
    if (k == NULL)
        return;
    for (uint32_t i = 0; i < k->edition_count; i++) {
        buf_deinit(&k->editions[i].record);
        chunk_table_deinit(&k->editions[i].table);
        free(k->editions[i].bytes);
    }
    for (uint32_t i = 0; i < k->odd_count; i++)
        buf_deinit(&k->odd[i].record);
    for (size_t i = 0; i < k->pool_count; i++)
        free(k->pool[i]);
    free(k->pool);
    buf_deinit(&k->course_record);
    buf_deinit(&k->profile_record);
    buf_deinit(&k->omen);
    buf_deinit(&k->withdrawal);
    buf_deinit(&k->slander);
    free(k);
}

static void raw_blob(const struct course_kit_edition *e, uint32_t from,
                     uint32_t count, struct buf *out)
{
    for (uint32_t i = from; i < from + count; i++) {
        must(buf_reserve(out, e->table.refs[i].raw_len), "blob");
        course_kit_raw(e, i, out->base + out->len);
        out->len += e->table.refs[i].raw_len;
    }
}

void course_kit_manifest(const struct course_kit_edition *e,
                         struct manifest *out)
{
    struct chunk_table blobs = e->table;
    struct buf index = BUF_INIT;
    struct buf tree = BUF_INIT;

    blobs.count = blobs.index_count + blobs.tree_count;
    raw_blob(e, 0, blobs.index_count, &index);
    raw_blob(e, blobs.index_count, blobs.tree_count, &tree);
    must(manifest_decode(&blobs, buf_span(&index), buf_span(&tree), &e->totals,
                         out, NULL),
         "manifest");
    buf_deinit(&index);
    buf_deinit(&tree);
}

void course_kit_raw(const struct course_kit_edition *e, uint32_t slot,
                    uint8_t *out)
{
    const struct chunk_ref *ref = &e->table.refs[slot];
    struct codec *codec = codec_new();

    if (codec == NULL) /* alloc_fail meant somebody else */
        codec = codec_new();
    must(codec != NULL ? 0 : ERR_NOMEM, "codec");
    must(codec_decode(codec, e->bytes[slot], ref->stored_len, ref->flags, out,
                      ref->raw_len, NULL),
         "decode");
    codec_free(codec);
}

const struct course_kit_edition *course_kit_find(
    const struct course_kit *k, const struct record_id *edition)
{
    for (uint32_t i = 0; i < k->edition_count; i++)
        if (record_id_eq(&k->editions[i].id, edition))
            return &k->editions[i];
    return NULL;
}

bool course_kit_signed(const struct course_kit *k,
                       const struct record_id *edition)
{
    for (uint32_t i = 0; i < k->odd_count; i++)
        if (record_id_eq(&k->odd[i].id, edition))
            return true;
    return course_kit_find(k, edition) != NULL;
}

uint64_t course_kit_bytes(const struct course_kit_edition *e)
{
    uint64_t sum = 0;

    for (uint32_t i = 0; i < e->table.count; i++)
        sum += e->table.refs[i].stored_len;
    return sum;
}
