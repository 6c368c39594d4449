#include "crypto/course.h"

#include <stdlib.h>

#include "crypto/key.h"
#include "crypto/record.h"
#include "tests/lib/payload_kit.h"

#define PEOPLE 17

static struct author_id people[PEOPLE]; /* ascending */

static int by_bytes(const void *x, const void *y)
{
    return memcmp(x, y, ID_BYTES);
}

static void setup(void)
{
    assert_int_equal(crypto_init(NULL), 0);
    for (size_t i = 0; i < PEOPLE; i++) {
        uint8_t seed[SEED_BYTES] = {(uint8_t)i, 5};
        struct identity *id = identity_from_seed(seed);

        assert_non_null(id);
        people[i] = *identity_author(id);
        identity_free(id);
    }
    qsort(people, PEOPLE, sizeof people[0], by_bytes);
}

static struct course_payload of(uint32_t authors, uint32_t threshold)
{
    struct course_payload c = {.time_ms = 77,
                               .title = kit_text("A course"),
                               .author_count = authors,
                               .threshold = threshold,
                               .nonce = {1, 2, 3}};

    setup();
    for (uint32_t i = 0; i < authors && i < COURSE_AUTHORS_MAX; i++)
        c.authors[i] = people[i];
    return c;
}

static struct buf encoded(const struct course_payload *c)
{
    struct buf b = BUF_INIT;

    assert_int_equal(course_encode(c, &b, NULL), 0);
    return b;
}

/* Return: course_decode's, of @b, which goes. */
static int decode_of(struct buf *b)
{
    struct course_payload out;
    int rc = course_decode(buf_span(b), &out, NULL);

    buf_deinit(b);
    return rc;
}

static struct buf authors_list(size_t count, size_t repeat_at)
{
    struct buf b = BUF_INIT;

    cbor_put_array(&b, count);
    for (size_t i = 0; i < count; i++)
        cbor_put_bytes(&b, people[i == repeat_at ? i - 1 : i].b, ID_BYTES);
    return b;
}

static int with_authors(struct buf list)
{
    struct course_payload c = of(2, 1);
    struct buf good = encoded(&c);
    struct buf bent = kit_with(buf_span(&good), 10, buf_span(&list));

    buf_deinit(&good);
    buf_deinit(&list);
    return decode_of(&bent);
}

/* Each threshold from 1 to the number of authors, and none outside, neither
 * written nor read. */
TEST(course, threshold)
{
    for (uint32_t n = 1; n <= COURSE_AUTHORS_MAX; n++) {
        for (uint32_t m = 0; m <= n + 1; m++) {
            struct course_payload c = of(n, m);
            struct buf b = BUF_INIT;
            bool fine = m >= 1 && m <= n;

            assert_int_equal(course_encode(&c, &b, NULL),
                             fine ? 0 : ERR_INVALID);
            if (!fine) {
                c.threshold = 1;
                buf_deinit(&b);
                b = encoded(&c);
                c.threshold = m;
                struct buf bent = kit_with_number(buf_span(&b), 11, m);
                assert_int_equal(decode_of(&bent), ERR_MALFORMED);
            }
            buf_deinit(&b);
        }
    }
}

/* No author, seventeen, a thousand claimed, one twice, two out of order, a key
 * that is none. */
TEST(course, authors)
{
    struct course_payload c = of(2, 1);
    struct author_id swap = c.authors[0];
    struct buf b = BUF_INIT;

    assert_int_equal(with_authors(authors_list(2, 9)), 0);
    assert_int_equal(with_authors(authors_list(16, 99)), 0);
    assert_int_equal(with_authors(authors_list(0, 99)), ERR_MALFORMED);
    assert_int_equal(with_authors(authors_list(17, 99)), ERR_MALFORMED);
    assert_int_equal(with_authors(authors_list(2, 1)), ERR_MALFORMED);
    assert_int_equal(with_authors(authors_list(16, 15)), ERR_MALFORMED);
    cbor_put_array(&b, 1000);
    for (int i = 0; i < 1000; i++)
        cbor_put_bytes(&b, people[0].b, ID_BYTES);
    assert_int_equal(with_authors(b), ERR_MALFORMED);

    c.authors[0] = c.authors[1];
    c.authors[1] = swap;
    b = (struct buf)BUF_INIT;
    assert_int_equal(course_encode(&c, &b, NULL), ERR_INVALID);
    c.authors[1] = c.authors[0];
    assert_int_equal(course_encode(&c, &b, NULL), ERR_INVALID);
    c = of(1, 1);
    memset(&c.authors[0], 0, sizeof c.authors[0]);
    assert_int_equal(course_encode(&c, &b, NULL), ERR_INVALID);
    c = of(0, 0);
    assert_int_equal(course_encode(&c, &b, NULL), ERR_INVALID);
    c = of(17, 1);
    assert_int_equal(course_encode(&c, &b, NULL), ERR_INVALID);
    assert_int_equal(b.len, 0);
}

/* Numbers that wrap in a shorter type are out of range, not small. */
TEST(course, odd_numbers)
{
    struct course_payload c = of(3, 2);
    struct buf good = encoded(&c);

    for (size_t i = 0; i < KIT_ODD_NUMBERS; i++) {
        uint64_t v = kit_odd_numbers[i];
        struct buf bent = kit_with_number(buf_span(&good), 11, v);

        assert_int_equal(decode_of(&bent), ERR_MALFORMED);
        bent = kit_with_number(buf_span(&good), 1, v);
        assert_int_equal(decode_of(&bent),
                         v < UINT64_C(1) << 48 ? 0 : ERR_MALFORMED);
    }
    buf_deinit(&good);
}

/* Without one of the fields that must be there, cut short, or with one of
 * another shape, it is none; a key from the future is passed over. */
TEST(course, shape)
{
    static const uint64_t required[] = {1, 5, 10, 11, 12};
    struct course_payload c = of(3, 2);
    struct course_payload out;
    struct buf good = encoded(&c);
    struct buf bent = BUF_INIT;

    for (size_t i = 0; i < sizeof required / sizeof required[0]; i++) {
        bent = kit_with(buf_span(&good), required[i], kit_text(""));
        assert_int_equal(decode_of(&bent), ERR_MALFORMED);
        bent = kit_with(buf_span(&good), required[i], kit_text("\xf6"));
        assert_int_equal(decode_of(&bent), ERR_MALFORMED);
        bent = kit_with(buf_span(&good), required[i], kit_text("\x81\x01"));
        assert_int_equal(decode_of(&bent), ERR_MALFORMED);
    }
    for (size_t n = 0; n < good.len; n++)
        assert_int_equal(course_decode((struct span){good.base, n}, &out, NULL),
                         ERR_MALFORMED);
    good.base[0]++; /* one more pair */
    assert_int_equal(buf_append(&good, "\x18\x64\x81\x63new", 7), 0);
    assert_int_equal(course_decode(buf_span(&good), &out, NULL), 0);
    assert_int_equal(out.author_count, 3);
    buf_deinit(&good);
}

/* Only who is named may speak. */
TEST(course, has_author)
{
    struct course_payload c = of(3, 2);

    for (size_t i = 0; i < PEOPLE; i++)
        assert_int_equal(course_has_author(&c, &people[i]), i < 3);
}

/* Whatever may be written comes back as it was, and again as the same bytes. */
TEST(course, random_round_trips)
{
    uint64_t rng = 20260101;

    setup();
    for (int round = 0; round < 300; round++) {
        char title[4 * 200];
        uint32_t n = 1 + (uint32_t)(kit_next(&rng) % 16);
        struct course_payload c = of(n, 1 + (uint32_t)(kit_next(&rng) % n));
        struct course_payload out;
        struct buf first;
        struct buf second;

        c.time_ms = kit_next(&rng) >> (16 + kit_next(&rng) % 48);
        c.title = kit_random_text(&rng, 200, title);
        c.has_recovery = kit_next(&rng) % 2 == 0;
        if (c.has_recovery)
            memset(c.recovery_hash, round, sizeof c.recovery_hash);
        first = encoded(&c);
        assert_int_equal(course_decode(buf_span(&first), &out, NULL), 0);
        assert_int_equal(out.author_count, n);
        assert_int_equal(out.threshold, c.threshold);
        assert_true(out.time_ms == c.time_ms && span_eq(out.title, c.title));
        assert_int_equal(out.has_recovery, c.has_recovery);
        second = encoded(&out);
        assert_true(span_eq(buf_span(&first), buf_span(&second)));
        buf_deinit(&first);
        buf_deinit(&second);
    }
}
