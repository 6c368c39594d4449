/* test_core_picker: which slots a core asks its peers for first, and in which
 * order. */
#include "tests/lib/core_kit.h"

#define LEN 1000u
#define ASKED 8192

static struct kit_asked asked[ASKED];

static void begin(struct kit *k, struct kit_course *co, uint32_t slots)
{
    kit_init(k);
    kit_course_init(co, 1, slots, LEN);
    kit_start(k);
    kit_learner(k, co, NULL);
}

static void end(struct kit *k, struct kit_course *co)
{
    kit_deinit(k);
    kit_course_deinit(co);
}

/* No slot is asked twice while there are others, whoever is asked. */
TEST(core_picker, nothing_twice)
{
    static bool seen[600];
    struct kit k;
    struct kit_course co;
    size_t n;

    memset(seen, 0, sizeof seen);
    begin(&k, &co, 600);
    kit_seeder(&k, 1, &co);
    kit_seeder(&k, 2, &co);
    kit_seeder(&k, 3, &co);
    n = kit_asked(&k, 0, asked, ASKED);
    assert_int_equal(n, 600);
    for (size_t i = 0; i < n; i++) {
        assert_false(seen[asked[i].slot]);
        seen[asked[i].slot] = true;
    }
    end(&k, &co);
}

/* The extent that one peer alone has goes before those that all have. */
TEST(core_picker, rarest_first)
{
    struct kit k;
    struct kit_course co;
    size_t n;

    kit_init(&k);
    k.config.limits.window_start_bytes = 64 * LEN;
    kit_course_init(&co, 1, 640, LEN);
    kit_start(&k);
    kit_learner(&k, &co, NULL);
    for (uint8_t i = 1; i <= 3; i++) {
        kit_peer(&k, i);
        kit_answer(&k, i, &co);
    }
    kit_have(&k, 1, &co, 64, 320);
    kit_have(&k, 2, &co, 64, 320);
    kit_have(&k, 3, &co, 64, 320);
    (void)kit_asked(&k, 0, asked, ASKED);
    kit_have(&k, 3, &co, 384, 64); /* only this one has the seventh extent */
    kit_have(&k, 2, &co, 448, 64);
    kit_have(&k, 3, &co, 448, 64);
    for (uint8_t i = 1; i <= 3; i++) {
        for (size_t r = 1; r <= 64; r++) {
            const struct core_effect *fx;

            kit_chunk(&k, i, (uint32_t)r + 1, LEN);
            fx = kit_find(&k, FX_STORE);
            if (fx != NULL)
                kit_stored(&k, fx, STORE_OK);
        }
        n = kit_asked(&k, i, asked, ASKED);
        assert_true(n >= 8);
        if (i == 3) /* its old extent is done: now the rarest */
            for (size_t a = 0; a < 8; a++)
                assert_in_range(asked[a].slot, 384, 447);
    }
    end(&k, &co);
}

/* Two learners with other seeds begin with other extents. */
TEST(core_picker, learners_diverge)
{
    uint32_t first[4];

    for (uint64_t seed = 0; seed < 4; seed++) {
        struct kit k;
        struct kit_course co;

        kit_init(&k);
        k.config.rng_seed[1] = seed;
        kit_course_init(&co, 1, 6400, LEN);
        kit_start(&k);
        kit_learner(&k, &co, NULL);
        kit_seeder(&k, 1, &co);
        assert_true(kit_asked(&k, 1, asked, ASKED) > KIT_BLOBS);
        assert_int_equal(asked[0].slot, 0); /* blobs first */
        assert_int_equal(asked[1].slot, 1);
        first[seed] = asked[2].slot / 64;
        end(&k, &co);
    }
    assert_false(first[0] == first[1] && first[1] == first[2] &&
                 first[2] == first[3]);
}

/* Those of a small course begin at other places of its one extent. */
TEST(core_picker, learners_diverge_in_an_extent)
{
    uint32_t first[6];
    size_t same = 0;

    for (uint64_t seed = 0; seed < 6; seed++) {
        struct kit k;
        struct kit_course co;

        kit_init(&k);
        k.config.rng_seed[1] = seed;
        kit_course_init(&co, 1, 60, LEN);
        kit_start(&k);
        kit_learner(&k, &co, NULL);
        kit_seeder(&k, 1, &co);
        assert_true(kit_asked(&k, 1, asked, ASKED) > KIT_BLOBS);
        first[seed] = asked[KIT_BLOBS].slot;
        for (uint64_t i = 0; i < seed; i++)
            same += first[i] == first[seed];
        end(&k, &co);
    }
    assert_true(same < 3);
}

/* How many of the slots asked of peer 1 follow the one before. */
static size_t in_a_row(struct kit *k)
{
    size_t n = kit_asked(k, 1, asked, ASKED);
    size_t rows = 0;

    assert_true(n > 50);
    for (size_t i = 1; i < n; i++)
        rows += asked[i].slot == asked[i - 1].slot + 1;
    return rows;
}

/* Of a seeder the slots are asked for one after the other; where there are
 * learners, in an order of this node's own. */
TEST(core_picker, order_in_an_extent)
{
    size_t scattered = 0;

    for (uint64_t seed = 0; seed < 6; seed++) {
        struct kit k;
        struct kit_course co;

        begin(&k, &co, 60);
        kit_seeder(&k, 1, &co);
        assert_true(in_a_row(&k) >= 57);
        end(&k, &co);

        kit_init(&k);
        k.config.rng_seed[1] = seed;
        kit_course_init(&co, 1, 60, LEN);
        kit_start(&k);
        kit_learner(&k, &co, NULL);
        kit_peer(&k, 2);
        kit_answer(&k, 2, &co);
        kit_have(&k, 2, &co, 0, 8);
        (void)kit_asked(&k, 2, asked, ASKED);
        kit_seeder(&k, 1, &co);
        scattered += in_a_row(&k) < 20;
        end(&k, &co);
    }
    assert_true(scattered >= 4);
}

static void prioritise(struct kit *k, const struct kit_course *co,
                       uint32_t first, uint32_t count)
{
    struct core_event ev = {.kind = EV_PRIORITY};

    ev.u.priority.course = co->id;
    ev.u.priority.first = first;
    ev.u.priority.count = count;
    kit_step(k, &ev);
}

/* Deadline mode: these slots first, in their order. */
TEST(core_picker, priority)
{
    struct kit k;
    struct kit_course co;

    begin(&k, &co, 4000);
    prioritise(&k, &co, 1234, 100);
    kit_seeder(&k, 1, &co);
    assert_true(kit_asked(&k, 1, asked, ASKED) > 102);
    for (uint32_t i = 0; i < 100; i++)
        assert_int_equal(asked[i].slot, 1234 + i);
    assert_int_equal(asked[100].slot, 0); /* then the blobs */
    prioritise(&k, &co, 500, 2);
    for (size_t i = 0; i < 60; i++)
        kit_give(&k, &asked[i], LEN, STORE_OK);
    assert_true(kit_asked(&k, 1, asked, ASKED) >= 2);
    assert_int_equal(asked[0].slot, 500);
    assert_int_equal(asked[1].slot, 501);
    prioritise(&k, &co, 0, 0);
    end(&k, &co);
}

/* A range that reaches beyond the last slot, or lies there altogether. */
TEST(core_picker, priority_beyond)
{
    static const uint32_t cases[][2] = {
        {90, 20}, {99, UINT32_MAX}, {100, 1}, {1000, 5}, {UINT32_MAX, 2}};

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct kit k;
        struct kit_course co;

        begin(&k, &co, 100);
        prioritise(&k, &co, cases[i][0], cases[i][1]);
        kit_seeder(&k, 1, &co);
        assert_int_equal(kit_serve_all(&k, 0, LEN), 100);
        assert_true(kit_notified(&k, NOTICE_COMPLETE));
        end(&k, &co);
    }
}
