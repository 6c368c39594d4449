/* test_picker: the choice of the next slot, on swarms made by hand. */
#include "tests/lib/core_kit.h"

#define LEN 100u

struct world {
    struct kit k;
    struct kit_course co;
    struct swarm *s;
};

static void begin(struct world *w, uint32_t slots)
{
    kit_init(&w->k);
    /* Room for one slot: the tests pick, not the core. */
    w->k.config.limits.window_start_bytes = 1;
    kit_course_init(&w->co, 1, slots, LEN);
    kit_start(&w->k);
    kit_learner(&w->k, &w->co, NULL);
    w->s = swarm__by_edition(w->k.c, &w->co.edition);
    assert_non_null(w->s);
}

static void end(struct world *w)
{
    kit_deinit(&w->k);
    kit_course_deinit(&w->co);
}

static struct part *join(struct world *w, uint8_t n)
{
    struct conn *p;
    struct part *t;

    kit_peer(&w->k, n);
    p = peer__find(w->k.c, n);
    t = swarm__join(w->k.c, w->s, p);
    assert_non_null(t);
    t->heard = true;
    return t;
}

/* Picks one, and marks it as asked. */
static uint32_t pick(struct world *w, struct part *t)
{
    uint32_t slot = NONE;

    if (picker__next(w->k.c, t, false, &slot))
        swarm__hold(w->s, slot);
    return slot;
}

static void put_all_back(struct world *w)
{
    for (uint32_t i = 0; i < w->s->table->count; i++)
        while (w->s->copies[i] != 0)
            swarm__release(w->k.c, w->s, i);
}

/* Every slot once, blobs first, then in runs of an extent. */
TEST(picker, each_once)
{
    static bool seen[1000];
    struct world w;
    struct part *t;
    uint32_t jumps = 0;
    uint32_t last = NONE;

    memset(seen, 0, sizeof seen);
    begin(&w, 1000);
    t = join(&w, 1);
    swarm__part_all(w.s, t);
    for (uint32_t i = 0; i < 1000; i++) {
        uint32_t slot = pick(&w, t);

        assert_true(slot < 1000);
        assert_false(seen[slot]);
        seen[slot] = true;
        if (i < KIT_BLOBS)
            assert_int_equal(slot, i);
        jumps += slot != last + 1;
        last = slot;
    }
    assert_int_equal(pick(&w, t), NONE);
    assert_in_range(jumps, 10, 36); /* 16 extents, each in two runs at most */
    put_all_back(&w);
    end(&w);
}

/* Nothing that the peer lacks, or that is held. */
TEST(picker, only_what_helps)
{
    bool seen[10] = {false};
    struct world w;
    struct part *t;

    begin(&w, 1000);
    t = join(&w, 1);
    for (uint32_t i = 100; i < 110; i++)
        swarm__part_add(w.s, t, i);
    swarm__set_have(w.k.c, w.s, 104);
    seen[4] = true;
    for (uint32_t i = 0; i < 9; i++) {
        uint32_t slot = pick(&w, t);

        assert_in_range(slot, 100, 109);
        assert_false(seen[slot - 100]);
        seen[slot - 100] = true;
    }
    assert_int_equal(pick(&w, t), NONE);
    put_all_back(&w);
    end(&w);
}

/* The extent with the slot that fewest have. */
TEST(picker, rarest)
{
    struct part *t[5];
    struct world w;

    begin(&w, 640);
    for (uint8_t n = 0; n < 5; n++) {
        t[n] = join(&w, (uint8_t)(n + 1));
        for (uint32_t i = KIT_BLOBS; i < 640; i++)
            if (i / EXTENT != 4 || n < 2)
                swarm__part_add(w.s, t[n], i);
    }
    assert_int_equal(pick(&w, t[0]) / EXTENT, 4);
    assert_int_not_equal(pick(&w, t[3]) / EXTENT, 4);
    put_all_back(&w);
    end(&w);
}

/* One peer's word moves the count by one, however loud it is. */
TEST(picker, one_claim)
{
    struct part *liar;
    struct part *t;
    struct world w;

    begin(&w, 640);
    liar = join(&w, 1);
    t = join(&w, 2);
    for (int i = 0; i < 10; i++) {
        swarm__part_add(w.s, liar, 300);
        kit_have(&w.k, 1, &w.co, 296, 8);
    }
    swarm__part_add(w.s, t, 300);
    assert_int_equal(w.s->avail[300], 2);
    assert_int_equal(swarm__sources(w.s, 300), 2);
    put_all_back(&w);
    end(&w);
}

/* A lone pick takes only what no trusted peer offers. */
TEST(picker, lone)
{
    struct part *bad;
    struct part *good;
    struct world w;
    uint32_t slot;

    begin(&w, 640);
    bad = join(&w, 1);
    good = join(&w, 2);
    swarm__part_all(w.s, bad);
    for (uint32_t i = 0; i < 640; i++)
        if (i != 77)
            swarm__part_add(w.s, good, i);
    bad->distrusted = true;
    assert_true(picker__next(w.k.c, bad, true, &slot));
    assert_int_equal(slot, 77);
    swarm__hold(w.s, 77);
    assert_false(picker__next(w.k.c, bad, true, &slot));
    good->conn->snubbed = true; /* no better than the other */
    assert_true(picker__next(w.k.c, bad, true, &slot));
    put_all_back(&w);
    end(&w);
}

/* Deadline mode: the range in order; a slow peer leaves the next few. */
TEST(picker, urgent)
{
    struct part *fast;
    struct part *slow;
    struct world w;

    begin(&w, 1000);
    fast = join(&w, 1);
    slow = join(&w, 2);
    swarm__part_all(w.s, fast);
    swarm__part_all(w.s, slow);
    fast->conn->rate_bps = w.k.c->best_rate_bps = 1000000;
    slow->conn->rate_bps = 100000;
    w.s->priority_first = 600;
    w.s->priority_count = 100;
    assert_int_equal(pick(&w, slow), 616);
    assert_int_equal(pick(&w, fast), 600);
    assert_int_equal(pick(&w, fast), 601);
    swarm__set_have(w.k.c, w.s, 600);
    swarm__set_have(w.k.c, w.s, 601);
    assert_int_equal(pick(&w, fast), 602);
    assert_int_equal(w.s->priority_first, 602);
    assert_int_equal(w.s->priority_count, 98);
    for (uint32_t i = 0; i < 96; i++)
        (void)pick(&w, fast);
    assert_int_equal(pick(&w, fast), 0); /* the range is on its way */
    put_all_back(&w);
    end(&w);
}

/* Being read: nothing but the range. What no faster peer has is for a slow one
 * after all. */
TEST(picker, urgent_alone)
{
    struct part *fast;
    struct part *slow;
    struct world w;

    begin(&w, 1000);
    w.s->listing = true;
    fast = join(&w, 1);
    slow = join(&w, 2);
    for (uint32_t i = 0; i < 605; i++)
        swarm__part_add(w.s, fast, i);
    swarm__part_all(w.s, slow);
    for (uint32_t i = 0; i < swarm__blobs(w.s); i++)
        swarm__set_have(w.k.c, w.s, i);
    fast->conn->rate_bps = w.k.c->best_rate_bps = 1000000;
    slow->conn->rate_bps = 100000;
    w.s->priority_first = 602;
    w.s->priority_count = 6;
    for (uint32_t i = 0; i < 3; i++)
        assert_int_equal(pick(&w, slow), 605 + i);
    assert_int_equal(pick(&w, slow), NONE);
    for (uint32_t i = 0; i < 3; i++)
        assert_int_equal(pick(&w, fast), 602 + i);
    assert_int_equal(pick(&w, fast), NONE);
    put_all_back(&w);
    end(&w);
}

/* What somebody is late with is for the next peer, not for the same key. */
TEST(picker, late)
{
    struct kit_asked a[8];
    struct part *t;
    struct world w;
    uint32_t slot;

    begin(&w, 8);
    kit_seeder(&w.k, 1, &w.co);
    assert_int_equal(kit_asked(&w.k, 1, a, 8), 1);
    kit_up_at(&w.k, 11, 1, false, SCOPE_PUBLIC, "8.8.4.1:6000");
    kit_hello(&w.k, 11, 5000);
    t = swarm__join(w.k.c, w.s, peer__find(w.k.c, 11));
    swarm__part_all(w.s, t);
    kit_wait(&w.k, 3000);
    assert_int_equal(w.s->copies[a[0].slot], 0);
    assert_int_equal(w.k.c->overdue_count, 1);
    for (uint32_t i = 0; i < 8; i++)
        if (i != a[0].slot)
            swarm__set_have(w.k.c, w.s, i);
    assert_false(picker__next(w.k.c, t, false, &slot));
    t = join(&w, 2);
    swarm__part_all(w.s, t);
    assert_true(picker__next(w.k.c, t, false, &slot));
    assert_int_equal(slot, a[0].slot);
    end(&w);
}

/* With very many extents a sample is compared, and still all is found. */
TEST(picker, many_extents)
{
    static bool seen[100000];
    struct world w;
    struct part *t;
    struct part *o;

    memset(seen, 0, sizeof seen);
    begin(&w, 100000);
    t = join(&w, 1);
    o = join(&w, 2);
    swarm__part_all(w.s, t);
    swarm__part_add(w.s, o, 5000);
    for (uint32_t i = 0; i < 100000; i++) {
        uint32_t slot = pick(&w, t);

        assert_true(slot < 100000 && !seen[slot]);
        seen[slot] = true;
    }
    put_all_back(&w);
    end(&w);
}
