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

/* One that does not answer for what was cancelled has no room for more, and so
 * is no better source than one that is slow: that one is asked. */
TEST(core_ask, silent_about_cancelled)
{
    struct kit k;
    struct kit_course co;
    struct conn *p;

    kit_init(&k);
    k.config.limits.window_start_bytes = 4 * LEN;
    kit_course_init(&co, 1, 40, LEN);
    kit_start(&k);
    kit_learner(&k, &co, NULL);
    kit_seeder(&k, 2, &co);
    assert_true(kit_asked(&k, 2, asked, ASKED) >= 4);
    kit_give(&k, &asked[0], LEN, STORE_OK);
    kit_give(&k, &asked[1], LEN, STORE_OK);
    p = peer__find(k.c, 2);
    for (size_t i = 0; i < p->req_count; i++)
        request__give_up(k.c, p, i);
    kit_peer(&k, 1);
    peer__find(k.c, 1)->snubbed = true;
    peer__find(k.c, 1)->probe_ms = UINT64_MAX;
    kit_answer(&k, 1, &co);
    kit_have_all(&k, 1, &co);
    assert_int_equal(kit_asked(&k, 1, asked, ASKED), 0);
    kit_wait(&k, 11000);
    assert_int_equal(kit_asked(&k, 1, asked, ASKED), 1);
    end(&k, &co);
}

/* One request at a time is one, in the end game too. */
TEST(core_ask, one_at_a_time)
{
    struct kit k;
    struct kit_course co;
    size_t n;

    kit_init(&k);
    k.config.limits.requests_max = 1;
    kit_course_init(&co, 1, 4, LEN);
    kit_start(&k);
    kit_learner(&k, &co, NULL);
    for (uint8_t i = 1; i <= 4; i++)
        kit_seeder(&k, i, &co);
    n = kit_asked(&k, 0, asked, ASKED);
    assert_int_equal(n, 4);
    kit_wait(&k, 600);
    kit_give(&k, &asked[0], LEN, STORE_OK);
    n = kit_asked(&k, asked[0].conn, asked, ASKED);
    assert_int_equal(n, 1); /* of the three that others are slow with */
    end(&k, &co);
}
