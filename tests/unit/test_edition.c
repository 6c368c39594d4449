#include "crypto/edition.h"

#include "tests/lib/payload_kit.h"

static uint8_t entries[1201 * 40];

static struct edition_payload plain(uint64_t seq)
{
    return (struct edition_payload){.time_ms = 5,
                                    .course = {{9}},
                                    .seq = seq,
                                    .prev = {{8}},
                                    .title = kit_text("T"),
                                    .index_blob = {entries, 40},
                                    .tree_blob = {entries, 40},
                                    .files = 1,
                                    .bytes = 2,
                                    .chunks = 3,
                                    .stored_bytes = 4};
}

static struct buf encoded(const struct edition_payload *p)
{
    struct buf b = BUF_INIT;

    assert_int_equal(edition_encode(p, &b, NULL), 0);
    return b;
}

static int decode_of(struct buf *b)
{
    struct edition_payload out;
    int rc = edition_decode(buf_span(b), &out, NULL);

    buf_deinit(b);
    return rc;
}

static int tried(const struct edition_payload *p)
{
    struct buf b = BUF_INIT;
    int rc = edition_encode(p, &b, NULL);

    if (rc != 0)
        assert_int_equal(b.len, 0);
    buf_deinit(&b);
    return rc;
}

/* Each number up to its limit and none above, written or read. */
TEST(edition, numbers)
{
    static const struct {
        uint64_t key, max;
    } fields[] = {
        {1, (UINT64_C(1) << 48) - 1},
        {3, (UINT64_C(1) << 48) - 1},
        {22, 100000},
        {23, (UINT64_C(1) << 53) - 1},
        {24, 4194304},
        {25, (UINT64_C(1) << 53) - 1},
    };
    struct edition_payload p = plain(2);
    struct buf good = encoded(&p);

    for (size_t f = 0; f < sizeof fields / sizeof fields[0]; f++) {
        uint64_t max = fields[f].max;
        struct buf b = kit_with_number(buf_span(&good), fields[f].key, max);

        assert_int_equal(decode_of(&b), 0);
        b = kit_with_number(buf_span(&good), fields[f].key, max + 1);
        assert_int_equal(decode_of(&b), ERR_MALFORMED);
        for (size_t i = 0; i < KIT_ODD_NUMBERS; i++) {
            uint64_t v = kit_odd_numbers[i];

            b = kit_with_number(buf_span(&good), fields[f].key, v);
            assert_int_equal(decode_of(&b), v <= max ? 0 : ERR_MALFORMED);
        }
        b = kit_with(buf_span(&good), fields[f].key, kit_text("\x20"));
        assert_int_equal(decode_of(&b), ERR_MALFORMED); /* -1 */
    }
    buf_deinit(&good);
    p.seq = 0;
    assert_int_equal(tried(&p), ERR_INVALID);
    p.seq = EDITION_SEQ_MAX + 1;
    assert_int_equal(tried(&p), ERR_INVALID);
    p = plain(2);
    p.files = 100001;
    assert_int_equal(tried(&p), ERR_INVALID);
    p = plain(2);
    p.stored_bytes = UINT64_MAX;
    assert_int_equal(tried(&p), ERR_INVALID);
}

/* The first edition names none before it, every other one does. */
TEST(edition, prev)
{
    struct edition_payload p = plain(2);
    struct buf good = encoded(&p);
    struct buf b = kit_with(buf_span(&good), 4, kit_text(""));

    assert_int_equal(decode_of(&b), ERR_MALFORMED);
    b = kit_with_number(buf_span(&good), 3, 1);
    assert_int_equal(decode_of(&b), ERR_MALFORMED);
    b = kit_with_number(buf_span(&good), 3, 0);
    assert_int_equal(decode_of(&b), ERR_MALFORMED);
    buf_deinit(&good);
    p = plain(1);
    good = encoded(&p);
    b = kit_with_number(buf_span(&good), 3, 2);
    assert_int_equal(decode_of(&b), ERR_MALFORMED);
    assert_int_equal(decode_of(&good), 0);
}

/* Blobs are whole entries, one or more each, 1,200 together. */
TEST(edition, blobs)
{
    static const struct {
        size_t index, tree;
        int rc;
    } cases[] = {
        {40, 40, 0},
        {1199 * 40, 40, 0},
        {40, 1199 * 40, 0},
        {1200 * 40, 40, ERR_INVALID},
        {600 * 40, 601 * 40, ERR_INVALID},
        {0, 40, ERR_INVALID},
        {40, 0, ERR_INVALID},
        {39, 40, ERR_INVALID},
        {41, 40, ERR_INVALID},
        {40, 79, ERR_INVALID},
    };
    struct edition_payload p = plain(2);
    struct buf good = encoded(&p);

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct buf value = BUF_INIT;
        struct buf half;
        struct buf b;

        p.index_blob.len = cases[i].index;
        p.tree_blob.len = cases[i].tree;
        assert_int_equal(tried(&p), cases[i].rc);
        cbor_put_bytes(&value, entries, cases[i].index);
        half = kit_with(buf_span(&good), 20, buf_span(&value));
        buf_deinit(&value);
        cbor_put_bytes(&value, entries, cases[i].tree);
        b = kit_with(buf_span(&half), 21, buf_span(&value));
        buf_deinit(&value);
        buf_deinit(&half);
        assert_int_equal(decode_of(&b), cases[i].rc != 0 ? ERR_MALFORMED : 0);
    }
    buf_deinit(&good);
}

/* Required fields, other shapes, truncation at every byte. */
TEST(edition, shape)
{
    static const uint64_t keys[] = {1, 2, 3, 5, 20, 21, 22, 23, 24, 25};
    struct edition_payload p = plain(2);
    struct edition_payload out;
    struct buf good = encoded(&p);
    struct buf b;

    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        b = kit_with(buf_span(&good), keys[i], kit_text(""));
        assert_int_equal(decode_of(&b), ERR_MALFORMED);
        b = kit_with(buf_span(&good), keys[i], kit_text("\xa0"));
        assert_int_equal(decode_of(&b), ERR_MALFORMED);
        b = kit_with(buf_span(&good), keys[i], kit_text("\xf5"));
        assert_int_equal(decode_of(&b), ERR_MALFORMED);
    }
    b = kit_with(buf_span(&good), 2, kit_text("\x41x"));
    assert_int_equal(decode_of(&b), ERR_MALFORMED);
    for (size_t n = 0; n < good.len; n++)
        assert_int_equal(
            edition_decode((struct span){good.base, n}, &out, NULL),
            ERR_MALFORMED);
    buf_deinit(&good);
}

/* Languages and levels are names, not prose. */
TEST(edition, languages)
{
    static const char *const good[] = {"en", "zh-CN", "zh-Hans-CN", "de-1996",
                                       "x-a-b-c"};
    static const char *const bad[] = {"en_US",
                                      "-en",
                                      "en-",
                                      "en--us",
                                      "toolonglanguage",
                                      "e n",
                                      "\xc3\xa9",
                                      "aaaaaaaa-bbbbbbbb-cccccccc-dddddddd-e"};

    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        struct edition_payload p = plain(1);

        p.language = kit_text(good[i]);
        assert_int_equal(tried(&p), 0);
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct edition_payload p = plain(1);

        p.language = kit_text(bad[i]);
        assert_int_equal(tried(&p), ERR_INVALID);
        p.language = kit_text("");
        p.level = kit_text(bad[i]);
        assert_int_equal(tried(&p), ERR_INVALID);
    }
}

/* The limits of title and lists, in code points; what steers a terminal is
 * refused where one line is wanted. */
TEST(edition, texts)
{
    static char many[4 * 201];
    struct edition_payload p = plain(1);

    for (int i = 0; i < 201; i++)
        memcpy(many + 4 * i, "\xf0\x9f\x93\x98", 4);
    p.title = (struct span){(const uint8_t *)many, 800};
    assert_int_equal(tried(&p), 0);
    p.title.len = 804;
    assert_int_equal(tried(&p), ERR_INVALID);
    p.title = kit_text("a\nb");
    assert_int_equal(tried(&p), ERR_INVALID);
    p.title = kit_text("a\x1b[0m");
    assert_int_equal(tried(&p), ERR_INVALID);
    p.title = kit_text("\xc3\x28");
    assert_int_equal(tried(&p), ERR_INVALID);
    p = plain(1);
    p.summary = kit_text("two\nlines\tand a tab");
    assert_int_equal(tried(&p), 0);
    p.summary = kit_text("\xc2\x9b");
    assert_int_equal(tried(&p), ERR_INVALID);
    p = plain(1);
    p.tag_count = EDITION_LIST_MAX;
    for (size_t i = 0; i < p.tag_count; i++)
        p.tags[i] = (struct span){(const uint8_t *)many, 256};
    assert_int_equal(tried(&p), 0);
    p.tags[31].len = 260;
    assert_int_equal(tried(&p), ERR_INVALID);
    p.tags[31].len = 0;
    assert_int_equal(tried(&p), ERR_INVALID);
    p.tag_count = EDITION_LIST_MAX + 1;
    assert_int_equal(tried(&p), ERR_INVALID);
}

/* A list of none is left out, never written; 33 are none. */
TEST(edition, lists)
{
    struct edition_payload p = plain(1);
    struct buf list = BUF_INIT;
    struct buf good;
    struct buf b;

    p.tags[0] = kit_text("tag");
    p.tag_count = 1;
    good = encoded(&p);
    b = kit_with(buf_span(&good), 8, kit_text("\x80"));
    assert_int_equal(decode_of(&b), ERR_MALFORMED);
    for (uint64_t n = 32; n <= 33; n++) {
        buf_deinit(&list);
        cbor_put_array(&list, n);
        for (uint64_t i = 0; i < n; i++)
            cbor_put_text(&list, "x", 1);
        b = kit_with(buf_span(&good), 8, buf_span(&list));
        assert_int_equal(decode_of(&b), n == 32 ? 0 : ERR_MALFORMED);
    }
    buf_deinit(&list);
    buf_deinit(&good);
}

static size_t random_list(uint64_t *rng, struct span *list, char *words)
{
    size_t n = (size_t)(kit_next(rng) % (EDITION_LIST_MAX + 1));

    for (size_t i = 0; i < n; i++)
        list[i] = kit_random_text(rng, 64, words + i * 256);
    return n;
}

/* Whatever may be written comes back, and again as the same bytes. */
TEST(edition, random_round_trips)
{
    static char text[6][4 * 4000];
    static char words[3][EDITION_LIST_MAX * 256];
    static const char *const levels[] = {"", "beginner", "intermediate",
                                         "advanced"};
    uint64_t rng = 77;

    for (int round = 0; round < 200; round++) {
        struct edition_payload p = plain(1 + kit_next(&rng) % EDITION_SEQ_MAX);
        struct edition_payload out;
        struct buf first;
        struct buf second;

        p.title = kit_random_text(&rng, 200, text[0]);
        if (round % 2 == 0)
            p.summary = kit_random_text(&rng, 4000, text[1]);
        if (round % 3 == 0)
            p.change_note = kit_random_text(&rng, 4000, text[2]);
        if (round % 5 == 0)
            p.licence = kit_random_text(&rng, 200, text[3]);
        p.level = kit_text(levels[kit_next(&rng) % 4]);
        p.language = kit_text(round % 4 == 0 ? "zh-CN" : "");
        p.tag_count = random_list(&rng, p.tags, words[0]);
        p.teach_count = random_list(&rng, p.teaches, words[1]);
        p.require_count = random_list(&rng, p.requires_, words[2]);
        p.index_blob.len = 40 * (size_t)(1 + kit_next(&rng) % 600);
        p.bytes = kit_next(&rng) >> 11;
        first = encoded(&p);
        assert_int_equal(edition_decode(buf_span(&first), &out, NULL), 0);
        assert_true(out.seq == p.seq && out.bytes == p.bytes);
        assert_true(span_eq(out.summary, p.summary));
        assert_int_equal(out.teach_count, p.teach_count);
        second = encoded(&out);
        assert_true(span_eq(buf_span(&first), buf_span(&second)));
        buf_deinit(&first);
        buf_deinit(&second);
    }
}
