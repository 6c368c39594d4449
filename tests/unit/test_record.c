#include "tests/lib/test.h"

#include <string.h>

#include "crypto/course.h"
#include "crypto/did.h"
#include "crypto/edition.h"
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
