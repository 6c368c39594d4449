#include "tests/lib/test.h"

#include <stdio.h>
#include <string.h>

#include "crypto/digest.h"
#include "crypto/edition.h"
#include "crypto/key.h"
#include "crypto/record.h"
#include "simulations/dice.h"
#include "simulations/mutations.h"
#include "simulations/regressions.h"
#include "simulations/shrink.h"
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

/* What a seed picks is what its scenario has for that seed. */
TEST(plan_of_seed, is_named)
{
    struct plan a;
    struct plan b;

    for (uint64_t seed = 1; seed <= 50; seed++) {
        plan_of_seed(seed, &a);
        assert_true(plan_named(a.scenario, seed, &b));
        assert_memory_equal(&a, &b, sizeof a);
    }
}

/* Every seed stands for a plan of the table, and all of the table occurs. */
TEST(plan_of_seed, all_scenarios_occur)
{
    const struct scenario *table = plan_scenarios();
    bool seen[64] = {false};
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

/* Each defect is found by the invariant it is for, within a few seeds, and by
 * no other before. */
TEST(invariants, each_catches_what_it_is_for)
{
    begin();
    for (const struct mutation *m = mutations(); m->name != NULL; m++) {
        const char *by = "nothing";

        if (mutations_seed(m, TRIES, &by) == 0 || strcmp(by, m->invariant) != 0)
            fail_msg("'%s' is caught by %s, not by %s", m->name, by,
                     m->invariant);
    }
}

/* ---- smaller ----------------------------------------------------------------
 */

/* What a cut says, it takes; and what it takes it says. */
TEST(plan_cut, option_and_text)
{
    char text[PLAN_CUT_TEXT_MAX];
    struct plan_cut cut = {0};
    struct plan p;

    begin();
    assert_true(plan_cut_option(&cut, "--without", "crash,staller"));
    assert_true(plan_cut_option(&cut, "--learners", "2"));
    assert_false(plan_cut_option(&cut, "--without", "crash,nothing"));
    assert_false(plan_cut_option(&cut, "--learners", "0"));
    assert_false(plan_cut_option(&cut, "--learners", "2x"));
    assert_false(plan_cut_option(&cut, "--seed", "2"));
    plan_cut_text(&cut, text);
    assert_string_equal(text, " --without crash,staller --learners 2");
    assert_true(plan_named("slow", 17, &p));
    assert_int_equal(p.foe_kinds, 1);
    p.crash_every_ms = 1;
    plan_cut_apply(&cut, &p);
    assert_int_equal(p.foe_kinds, 0);
    assert_int_equal(p.learners, 2);
    assert_true(p.crash_every_ms == 0);
}

/* A defect in a storm needs neither the storm nor the crowd: what is left
 * breaks the same invariant, and its text says all of it. */
TEST(shrink, finds_what_matters)
{
    char text[PLAN_CUT_TEXT_MAX];
    struct plan_cut cut = {0};
    struct sim_result r;
    struct plan p;
    struct plan small;
    char line[1024];

    begin();
    assert_true(plan_named("storm", 3, &p));
    p.broken = SIM_BREAK_STORE;
    sim_check(&p, NULL, NULL, &r);
    assert_string_equal(r.broken, "L1");
    assert_true(shrink(&p, "L1", 60, &cut) <= 60);
    plan_cut_text(&cut, text);
    (void)snprintf(line, sizeof line, "storm 3%s # a test", text);
    assert_true(regressions_parse(line, &small));
    small.broken = SIM_BREAK_STORE;
    sim_check(&small, NULL, NULL, &r);
    assert_string_equal(r.broken, "L1");
    assert_int_equal(small.learners, 1);
    assert_int_equal(small.foe_kinds, 0);
    assert_false(plan_has_faults(&small));
}

/* A line that is none is found out. */
TEST(regressions_parse, refuses)
{
    static const char *const lines[] = {"",           "storm",
                                        "storm x",    "nothing 17",
                                        "storm 17x",  "storm 17 --learners",
                                        "# storm 17", "storm 17 --what 3"};
    struct plan p;

    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        char line[64];

        (void)snprintf(line, sizeof line, "%s", lines[i]);
        assert_false(regressions_parse(line, &p));
    }
}

/* One of the disk is told apart. */
TEST(regressions_parse, disk)
{
    uint64_t seed = 0;

    assert_true(
        regressions_parse_disk("--disk --seed 42 # it was lost", &seed));
    assert_true(seed == 42);
    assert_true(regressions_parse_disk("--disk --seed 7\n", &seed));
    assert_true(seed == 7);
    assert_false(regressions_parse_disk("--disk --seed 7 --what\n", &seed));
    assert_false(regressions_parse_disk("storm 7 --seed 3\n", &seed));
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
    struct course_kit_params params = {
        .chunks = 60, .chunk_min = 64, .chunk_max = 16384, .editions = 2};
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
