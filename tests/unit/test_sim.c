#include "tests/lib/test.h"

#include <stdio.h>
#include <string.h>

#include "crypto/digest.h"
#include "crypto/edition.h"
#include "crypto/key.h"
#include "crypto/record.h"
#include "simulations/dice.h"
#include "simulations/sim.h"
#include "simulations/sim_disk.h"

#define TRIES 20 /* seeds in which a defect must show */

static void begin(void)
{
    assert_int_equal(crypto_init(NULL), 0);
}

static void check(const char *scenario, uint64_t seed, struct sim_result *out)
{
    struct plan p;

    assert_true(plan_named(scenario, seed, &p));
    sim_check(&p, NULL, NULL, out);
}

/* One seed, one trace. */
TEST(sim_check, deterministic)
{
    static const char *const names[] = {"pair", "classroom", "storm"};

    begin();
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        struct sim_result a;
        struct sim_result b;

        check(names[i], 7, &a);
        check(names[i], 7, &b);
        assert_true(a.lines > 10);
        assert_string_equal(a.hash, b.hash);
        assert_true(a.events == b.events);
    }
}

/* Another seed is another run. */
TEST(sim_check, seeds_differ)
{
    struct sim_result a;
    struct sim_result b;

    begin();
    check("pair", 1, &a);
    check("pair", 2, &b);
    assert_string_not_equal(a.hash, b.hash);
}

/* A learner ends with the whole course, each chunk once. */
TEST(sim_check, pair_fetches_each_chunk_once)
{
    struct sim_result r;
    struct plan p;

    begin();
    assert_true(plan_named("pair", 3, &p));
    p.course.chunks = 40;
    sim_check(&p, NULL, NULL, &r);
    assert_null(r.broken);
    assert_true(r.done_ms != 0);
    assert_in_range(r.good_chunks, 42, 46); /* and 2 to 6 of the blobs */
    assert_int_equal(r.bad_chunks, 0);
}

/* Every seed stands for a plan of the table, and all of the table occurs. */
TEST(plan_of_seed, all_scenarios_occur)
{
    const struct scenario *table = plan_scenarios();
    bool seen[32] = {false};
    size_t n = 0;

    for (uint64_t seed = 1; seed <= 1000; seed++) {
        struct plan p;

        plan_of_seed(seed, &p);
        assert_true(p.learners >= 1 && p.seeders >= 1);
        assert_true(p.seeders + p.learners <= 200);
        for (n = 0; table[n].name != NULL; n++)
            seen[n] |= strcmp(table[n].name, p.scenario) == 0;
    }
    for (size_t i = 0; i < n; i++)
        assert_true(seen[i]);
}

/* ---- the checkers can fail --------------------------------------------------
 */

/* @broken must be found by invariant @name in one of a few seeds, and by no
 * other in any. */
static void caught(const char *scenario, enum sim_break broken,
                   const char *name)
{
    bool found = false;

    begin();
    for (uint64_t seed = 1; seed <= TRIES && !found; seed++) {
        struct sim_result r;
        struct plan p;

        assert_true(plan_named(scenario, seed, &p));
        p.broken = broken;
        sim_check(&p, NULL, NULL, &r);
        if (r.broken == NULL)
            continue;
        assert_string_equal(r.broken, name);
        found = true;
    }
    assert_true(found);
}

/* A store that does not check digests. */
TEST(invariants, s1_catches_unchecked_bytes)
{
    caught("garbage", SIM_BREAK_DIGEST, "S1");
}

/* A core that is made to ban an honest peer. */
TEST(invariants, s13_catches_a_wrong_ban)
{
    caught("classroom", SIM_BREAK_FORGE, "S13");
}

/* A driver that says "sent" too soon, so that queues grow without bound. */
TEST(invariants, s10_catches_unbounded_queues)
{
    caught("pair", SIM_BREAK_SENT, "S10");
}

/* A store that never answers. */
TEST(invariants, l1_catches_a_stuck_download)
{
    caught("pair", SIM_BREAK_STORE, "L1");
}

/* A hint to a loopback address that nobody may give. */
TEST(invariants, s11_catches_a_forbidden_dial)
{
    caught("pair", SIM_BREAK_DIAL, "S11");
}

/* A store that forgets to say what it holds: it is fetched again. */
TEST(invariants, r1_catches_a_second_fetch)
{
    caught("pair", SIM_BREAK_AGAIN, "R1");
}

/* A new edition of which it is not known what the last one left. */
TEST(invariants, r1_catches_an_edition_from_nothing)
{
    caught("editions", SIM_BREAK_BLANK, "R1");
}

/* A catalog that has lost its newest edition in a crash. */
TEST(invariants, s3_catches_a_step_back)
{
    caught("editions", SIM_BREAK_BACK, "S3");
}

/* A catalog for which the last of two editions of one number counts. */
TEST(invariants, s4_catches_two_heads)
{
    caught("double", SIM_BREAK_TWO, "S4");
}

/* Whoever has the author's key leaves proofs. */
TEST(sim_check, proofs_are_kept)
{
    uint64_t proofs = 0;

    begin();
    for (uint64_t seed = 1; seed <= 5; seed++) {
        struct sim_result r;

        check("double", seed, &r);
        assert_null(r.broken);
        proofs += r.proofs;
    }
    assert_true(proofs != 0);
}

/* ---- the parts --------------------------------------------------------------
 */

/* What the course maker makes decodes under the rules of the real thing. */
TEST(course_kit, is_real)
{
    struct course_kit_params params = {60, 64, 16384, 2, false};
    struct course_kit *k;
    struct rng rng;

    begin();
    dice_init(&rng, 5, 1);
    k = course_kit_new(&params, &rng);
    assert_int_equal(k->edition_count, 2);
    for (uint32_t i = 0; i < k->edition_count; i++) {
        const struct course_kit_edition *e = &k->editions[i];
        struct edition_payload p;
        struct record r;

        assert_int_equal(record_decode(e->record.base, e->record.len,
                                       COURSE_KIT_NETWORK, &r, NULL),
                         0);
        assert_true(record_id_eq(&r.id, &e->id));
        assert_int_equal(edition_decode(r.payload, &p, NULL), 0);
        assert_int_equal(p.chunks, 60);
        assert_true(course_id_eq(&p.course, &k->course));
        for (uint32_t s = 0; s < e->table.count; s++) {
            struct chunk_id id =
                digest_chunk(e->bytes[s], e->table.refs[s].stored_len);

            assert_true(chunk_id_eq(&id, &e->table.refs[s].id));
        }
    }
    assert_null(course_kit_find(k, &(struct record_id){{0}}));
    course_kit_free(k);
}

static struct chunk_id id_of(uint8_t i)
{
    return digest_chunk(&i, 1);
}

/* A crash takes of what is not flushed, and nothing else. */
TEST(sim_disk, crash)
{
    struct sim_disk *d = sim_disk_new();
    struct rng rng;
    size_t lost;

    dice_init(&rng, 1, 1);
    for (uint8_t i = 0; i < 200; i++) {
        struct chunk_id id = id_of(i);

        sim_disk_put(d, &id, &i, 1, i);
        if (i == 99)
            sim_disk_flush(d);
    }
    lost = sim_disk_crash(d, &rng);
    assert_in_range(lost, 20, 80);
    assert_int_equal(sim_disk_count(d), 200 - lost);
    for (uint8_t i = 0; i < 100; i++) {
        struct chunk_id id = id_of(i);

        assert_int_equal(sim_disk_get(d, &id).len, 1);
    }
    sim_disk_free(d);
}

/* Rot changes what is read; removing it makes room for good bytes. */
TEST(sim_disk, rot)
{
    struct sim_disk *d = sim_disk_new();
    uint8_t byte = 42;
    struct chunk_id id = id_of(byte);

    sim_disk_put(d, &id, &byte, 1, 7);
    assert_false(sim_disk_rotten(d, &id));
    sim_disk_rot(d, 12345);
    assert_true(sim_disk_rotten(d, &id));
    assert_int_not_equal(sim_disk_get(d, &id).p[0], 42);
    sim_disk_remove(d, &id);
    assert_null(sim_disk_get(d, &id).p);
    assert_true(sim_disk_since(d, &id) == UINT64_MAX);
    sim_disk_put(d, &id, &byte, 1, 8);
    assert_true(sim_disk_since(d, &id) == 8);
    assert_int_equal(sim_disk_get(d, &id).p[0], 42);
    sim_disk_free(d);
}
