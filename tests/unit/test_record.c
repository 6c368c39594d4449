#include "tests/lib/test.h"

#include <string.h>

#include <sodium.h>

#include "crypto/cbor.h"
#include "crypto/course.h"
#include "crypto/did.h"
#include "crypto/edition.h"
#include "crypto/profile.h"
#include "crypto/record.h"

/* As formats are frozen: of the seed 00 01 .. 1f. */
#define DID_VECTOR "did:key:z6MksjWno3Dm8Cx8Xesto9VcUQeySwgjhvmLTyqMbWKRHeMZ"
#define ID_VECTOR                                                              \
    "2e3f64d2b3320e99151301259bcae61e97f30429398af575c6a9089c4f63fccd"

struct made {
    struct identity *id;
    struct buf payload, record;
    struct record_id rid;
};

static void make_course(struct made *m)
{
    uint8_t seed[SEED_BYTES];
    struct course_payload c = {.time_ms = 1, .author_count = 1, .threshold = 1};

    memset(m, 0, sizeof *m);
    for (size_t i = 0; i < sizeof seed; i++)
        seed[i] = (uint8_t)i;
    assert_int_equal(crypto_init(NULL), 0);
    m->id = identity_from_seed(seed);
    c.title = (struct span){(const uint8_t *)"T", 1};
    c.authors[0] = *identity_author(m->id);
    assert_int_equal(course_encode(&c, &m->payload, NULL), 0);
    assert_int_equal(record_sign(m->id, RECORD_COURSE, "main",
                                 buf_span(&m->payload), &m->record, &m->rid,
                                 NULL),
                     0);
}

static void drop(struct made *m)
{
    identity_free(m->id);
    buf_deinit(&m->payload);
    buf_deinit(&m->record);
}

/* The format cannot drift: a fixed seed and payload make a fixed id and did. */
TEST(record, vector)
{
    char did[DID_TEXT_MAX];
    struct author_id back;
    struct record r;
    struct made m;

    make_course(&m);
    did_encode(identity_author(m.id), did);
    assert_int_equal(did_decode(did, strlen(did), &back, NULL), 0);
    assert_true(author_id_eq(&back, identity_author(m.id)));
    assert_int_equal(
        record_decode(m.record.base, m.record.len, "main", &r, NULL), 0);
    assert_int_equal(r.type, RECORD_COURSE);
    assert_true(record_id_eq(&r.id, &m.rid));
    assert_string_equal(did, DID_VECTOR);
    assert_string_equal(record_id_hex(&m.rid).s, ID_VECTOR);
    drop(&m);
}

/* What was checked before is opened with its id, and not checked again; what is
 * no record is none. */
TEST(record, reopen)
{
    struct record r;
    struct made m;

    make_course(&m);
    m.record.base[m.record.len - 1] ^= 1; /* of the signature */
    assert_int_equal(
        record_decode(m.record.base, m.record.len, "main", &r, NULL),
        ERR_CORRUPT);
    assert_int_equal(
        record_reopen(m.record.base, m.record.len, "main", &r, NULL), 0);
    assert_int_equal(r.type, RECORD_COURSE);
    assert_true(record_id_eq(&r.id, &m.rid));
    assert_int_equal(
        record_reopen(m.record.base, m.record.len, "other", &r, NULL), 0);
    assert_false(record_id_eq(&r.id, &m.rid));
    assert_int_equal(
        record_reopen(m.record.base, m.record.len - 1, "main", &r, NULL),
        ERR_MALFORMED);
    drop(&m);
}

/* One flipped bit anywhere, and the record is nothing. */
TEST(record, flipped_bits)
{
    struct record r;
    struct made m;

    make_course(&m);
    for (size_t i = 0; i < m.record.len; i++) {
        m.record.base[i] ^= 0x10;
        assert_int_not_equal(
            record_decode(m.record.base, m.record.len, "main", &r, NULL), 0);
        m.record.base[i] ^= 0x10;
    }
    for (size_t n = 0; n < m.record.len; n++)
        assert_int_not_equal(record_decode(m.record.base, n, "main", &r, NULL),
                             0);
    assert_int_equal(
        record_decode(m.record.base, m.record.len, "other", &r, NULL),
        ERR_CORRUPT);
    drop(&m);
}

/* S + L is the same signature in another dress: refused. */
TEST(record, malleable_signature)
{
    static const uint8_t order[32] = {
        0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7,
        0xa2, 0xde, 0xf9, 0xde, 0x14, 0,    0,    0,    0,    0,    0,
        0,    0,    0,    0,    0,    0,    0,    0,    0,    0x10};
    uint8_t *s;
    unsigned carry = 0;
    struct record r;
    struct made m;

    make_course(&m);
    s = m.record.base + m.record.len - 32;
    for (size_t i = 0; i < 32; i++) {
        carry += (unsigned)s[i] + order[i];
        s[i] = (uint8_t)carry;
        carry >>= 8;
    }
    assert_int_not_equal(
        record_decode(m.record.base, m.record.len, "main", &r, NULL), 0);
    memset(m.record.base + m.record.len - 64, 0, 64);
    assert_int_not_equal(
        record_decode(m.record.base, m.record.len, "main", &r, NULL), 0);
    drop(&m);
}

/* Keys of small order and other odd points are no authors. */
TEST(record, odd_keys)
{
    struct author_id zero = {{0}};
    struct author_id one = {{1}};
    struct author_id high;

    memset(&high, 0xff, sizeof high);
    assert_int_equal(crypto_init(NULL), 0);
    assert_false(author_id_valid(&zero));
    assert_false(author_id_valid(&one));
    assert_false(author_id_valid(&high));
}

/* A course signed by a stranger, and one payload under another type's name. */
TEST(record, wrong_signer_and_type)
{
    struct identity *other;
    struct buf out = BUF_INIT;
    struct made m;

    make_course(&m);
    other = identity_generate();
    assert_int_not_equal(record_sign(other, RECORD_COURSE, "main",
                                     buf_span(&m.payload), &out, NULL, NULL),
                         0);
    assert_int_not_equal(record_sign(m.id, RECORD_EDITION, "main",
                                     buf_span(&m.payload), &out, NULL, NULL),
                         0);
    identity_free(other);
    buf_deinit(&out);
    drop(&m);
}

/* ---- records that record_sign would not make --------------------------------
 */

static const char media[][40] = {"application/vnd.lyceum.profile+cbor",
                                 "application/vnd.lyceum.course+cbor",
                                 "application/vnd.lyceum.edition+cbor"};

static struct span str(const char *s)
{
    return (struct span){(const uint8_t *)s, strlen(s)};
}

/* What is signed, and by whom. */
struct parts {
    uint8_t secret[crypto_sign_SECRETKEYBYTES];
    struct author_id kid;
    const char *media;
    const char *context;
    const char *aad;
    struct buf payload;
};

static struct buf protected_of(const struct parts *p)
{
    struct buf b = BUF_INIT;

    cbor_put_map(&b, 3);
    cbor_put_uint(&b, 1);
    cbor_put_int(&b, -8);
    cbor_put_uint(&b, 3);
    cbor_put_text(&b, p->media, strlen(p->media));
    cbor_put_uint(&b, 4);
    cbor_put_bytes(&b, p->kid.b, 32);
    return b;
}

static struct buf tbs_of(const struct parts *p)
{
    struct buf protected_ = protected_of(p);
    struct buf b = BUF_INIT;

    cbor_put_array(&b, 4);
    cbor_put_text(&b, p->context, strlen(p->context));
    cbor_put_bytes(&b, protected_.base, protected_.len);
    cbor_put_bytes(&b, p->aad, strlen(p->aad));
    cbor_put_bytes(&b, p->payload.base, p->payload.len);
    buf_deinit(&protected_);
    return b;
}

/* Return: record_decode's, of the record with @signature. */
static int decode_parts(const struct parts *p, const uint8_t signature[64])
{
    struct buf protected_ = protected_of(p);
    struct buf b = BUF_INIT;
    struct record r;
    int rc;

    cbor_put_tag(&b, 18);
    cbor_put_array(&b, 4);
    cbor_put_bytes(&b, protected_.base, protected_.len);
    cbor_put_map(&b, 0);
    cbor_put_bytes(&b, p->payload.base, p->payload.len);
    cbor_put_bytes(&b, signature, 64);
    rc = record_decode(b.base, b.len, "main", &r, NULL);
    buf_deinit(&b);
    buf_deinit(&protected_);
    return rc;
}

static void sign_parts(const struct parts *p, uint8_t out[64])
{
    struct buf tbs = tbs_of(p);

    (void)crypto_sign_detached(out, NULL, tbs.base, tbs.len, p->secret);
    buf_deinit(&tbs);
}

static struct parts a_profile(void)
{
    static const uint8_t seed[32] = {4, 2};
    struct parts p = {.media = media[0],
                      .context = "Signature1",
                      .aad = "lyceum/1/main",
                      .payload = BUF_INIT};
    struct profile_payload v = {
        .time_ms = 1, .name = str("Ann"), .box_key = {9}};

    assert_int_equal(crypto_init(NULL), 0);
    (void)crypto_sign_seed_keypair(p.kid.b, p.secret, seed);
    assert_int_equal(profile_encode(&v, &p.payload, NULL), 0);
    return p;
}

/* What was signed under another domain, network, context or type is not signed;
 * nor is what another signed, or nobody. */
TEST(record, domains)
{
    static const char *const aads[] = {"",
                                       "main",
                                       "lyceum/1/",
                                       "lyceum/1/other",
                                       "lyceum/2/main",
                                       "lyceum/1/main ",
                                       "lyceum/1/present"};
    struct parts p = a_profile();
    struct parts other = p;
    uint8_t signature[64];

    sign_parts(&p, signature);
    assert_int_equal(decode_parts(&p, signature), 0);
    for (size_t i = 0; i < sizeof aads / sizeof aads[0]; i++) {
        other.aad = aads[i];
        sign_parts(&other, signature);
        assert_int_equal(decode_parts(&p, signature), ERR_CORRUPT);
    }
    other = p;
    other.context = "Signature";
    sign_parts(&other, signature);
    assert_int_equal(decode_parts(&p, signature), ERR_CORRUPT);
    for (size_t i = 1; i < 3; i++) {
        other = p;
        other.media = media[i];
        sign_parts(&other, signature);
        assert_int_equal(decode_parts(&p, signature), ERR_CORRUPT);
    }
    other = p;
    other.kid.b[0] ^= 1;
    sign_parts(&other, signature);
    assert_int_equal(decode_parts(&p, signature), ERR_CORRUPT);
    memset(signature, 0, sizeof signature);
    assert_int_equal(decode_parts(&p, signature), ERR_CORRUPT);
    buf_deinit(&p.payload);
}

/* With A the neutral point, R = S B holds for every message: a verifier that
 * takes such an A takes everything. In either spelling it is refused. */
TEST(record, small_order_key)
{
    struct parts p = a_profile();
    uint8_t signature[64] = {0};

    signature[32] = 1;
    assert_int_equal(
        crypto_scalarmult_ed25519_base_noclamp(signature, signature + 32), 0);
    p.kid = (struct author_id){{1}};
    assert_int_equal(decode_parts(&p, signature), ERR_CORRUPT);
    memset(p.kid.b, 0xff, 32);
    p.kid.b[0] = 0xee; /* p + 1, that is 1 */
    p.kid.b[31] = 0x7f;
    assert_int_equal(decode_parts(&p, signature), ERR_CORRUPT);
    buf_deinit(&p.payload);
}

/* R the neutral point and S = h a fulfil the equation for a good key: refused,
 * for no honest signer draws such an R; and in its other spelling. */
TEST(record, small_order_r)
{
    struct parts p = a_profile();
    struct buf tbs = tbs_of(&p);
    uint8_t signature[64] = {1};
    uint8_t secret[64];
    uint8_t wide[64];
    uint8_t h[32];

    for (int spelling = 0; spelling < 2; spelling++) {
        crypto_hash_sha512_state st;

        if (spelling == 1) {
            memset(signature, 0xff, 32);
            signature[0] = 0xee;
            signature[31] = 0x7f;
        }
        (void)crypto_hash_sha512(secret, p.secret, 32);
        secret[0] &= 248;
        secret[31] = (secret[31] & 127) | 64;
        memset(wide, 0, sizeof wide);
        memcpy(wide, secret, 32);
        crypto_core_ed25519_scalar_reduce(secret, wide);
        (void)crypto_hash_sha512_init(&st);
        (void)crypto_hash_sha512_update(&st, signature, 32);
        (void)crypto_hash_sha512_update(&st, p.kid.b, 32);
        (void)crypto_hash_sha512_update(&st, tbs.base, tbs.len);
        (void)crypto_hash_sha512_final(&st, wide);
        crypto_core_ed25519_scalar_reduce(h, wide);
        crypto_core_ed25519_scalar_mul(signature + 32, h, secret);
        assert_int_equal(decode_parts(&p, signature), ERR_CORRUPT);
    }
    buf_deinit(&tbs);
    buf_deinit(&p.payload);
}

/* Truncated at every byte, and with one behind, no type is a record. */
TEST(record, truncated)
{
    struct edition_payload v = {.time_ms = 5, .seq = 2, .title = str("T")};
    uint8_t entry[40] = {1};
    struct record r;

    for (int type = 0; type < 2; type++) {
        struct parts p = a_profile();
        struct buf b = BUF_INIT;
        struct identity *id = identity_generate();

        if (type == 1) {
            buf_deinit(&p.payload);
            v.index_blob = (struct span){entry, 40};
            v.tree_blob = (struct span){entry, 40};
            assert_int_equal(edition_encode(&v, &p.payload, NULL), 0);
        }
        assert_int_equal(
            record_sign(id, type == 1 ? RECORD_EDITION : RECORD_PROFILE, "main",
                        buf_span(&p.payload), &b, NULL, NULL),
            0);
        for (size_t n = 0; n < b.len; n++)
            assert_int_equal(record_decode(b.base, n, "main", &r, NULL),
                             ERR_MALFORMED);
        assert_int_equal(record_decode(b.base, b.len, "main", &r, NULL), 0);
        assert_int_equal(buf_append(&b, "", 1), 0);
        assert_int_equal(record_decode(b.base, b.len, "main", &r, NULL),
                         ERR_MALFORMED);
        identity_free(id);
        buf_deinit(&b);
        buf_deinit(&p.payload);
    }
}

/* One of a type of a later version is refused, and is not broken. */
TEST(record, unknown_type)
{
    struct parts p = a_profile();
    struct identity *id = identity_generate();
    struct buf b = BUF_INIT;
    struct record r;
    uint8_t *name;

    assert_int_equal(record_sign(id, RECORD_PROFILE, "main",
                                 buf_span(&p.payload), &b, NULL, NULL),
                     0);
    name = memmem(b.base, b.len, "profile", 7);
    assert_non_null(name);
    memcpy(name, "profits", 7);
    assert_int_equal(record_decode(b.base, b.len, "main", &r, NULL),
                     ERR_REFUSED);
    identity_free(id);
    buf_deinit(&b);
    buf_deinit(&p.payload);
}

/* A record may be of 60 KiB and no more, whatever it says. */
TEST(record, too_long)
{
    static uint8_t zeros[RECORD_BYTES_MAX + 1];
    struct record r;

    assert_int_equal(record_decode(zeros, sizeof zeros, "main", &r, NULL),
                     ERR_LIMIT);
    assert_int_equal(record_decode(zeros, sizeof zeros - 1, "main", &r, NULL),
                     ERR_MALFORMED);
}
