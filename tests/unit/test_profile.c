#include "crypto/profile.h"

#include "tests/lib/payload_kit.h"

static struct profile_payload plain(void)
{
    return (struct profile_payload){
        .time_ms = 5, .name = kit_text("Ann"), .box_key = {9}};
}

static struct buf encoded(const struct profile_payload *p)
{
    struct buf b = BUF_INIT;

    assert_int_equal(profile_encode(p, &b, NULL), 0);
    return b;
}

static int decode_of(struct buf *b)
{
    struct profile_payload out;
    int rc = profile_decode(buf_span(b), &out, NULL);

    buf_deinit(b);
    return rc;
}

/* Required fields, other shapes, truncation at every byte, odd times. */
TEST(profile, shape)
{
    static const uint64_t keys[] = {1, 5, 9};
    struct profile_payload p = plain();
    struct profile_payload out;
    struct buf good = encoded(&p);
    struct buf b;

    for (size_t i = 0; i < 3; i++) {
        b = kit_with(buf_span(&good), keys[i], kit_text(""));
        assert_int_equal(decode_of(&b), ERR_MALFORMED);
        b = kit_with(buf_span(&good), keys[i], kit_text("\x80"));
        assert_int_equal(decode_of(&b), ERR_MALFORMED);
    }
    for (size_t i = 0; i < KIT_ODD_NUMBERS; i++) {
        uint64_t v = kit_odd_numbers[i];

        b = kit_with_number(buf_span(&good), 1, v);
        assert_int_equal(decode_of(&b),
                         v < UINT64_C(1) << 48 ? 0 : ERR_MALFORMED);
    }
    for (size_t n = 0; n < good.len; n++)
        assert_int_equal(
            profile_decode((struct span){good.base, n}, &out, NULL),
            ERR_MALFORMED);
    buf_deinit(&good);
}

/* A box key has 32 bytes, no more and no fewer. */
TEST(profile, box_key)
{
    static const uint8_t bytes[33] = {9};
    struct profile_payload p = plain();
    struct buf good = encoded(&p);

    for (size_t n = 31; n <= 33; n++) {
        struct buf value = BUF_INIT;
        struct buf b;

        cbor_put_bytes(&value, bytes, n);
        b = kit_with(buf_span(&good), 9, buf_span(&value));
        assert_int_equal(decode_of(&b), n == 32 ? 0 : ERR_MALFORMED);
        buf_deinit(&value);
    }
    buf_deinit(&good);
}

/* Whatever may be written comes back, and again as the same bytes. */
TEST(profile, random_round_trips)
{
    static char text[4][4 * 4000];
    uint64_t rng = 4711;

    for (int round = 0; round < 200; round++) {
        struct profile_payload p = plain();
        struct profile_payload out;
        struct buf first;
        struct buf second;

        p.name = kit_random_text(&rng, 200, text[0]);
        if (round % 2 == 0)
            p.bio = kit_random_text(&rng, 4000, text[1]);
        if (round % 3 == 0)
            p.website = kit_random_text(&rng, 200, text[2]);
        if (round % 5 == 0)
            p.mail = kit_random_text(&rng, 200, text[3]);
        first = encoded(&p);
        assert_int_equal(profile_decode(buf_span(&first), &out, NULL), 0);
        assert_true(span_eq(out.name, p.name) && span_eq(out.bio, p.bio));
        second = encoded(&out);
        assert_true(span_eq(buf_span(&first), buf_span(&second)));
        buf_deinit(&first);
        buf_deinit(&second);
    }
}
