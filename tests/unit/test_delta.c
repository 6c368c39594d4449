#include "storage/delta.h"

#include "tests/lib/keep.h"

#define LEN 100u

/* A table of the chunks @numbers, 0 ends it. */
static struct chunk_table table(const uint64_t *numbers)
{
    struct chunk_table t = CHUNK_TABLE_INIT;

    while (numbers[t.count] != 0)
        t.count++;
    t.refs = calloc(t.count + 1, sizeof *t.refs);
    assert_non_null(t.refs);
    for (uint32_t i = 0; i < t.count; i++)
        t.refs[i] = keep_make(numbers[i], LEN).ref;
    return t;
}

static struct delta plan(const uint64_t *to, const uint64_t *from,
                         struct store *s, uint8_t *slots)
{
    struct chunk_table a = table(to);
    struct chunk_table b = CHUNK_TABLE_INIT;
    struct delta d = {77, 77};

    if (from != NULL)
        b = table(from);
    assert_int_equal(
        delta_plan(&a, from != NULL ? &b : NULL, s, slots, &d, NULL), 0);
    chunk_table_deinit(&a);
    chunk_table_deinit(&b);
    return d;
}

/* What the other edition has does not come; what comes counts once, in its
 * first slot. */
TEST(delta_plan, editions)
{
    static const uint64_t old[] = {1, 2, 3, 3, 9, 0};
    static const uint64_t new[] = {4, 1, 5, 4, 3, 5, 6, 2, 4, 0};
    static const uint64_t none[] = {0};
    uint8_t slots[2] = {0xff, 0xff};
    struct delta d = plan(new, old, NULL, slots);

    assert_int_equal(d.chunks, 3);
    assert_int_equal(d.stored_bytes, 3 * LEN);
    assert_int_equal(slots[0], 0x80 | 0x20 | 0x02);
    assert_int_equal(slots[1], 0);
    assert_int_equal(plan(new, new, NULL, NULL).chunks, 0);
    assert_int_equal(plan(new, NULL, NULL, NULL).chunks, 6);
    assert_int_equal(plan(new, none, NULL, NULL).chunks, 6);
    assert_int_equal(plan(none, new, NULL, NULL).chunks, 0);
    assert_int_equal(plan(none, NULL, NULL, NULL).stored_bytes, 0);
}

/* What the store holds does not come either. */
TEST(delta_plan, store)
{
    static const uint64_t old[] = {1, 0};
    static const uint64_t new[] = {1, 2, 3, 4, 3, 0};
    struct store *s = keep_open(test_tmpdir());
    uint8_t slots[1];

    keep_put(s, 2, 1, LEN);
    assert_int_equal(plan(new, old, s, slots).chunks, 2);
    assert_int_equal(slots[0], 0x20 | 0x10);
    assert_int_equal(plan(new, NULL, s, slots).chunks, 3);
    keep_put(s, 3, 2, LEN);
    assert_int_equal(plan(new, old, s, slots).chunks, 0);
    assert_int_equal(slots[0], 0);
    assert_int_equal(plan(new, NULL, s, NULL).stored_bytes, LEN);
    store_close(s);
}

/* Against the obvious way, over tables with many repetitions. */
TEST(delta_plan, random)
{
    uint64_t x = 42;

    for (int round = 0; round < 100; round++) {
        uint64_t list[2][65];
        uint32_t expected = 0;

        for (size_t k = 0; k < 2; k++) {
            size_t n;

            x = x * 6364136223846793005u + 1442695040888963407u;
            n = (x >> 33) % 64;
            for (size_t i = 0; i < n; i++) {
                x = x * 6364136223846793005u + 1442695040888963407u;
                list[k][i] = 1 + (x >> 33) % 50;
            }
            list[k][n] = 0;
        }
        for (uint64_t v = 1; v <= 50; v++) {
            bool in[2] = {false, false};

            for (size_t k = 0; k < 2; k++)
                for (size_t i = 0; list[k][i] != 0; i++)
                    in[k] |= list[k][i] == v;
            expected += in[0] && !in[1];
        }
        assert_int_equal(plan(list[0], list[1], NULL, NULL).chunks, expected);
    }
}
