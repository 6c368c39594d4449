/* test_core_swarm: several peers at once: who is asked for what, and what
 * happens to those who do not keep their word. */
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

static void answer(struct kit *k, const struct kit_asked *a)
{
    const struct core_effect *fx;

    kit_chunk(k, a->conn, a->request, LEN);
    fx = kit_find(k, FX_STORE);
    if (fx != NULL)
        kit_stored(k, fx, STORE_OK);
}

/* What waits in the long queue of a slow seeder is asked of a neighbour as soon
 * as that has it, and the seeder need not send it. */
TEST(core_swarm, from_a_long_queue)
{
    struct kit k;
    struct kit_course co;
    struct kit_asked slow[64];
    struct kit_asked quick[64];
    uint32_t from;
    size_t n;

    begin(&k, &co, 60);
    kit_seeder(&k, 1, &co);
    n = kit_asked(&k, 1, slow, 64);
    assert_int_equal(n, 60);
    for (size_t i = 0; i < 4; i++) { /* a chunk in a tenth of a second */
        kit_wait(&k, 100);
        kit_give(&k, &slow[i], LEN, STORE_OK);
    }
    kit_peer(&k, 2);
    kit_answer(&k, 2, &co);
    /* All of them asked of the seeder, behind what is on its way by now. */
    from = slow[40].slot / 8 * 8;
    kit_have(&k, 2, &co, from, 8);
    n = kit_asked(&k, 2, quick, 64);
    assert_in_range(n, 4, 8);
    for (size_t i = 0; i < n; i++)
        assert_in_range(quick[i].slot, from, from + 7);
    assert_non_null(kit_sent(&k, 1, MSG_CANCEL));
    end(&k, &co);
}

/* A bad chunk: this key and no other, for a day; its requests go elsewhere. */
TEST(core_swarm, bad_chunk)
{
    struct kit k;
    struct kit_course co;
    size_t n;

    begin(&k, &co, 200);
    kit_seeder(&k, 1, &co);
    n = kit_asked(&k, 1, asked, ASKED);
    kit_seeder(&k, 2, &co);
    kit_give(&k, &asked[0], LEN, STORE_OK);
    kit_give(&k, &asked[1], LEN, STORE_BAD);
    assert_int_equal(kit_banned(&k, 1), 24 * 3600 * 1000);
    assert_int_equal(kit_banned(&k, 2), 0);
    assert_true(kit_dropped(&k, 1));
    assert_int_equal(core_owed_bytes(k.c, 1), 0);
    assert_true(n > 100);
    (void)kit_serve_all(&k, 1, LEN);
    assert_true(kit_notified(&k, NOTICE_COMPLETE));
    assert_int_equal(kit_progress(&k, &co).rejected_chunks, 1);
    end(&k, &co);
}

/* The first bad one after 64 good ones costs an hour. */
TEST(core_swarm, first_bad_of_many)
{
    struct kit k;
    struct kit_course co;

    begin(&k, &co, 100);
    kit_seeder(&k, 1, &co);
    assert_int_equal(kit_asked(&k, 1, asked, ASKED), 100);
    for (size_t i = 0; i < 64; i++)
        kit_give(&k, &asked[i], LEN, STORE_OK);
    kit_give(&k, &asked[64], LEN, STORE_BAD);
    assert_int_equal(kit_banned(&k, 1), 3600 * 1000);
    end(&k, &co);
}

/* Whoever sends rubbish and hangs up before it is looked at is found out. */
TEST(core_swarm, bad_chunk_and_gone)
{
    const struct core_effect *fx;
    struct kit k;
    struct kit_course co;

    begin(&k, &co, 100);
    kit_seeder(&k, 1, &co);
    (void)kit_asked(&k, 1, asked, ASKED);
    kit_chunk(&k, 1, asked[0].request, LEN);
    fx = kit_want(&k, FX_STORE);
    kit_down(&k, 1);
    kit_stored(&k, fx, STORE_BAD);
    assert_int_equal(kit_banned(&k, 1), 24 * 3600 * 1000);
    end(&k, &co);
}

/* A chunk of another length is not what its name says either. */
TEST(core_swarm, wrong_length)
{
    struct kit k;
    struct kit_course co;

    begin(&k, &co, 100);
    kit_seeder(&k, 1, &co);
    (void)kit_asked(&k, 1, asked, ASKED);
    kit_chunk(&k, 1, asked[0].request, LEN - 1);
    assert_null(kit_find(&k, FX_STORE));
    assert_int_equal(kit_banned(&k, 1), 24 * 3600 * 1000);
    end(&k, &co);
}

/* Answers to nothing: dropped, and with three of them the peer goes. */
TEST(core_swarm, never_asked)
{
    struct kit k;
    struct kit_course co;

    begin(&k, &co, 100);
    kit_seeder(&k, 1, &co);
    (void)kit_asked(&k, 1, asked, ASKED);
    kit_give(&k, &asked[0], LEN, STORE_OK);
    kit_chunk(&k, 1, asked[0].request, LEN); /* a second time */
    assert_null(kit_find(&k, FX_STORE));
    kit_chunk(&k, 1, 5000, LEN);
    assert_int_equal(kit_banned(&k, 1), 0);
    kit_chunk(&k, 1, 5001, LEN);
    assert_int_equal(kit_banned(&k, 1), 600 * 1000);
    end(&k, &co);
}

/* A peer that answers nothing: what it was asked for is asked of the other. */
TEST(core_swarm, staller)
{
    struct kit k;
    struct kit_course co;

    begin(&k, &co, 300);
    kit_seeder(&k, 1, &co);
    kit_seeder(&k, 2, &co);
    for (int second = 0; second < 4; second++) {
        (void)kit_serve_all(&k, 1, LEN);
        kit_wait(&k, 1000);
    }
    assert_true(kit_notified(&k, NOTICE_COMPLETE));
    assert_int_equal(kit_banned(&k, 1), 0); /* silence is not proof */
    end(&k, &co);
}

/* Nine that answer nothing, and one that does. */
TEST(core_swarm, nine_stallers)
{
    uint64_t start;
    struct kit k;
    struct kit_course co;

    begin(&k, &co, 3000);
    for (uint8_t i = 1; i <= 10; i++)
        kit_seeder(&k, i, &co);
    start = k.now_ms;
    while (!kit_notified(&k, NOTICE_COMPLETE) && k.now_ms < start + 60000) {
        size_t n = kit_asked(&k, 0, asked, ASKED);

        for (size_t i = 0; i < n; i++) {
            const struct core_effect *fx;

            if (asked[i].conn != 10)
                continue;
            kit_chunk(&k, 10, asked[i].request, LEN);
            fx = kit_find(&k, FX_STORE);
            if (fx != NULL)
                kit_stored(&k, fx, STORE_OK);
        }
        kit_wait(&k, 50);
    }
    assert_int_equal(kit_progress(&k, &co).slots_have, 3000);
    assert_true(k.now_ms - start < 15000);
    end(&k, &co);
}

/* Few slots and many who answer nothing: each of them is asked for a slot once,
 * so that the honest one has its turn soon. */
TEST(core_swarm, each_staller_once)
{
    uint8_t times[16][8] = {{0}};
    uint64_t start;
    struct kit k;
    struct kit_course co;

    begin(&k, &co, 4);
    start = k.now_ms;
    for (uint8_t i = 1; i <= 9; i++)
        kit_seeder(&k, i, &co);
    while (!kit_notified(&k, NOTICE_COMPLETE) && k.now_ms < start + 60000) {
        size_t n = kit_asked(&k, 0, asked, ASKED);

        for (size_t i = 0; i < n; i++) {
            assert_int_equal(times[asked[i].conn][asked[i].slot]++, 0);
            if (asked[i].conn == 9)
                answer(&k, &asked[i]);
        }
        kit_wait(&k, 50);
    }
    assert_int_equal(kit_progress(&k, &co).slots_have, 4);
    if (k.now_ms - start > 12000)
        fail_msg("%u ms", (unsigned)(k.now_ms - start));
    end(&k, &co);
}

/* A late answer is welcome: never drop what is arriving. */
TEST(core_swarm, late_but_good)
{
    struct kit k;
    struct kit_course co;

    begin(&k, &co, 10);
    kit_seeder(&k, 1, &co);
    assert_int_equal(kit_asked(&k, 1, asked, ASKED), 10);
    kit_have(&k, 1, &co, 0, 8);
    kit_peer(&k, 2);
    kit_answer(&k, 2, &co);
    kit_have_all(&k, 2, &co);
    kit_wait(&k, 5000); /* late at 1, asked of 2 as well */
    for (size_t i = 0; i < 10; i++)
        kit_give(&k, &asked[i], LEN, STORE_OK);
    assert_true(kit_notified(&k, NOTICE_COMPLETE));
    assert_non_null(kit_sent(&k, 2, MSG_CANCEL));
    end(&k, &co);
}

/* Alone it has two minutes. */
TEST(core_swarm, alone_has_time)
{
    struct kit k;
    struct kit_course co;

    begin(&k, &co, 10);
    kit_seeder(&k, 1, &co);
    assert_int_equal(kit_asked(&k, 1, asked, ASKED), 10);
    kit_wait(&k, 119000);
    assert_null(kit_sent(&k, 1, MSG_CANCEL));
    assert_int_equal(kit_asked(&k, 1, asked, ASKED), 0);
    kit_wait(&k, 2000); /* a lost WANT is made good */
    assert_non_null(kit_sent(&k, 1, MSG_CANCEL));
    end(&k, &co);
}

/* Another source appears: patience ends from then on. */
TEST(core_swarm, alone_no_more)
{
    struct kit k;
    struct kit_course co;
    size_t n;

    begin(&k, &co, 10);
    kit_seeder(&k, 1, &co);
    (void)kit_asked(&k, 1, asked, ASKED);
    kit_wait(&k, 20000);
    kit_seeder(&k, 2, &co);
    kit_wait(&k, 300);
    n = kit_asked(&k, 2, asked, ASKED);
    assert_int_equal(n, 10);
    end(&k, &co);
}

/* Half a second: peer 2 answers eight of its requests. */
static void half_second(struct kit *k, size_t *at, size_t *n)
{
    static struct kit_asked to[ASKED];

    *n += kit_asked(k, 2, to + *n, ASKED - *n);
    for (int i = 0; i < 8 && *at < *n; i++)
        answer(k, &to[(*at)++]);
    kit_wait(k, 500);
}

/* Three times late of ten: one probe a minute, as long as others are there. */
TEST(core_swarm, snubbed)
{
    struct kit k;
    struct kit_course co;
    uint32_t probes = 0;
    size_t at = 0;
    size_t n2 = 0;

    kit_init(&k);
    k.config.limits.window_start_bytes = 10 * LEN;
    kit_course_init(&co, 1, 6000, LEN);
    kit_start(&k);
    kit_learner(&k, &co, NULL);
    kit_seeder(&k, 2, &co);
    kit_seeder(&k, 1, &co);
    for (int turn = 0; turn < 4; turn++) {
        size_t n = kit_asked(&k, 1, asked, ASKED);

        for (int i = 0; i < 24; i++) /* late, and then it answers all */
            half_second(&k, &at, &n2);
        for (size_t i = 0; i < n; i++)
            answer(&k, &asked[i]);
    }
    assert_int_equal(kit_asked(&k, 1, asked, ASKED), 0);
    for (int i = 0; i < 360; i++) {
        size_t n = kit_asked(&k, 1, asked, ASKED);

        assert_true(n <= 1);
        probes += (uint32_t)n;
        half_second(&k, &at, &n2);
    }
    assert_in_range(probes, 1, 3);
    end(&k, &co);
}

/* However late an honest peer is, it is not banned for it. */
TEST(core_swarm, slow_is_no_crime)
{
    struct kit k;
    struct kit_course co;
    size_t total = 0;

    begin(&k, &co, 600);
    kit_seeder(&k, 1, &co);
    kit_peer(&k, 2); /* offers it too, so that 1 is late */
    kit_answer(&k, 2, &co);
    for (int i = 0; i < 200 && total < 600; i++) {
        size_t n = kit_asked(&k, 1, asked, ASKED);

        kit_have_all(&k, 2, &co);
        kit_wait(&k, 12000);
        for (size_t a = 0; a < n; a++, total++)
            answer(&k, &asked[a]);
    }
    assert_int_equal(kit_banned(&k, 1) + kit_banned(&k, 2), 0);
    assert_false(kit_dropped(&k, 1));
    assert_true(peer__find(k.c, 1)->known->score > -50);
    end(&k, &co);
}

/* Nothing at all for four minutes, though much is asked: the connection is as
 * good as dead. */
TEST(core_swarm, dead_connection)
{
    struct kit k;
    struct kit_course co;

    begin(&k, &co, 20);
    kit_seeder(&k, 1, &co);
    kit_wait(&k, 235000);
    assert_false(kit_dropped(&k, 1));
    kit_wait(&k, 20000);
    assert_true(kit_dropped(&k, 1));
    assert_int_equal(kit_banned(&k, 1), 0);
    end(&k, &co);
}

static void refuse(struct kit *k, conn_no conn, uint32_t request,
                   uint32_t count, enum refuse_reason why)
{
    struct msg m = {.type = MSG_REFUSE};

    m.u.refuse.request = request;
    m.u.refuse.count = count;
    m.u.refuse.reason = why;
    kit_say(k, conn, &m);
}

/* "Busy": others are asked, this one not for a second, and then for less. */
TEST(core_swarm, busy)
{
    struct kit k;
    struct kit_course co;
    size_t n;

    begin(&k, &co, 600);
    kit_seeder(&k, 1, &co);
    n = kit_asked(&k, 1, asked, ASKED);
    assert_int_equal(n, 263); /* 256 KiB and no more */
    refuse(&k, 1, asked[0].request, (uint32_t)n, REFUSE_BUSY);
    assert_int_equal(core_owed_bytes(k.c, 1), 0);
    assert_int_equal(kit_asked(&k, 1, asked, ASKED), 0);
    kit_wait(&k, 900);
    assert_int_equal(kit_asked(&k, 1, asked, ASKED), 0);
    kit_wait(&k, 300);
    n = kit_asked(&k, 1, asked, ASKED);
    assert_in_range(n, 100, 140);
    refuse(&k, 1, asked[0].request, (uint32_t)n, REFUSE_BUSY);
    kit_wait(&k, 1500); /* twice as long now */
    assert_int_equal(kit_asked(&k, 1, asked, ASKED), 0);
    kit_wait(&k, 700);
    assert_true(kit_asked(&k, 1, asked, ASKED) > 10);
    assert_int_equal(kit_banned(&k, 1), 0);
    end(&k, &co);
}

/* "Not here": that slot is not asked of it again; the others are. */
TEST(core_swarm, not_here)
{
    struct kit k;
    struct kit_course co;

    begin(&k, &co, 20);
    kit_seeder(&k, 1, &co);
    assert_int_equal(kit_asked(&k, 1, asked, ASKED), 20);
    refuse(&k, 1, asked[5].request, 1, REFUSE_NOT_HERE);
    for (size_t i = 0; i < 20; i++)
        if (i != 5)
            kit_give(&k, &asked[i], LEN, STORE_OK);
    kit_wait(&k, 5000);
    assert_int_equal(kit_asked(&k, 1, asked, ASKED), 0);
    assert_true(kit_notified(&k, NOTICE_NO_SOURCE));
    kit_seeder(&k, 2, &co);
    assert_int_equal(kit_serve_all(&k, 1, LEN), 1);
    assert_true(kit_notified(&k, NOTICE_COMPLETE));
    end(&k, &co);
}

/* It refuses more than one of twenty: asked only for what nobody else offers.
 */
TEST(core_swarm, liar)
{
    struct kit k;
    struct kit_course co;
    size_t n;

    begin(&k, &co, 1000);
    kit_seeder(&k, 1, &co);
    n = kit_asked(&k, 1, asked, ASKED);
    assert_true(n >= 64);
    kit_seeder(&k, 2, &co);
    for (size_t i = 0; i < 64; i++) {
        if (i % 10 == 0)
            refuse(&k, 1, asked[i].request, 1, REFUSE_NOT_HERE);
        else
            kit_give(&k, &asked[i], LEN, STORE_OK);
    }
    for (size_t i = 64; i < n; i++)
        kit_give(&k, &asked[i], LEN, STORE_OK);
    (void)kit_asked(&k, 1, asked, ASKED);
    kit_wait(&k, 1000);
    assert_int_equal(kit_asked(&k, 1, asked, ASKED), 0);
    (void)kit_serve_all(&k, 1, LEN);
    assert_true(kit_notified(&k, NOTICE_COMPLETE));
    end(&k, &co);
}

/* Who promised and refused is asked last, whoever's turn it is: what is left at
 * the end does not go from liar to liar. */
TEST(core_swarm, breaks_its_word)
{
    for (uint8_t turns = 0; turns < 4; turns++) {
        struct kit k;
        struct kit_course co;
        size_t n;

        begin(&k, &co, 8);
        kit_seeder(&k, 1, &co);
        n = kit_asked(&k, 1, asked, ASKED);
        assert_int_equal(n, 8);
        for (size_t i = 0; i < 6; i++)
            kit_give(&k, &asked[i], LEN, STORE_OK);
        refuse(&k, 1, asked[6].request, 2, REFUSE_NOT_HERE);
        kit_seeder(&k, 2, &co);
        assert_int_equal(kit_asked(&k, 2, asked, ASKED), 2);
        kit_have_all(&k, 1, &co); /* it promises again */
        kit_seeder(&k, 3, &co);
        for (uint8_t i = 0; i < turns; i++) {
            kit_peer(&k, 10 + i);
            kit_down(&k, 10 + i);
        }
        assert_int_equal(kit_asked(&k, 1, asked + 2, ASKED - 2), 0);
        refuse(&k, 2, asked[0].request, 2, REFUSE_BUSY);
        assert_int_equal(kit_asked(&k, 1, asked, ASKED), 0);
        assert_int_equal(kit_asked(&k, 3, asked, ASKED), 2);
        end(&k, &co);
    }
}

/* A window over slots that do not exist, or a wrong count: refused. */
TEST(core_swarm, wrong_count)
{
    struct msg m = {.type = MSG_HAVE};
    struct kit k;
    struct kit_course co;

    begin(&k, &co, 100);
    kit_peer(&k, 1);
    kit_answer(&k, 1, &co);
    m.u.have.edition = co.edition;
    m.u.have.slots = 101;
    m.u.have.all = true;
    kit_say(&k, 1, &m);
    assert_int_equal(kit_banned(&k, 1), 3600 * 1000);
    kit_peer(&k, 2);
    kit_answer(&k, 2, &co);
    m.u.have.slots = KIT_BLOBS; /* all of the blobs is all it knows of */
    kit_say(&k, 2, &m);
    assert_int_equal(kit_banned(&k, 2), 0);
    assert_int_equal(kit_asked(&k, 2, asked, ASKED), KIT_BLOBS);
    end(&k, &co);
}

/* Who counted wrongly is found when the manifest comes. "All" that was said of
 * the blobs stays with the blobs. */
TEST(core_swarm, counted_before_manifest)
{
    struct msg m = {.type = MSG_HAVE};
    struct kit k;
    struct kit_course co;

    kit_init(&k);
    kit_course_init(&co, 1, 50, LEN);
    kit_start(&k);
    kit_fetch(&k, &co);
    kit_course(&k, &co);
    kit_edition(&k, &co, false, NULL, false);
    for (uint8_t i = 1; i <= 3; i++) {
        kit_peer(&k, i);
        kit_answer(&k, i, &co);
    }
    m.u.have.edition = co.edition;
    m.u.have.all = true;
    m.u.have.slots = 51;
    kit_say(&k, 1, &m);
    m.u.have.slots = KIT_BLOBS;
    kit_say(&k, 2, &m);
    m.u.have.slots = 50;
    m.u.have.all = false;
    m.u.have.windows[0] = (struct msg_window){8, 8, (const uint8_t[]){0xff}};
    m.u.have.count = 1;
    kit_say(&k, 3, &m);
    assert_int_equal(kit_serve_all(&k, 0, LEN), KIT_BLOBS);
    kit_edition_for(&k, kit_want(&k, FX_LOAD_MANIFEST)->u.load_manifest.token,
                    &co, true, (const uint8_t[]){0xc0, 0, 0, 0, 0, 0, 0},
                    false);
    assert_int_equal(kit_banned(&k, 1), 3600 * 1000);
    assert_int_equal(kit_asked(&k, 2, asked, ASKED), 0);
    assert_int_equal(kit_asked(&k, 3, asked, ASKED), 8);
    end(&k, &co);
}

/* The last slots lie with a slow peer: an idle one is asked for them too, and
 * whoever is second hears that it need not. */
TEST(core_swarm, end_game)
{
    struct kit k;
    struct kit_course co;
    struct kit_asked slow[64];
    size_t n;
    size_t twice;

    begin(&k, &co, 40);
    kit_seeder(&k, 1, &co);
    n = kit_asked(&k, 1, slow, 64);
    assert_int_equal(n, 40);
    kit_seeder(&k, 2, &co);
    assert_int_equal(kit_asked(&k, 2, asked, ASKED), 0); /* too early */
    kit_wait(&k, 2100);
    twice = kit_asked(&k, 2, asked, ASKED);
    assert_true(twice > 0);
    kit_give(&k, &asked[0], LEN, STORE_OK);
    assert_non_null(kit_sent(&k, 1, MSG_CANCEL));
    end(&k, &co);
}

/* A peer leaves: what it was asked for is asked of another at once. */
TEST(core_swarm, peer_leaves)
{
    struct kit k;
    struct kit_course co;

    begin(&k, &co, 100);
    kit_seeder(&k, 1, &co);
    assert_int_equal(kit_asked(&k, 1, asked, ASKED), 100);
    kit_seeder(&k, 2, &co);
    assert_int_equal(kit_asked(&k, 2, asked, ASKED), 0);
    kit_down(&k, 1);
    assert_int_equal(kit_asked(&k, 2, asked, ASKED), 100);
    end(&k, &co);
}

/* What is stored is told to those who lack it: in batches, not to seeders. */
TEST(core_swarm, news)
{
    const struct msg *m;
    struct kit k;
    struct kit_course co;
    size_t n;

    begin(&k, &co, 400);
    kit_seeder(&k, 1, &co);
    kit_peer(&k, 2);
    kit_answer(&k, 2, &co);
    kit_have(&k, 2, &co, 0, 8);
    while (kit_sent(&k, 1, MSG_HAVE) != NULL || kit_sent(&k, 2, MSG_HAVE))
        ;
    n = kit_asked(&k, 1, asked, ASKED);
    for (size_t i = 0; i < 10; i++)
        kit_give(&k, &asked[i], LEN, STORE_OK);
    assert_null(kit_sent(&k, 2, MSG_HAVE));
    kit_wait(&k, 400);
    m = kit_must_send(&k, 2, MSG_HAVE);
    assert_int_equal(m->u.have.slots, 400);
    for (size_t i = 0; i < 10; i++) {
        bool told = false;

        for (size_t w = 0; w < m->u.have.count; w++) {
            const struct msg_window *x = &m->u.have.windows[w];
            uint32_t at = asked[i].slot - x->first;

            told |= at < x->bit_count &&
                    (x->bits[at / 8] & (0x80u >> (at % 8))) != 0;
        }
        assert_true(told);
    }
    for (size_t i = 10; i < n && i < 10 + HAVE_BATCH; i++)
        kit_give(&k, &asked[i], LEN, STORE_OK);
    assert_non_null(kit_sent(&k, 2, MSG_HAVE)); /* 64: at once */
    assert_null(kit_sent(&k, 1, MSG_HAVE));
    end(&k, &co);
}
