/* test_core_ask: how much is asked of a peer at a time. */
#include "tests/lib/core_kit.h"

#define LEN 1000u
#define ASKED 8192

static struct kit_asked asked[ASKED];

static void end(struct kit *k, struct kit_course *co)
{
    kit_deinit(k);
    kit_course_deinit(co);
}

/* The window starts at 256 KiB, grows with what comes, and is bounded. */
TEST(core_ask, window)
{
    uint64_t owed = 0;
    struct kit k;
    struct kit_course co;
    size_t at = 0;
    size_t n;

    kit_init(&k);
    kit_course_init(&co, 1, 3000, 65536);
    kit_start(&k);
    kit_learner(&k, &co, NULL);
    kit_seeder(&k, 1, &co);
    assert_int_equal(core_owed_bytes(k.c, 1), 4 * (65536 + MSG_CHUNK_HEAD));
    n = kit_asked(&k, 1, asked, ASKED);
    for (int i = 0; i < 1500; i++) { /* 64 MiB/s at 1 ms a chunk */
        assert_true(at < n);
        k.now_ms++;
        kit_give(&k, &asked[at++], 65536, STORE_OK);
        n += kit_asked(&k, 1, asked + n, ASKED - n);
        if (core_owed_bytes(k.c, 1) > owed)
            owed = core_owed_bytes(k.c, 1);
    }
    assert_in_range(owed, 3 * 1024 * 1024, 4 * 1024 * 1024 + 65536 + 1000);
    end(&k, &co);
}

/* At 20 kB/s nobody is asked for more than seconds of it. */
TEST(core_ask, window_of_the_slow)
{
    struct kit k;
    struct kit_course co;
    size_t at = 0;
    size_t n = 0;

    kit_init(&k);
    kit_course_init(&co, 1, 400, 20000);
    kit_start(&k);
    kit_learner(&k, &co, NULL);
    kit_seeder(&k, 1, &co);
    for (int i = 0; i < 60; i++) {
        n += kit_asked(&k, 1, asked + n, ASKED - n);
        assert_true(at < n);
        kit_wait(&k, 1000);
        kit_give(&k, &asked[at++], 20000, STORE_OK);
    }
    assert_true(core_owed_bytes(k.c, 1) <= 256 * 1024 + 20000 + 100);
    assert_int_equal(kit_banned(&k, 1), 0);
    end(&k, &co);
}

/* Asked and not stored: 16 MiB over all peers, however many there are. */
TEST(core_ask, unstored)
{
    uint64_t owed = 0;
    struct kit k;
    struct kit_course co;

    kit_init(&k);
    k.config.limits.window_start_bytes = 4 * 1024 * 1024;
    kit_course_init(&co, 1, 3000, 65536);
    kit_start(&k);
    kit_learner(&k, &co, NULL);
    for (uint8_t i = 1; i <= 10; i++)
        kit_seeder(&k, i, &co);
    for (uint8_t i = 1; i <= 10; i++)
        owed += core_owed_bytes(k.c, i);
    assert_in_range(owed, 16 * 1024 * 1024, 16 * 1024 * 1024 + 65536 * 2);
    end(&k, &co);
}

/* Half a million slots: loaded, picked and completed in reasonable time. */
TEST(core_ask, very_many_slots)
{
    struct kit k;
    struct kit_course co;
    size_t n;

    kit_init(&k);
    kit_course_init(&co, 1, 524288, 100);
    kit_start(&k);
    kit_learner(&k, &co, NULL);
    for (uint8_t i = 1; i <= 3; i++) {
        kit_peer(&k, i);
        kit_answer(&k, i, &co);
    }
    assert_int_equal(kit_sent(&k, 1, MSG_HAVE)->u.have.slots, 524288);
    kit_have(&k, 1, &co, 524288 - 4096, 4096);
    n = kit_asked(&k, 1, asked, ASKED);
    assert_true(n >= REQS_MAX);
    assert_in_range(asked[0].slot, 524288 - 4096, 524287);
    end(&k, &co);
}
