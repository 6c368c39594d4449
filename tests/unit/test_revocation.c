#include "crypto/revocation.h"

#include "crypto/key.h"
#include "crypto/record.h"
#include "tests/lib/payload_kit.h"

static struct revocation_payload plain(bool one)
{
    return (struct revocation_payload){.time_ms = 5,
                                       .course = {{1}},
                                       .seq = 3,
                                       .has_edition = one,
                                       .edition = {{one ? 2 : 0}},
                                       .reason = kit_text("a mistake in it")};
}

static struct buf encoded(const struct revocation_payload *p)
{
    struct buf b = BUF_INIT;

    assert_int_equal(revocation_encode(p, &b, NULL), 0);
    return b;
}

static int decode_of(struct buf *b)
{
    struct revocation_payload out;
    int rc = revocation_decode(buf_span(b), &out, NULL);

    buf_deinit(b);
    return rc;
}

/* Required fields, other shapes, truncation at every byte, odd numbers. */
TEST(revocation, shape)
{
    static const uint64_t keys[] = {1, 2, 3, 19};
    struct revocation_payload p = plain(true);
    struct revocation_payload out;
    struct buf good = encoded(&p);
    struct buf b;

    for (size_t i = 0; i < 4; i++) {
        b = kit_with(buf_span(&good), keys[i], kit_text(""));
        assert_int_equal(decode_of(&b), ERR_MALFORMED);
        b = kit_with(buf_span(&good), keys[i], kit_text("\x80"));
        assert_int_equal(decode_of(&b), ERR_MALFORMED);
    }
    b = kit_with(buf_span(&good), 18, kit_text("\x80"));
    assert_int_equal(decode_of(&b), ERR_MALFORMED);
    for (size_t i = 0; i < KIT_ODD_NUMBERS; i++) {
        uint64_t v = kit_odd_numbers[i];
        int fits = v < UINT64_C(1) << 48 ? 0 : ERR_MALFORMED;

        b = kit_with_number(buf_span(&good), 1, v);
        assert_int_equal(decode_of(&b), fits);
        b = kit_with_number(buf_span(&good), 3, v);
        assert_int_equal(decode_of(&b), fits);
    }
    b = kit_with_number(buf_span(&good), 3, 0);
    assert_int_equal(decode_of(&b), ERR_MALFORMED);
    for (size_t n = 0; n < good.len; n++)
        assert_int_equal(
            revocation_decode((struct span){good.base, n}, &out, NULL),
            ERR_MALFORMED);
    buf_deinit(&good);
}

/* A reason is one line of 1 to 200 characters. */
TEST(revocation, reason)
{
    static char text[4 * 201];
    struct revocation_payload p = plain(false);
    struct buf b = BUF_INIT;

    for (size_t i = 0; i < 201; i++)
        memcpy(text + 3 * i, "\xe8\xaf\xbe", 3);
    p.reason = (struct span){(const uint8_t *)text, 3 * 200};
    b = encoded(&p);
    assert_int_equal(decode_of(&b), 0);
    p.reason.len = 3 * 201;
    assert_int_equal(revocation_encode(&p, &b, NULL), ERR_INVALID);
    p.reason = kit_text("two\nlines");
    assert_int_equal(revocation_encode(&p, &b, NULL), ERR_INVALID);
    p.reason = kit_text("");
    assert_int_equal(revocation_encode(&p, &b, NULL), ERR_INVALID);
    p = plain(false);
    p.seq = 0;
    assert_int_equal(revocation_encode(&p, &b, NULL), ERR_INVALID);
    p.seq = UINT64_C(1) << 48;
    assert_int_equal(revocation_encode(&p, &b, NULL), ERR_INVALID);
    assert_int_equal(b.len, 0);
}

/* One edition, or all up to a number: nothing that comes later. */
TEST(revocation, covers)
{
    struct revocation_payload p = plain(true);
    struct record_id two = {{2}};
    struct record_id other = {{3}};

    assert_true(revocation_covers(&p, &two, 3));
    assert_false(revocation_covers(&p, &other, 3));
    assert_false(revocation_covers(&p, &other, 2));
    p = plain(false);
    assert_true(revocation_covers(&p, &other, 1));
    assert_true(revocation_covers(&p, &other, 3));
    assert_false(revocation_covers(&p, &other, 4));
}

/* Whatever may be written comes back, and again as the same bytes. */
TEST(revocation, random_round_trips)
{
    static char text[4 * 200];
    uint64_t rng = 4711;

    for (int round = 0; round < 200; round++) {
        struct revocation_payload p = plain(round % 2 == 0);
        struct revocation_payload out;
        struct buf first;
        struct buf second;

        p.seq = 1 + kit_next(&rng) % ((UINT64_C(1) << 48) - 1);
        p.reason = kit_random_text(&rng, 200, text);
        first = encoded(&p);
        assert_int_equal(revocation_decode(buf_span(&first), &out, NULL), 0);
        assert_true(span_eq(out.reason, p.reason) && out.seq == p.seq &&
                    out.has_edition == p.has_edition &&
                    record_id_eq(&out.edition, &p.edition) &&
                    course_id_eq(&out.course, &p.course));
        second = encoded(&out);
        assert_true(span_eq(buf_span(&first), buf_span(&second)));
        buf_deinit(&first);
        buf_deinit(&second);
    }
}

/* It travels as a record of its own type. */
TEST(revocation, record)
{
    uint8_t seed[SEED_BYTES] = {1};
    struct revocation_payload p = plain(false);
    struct identity *id;
    struct buf payload = encoded(&p);
    struct buf bytes = BUF_INIT;
    struct record r;

    assert_int_equal(crypto_init(NULL), 0);
    id = identity_from_seed(seed);
    assert_int_equal(record_sign(id, RECORD_REVOCATION, "main",
                                 buf_span(&payload), &bytes, NULL, NULL),
                     0);
    assert_int_equal(record_decode(bytes.base, bytes.len, "main", &r, NULL), 0);
    assert_int_equal(r.type, RECORD_REVOCATION);
    assert_string_equal(record_type_name(r.type), "revocation");
    assert_true(span_eq(r.payload, buf_span(&payload)));
    payload.base[payload.len - 1] = '\n';
    bytes.len = 0;
    assert_int_equal(record_sign(id, RECORD_REVOCATION, "main",
                                 buf_span(&payload), &bytes, NULL, NULL),
                     ERR_MALFORMED);
    identity_free(id);
    buf_deinit(&payload);
    buf_deinit(&bytes);
}
