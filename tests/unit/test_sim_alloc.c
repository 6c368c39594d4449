#include "tests/lib/test.h"

#include "crypto/key.h"
#include "simulations/sim.h"

#define SWEEP_MAX 2000

static void small_world(struct plan *p, bool of_seeder)
{
    assert_int_equal(crypto_init(NULL), 0);
    assert_true(plan_named("pair", 5, p));
    p->course.chunks = 30;
    p->shrink = false;
    p->alloc_of_seeder = of_seeder;
}

/* The first, the second, ... allocation of one side fails, until there are no
 * more: nothing crashes, leaks or breaks, and the download ends. */
static uint64_t sweep(bool of_seeder)
{
    struct sim_result r = {.allocs_failed = 1};
    uint64_t n = 0;
    struct plan p;

    small_world(&p, of_seeder);
    while (r.allocs_failed != 0) {
        p.alloc_at = ++n;
        assert_true(n < SWEEP_MAX);
        sim_check(&p, NULL, stdout, &r);
        if (r.broken != NULL)
            fail_msg("allocation %u of the %s: %s broken: %s", (unsigned)n,
                     of_seeder ? "seeder" : "learner", r.broken, r.why);
        assert_true(r.done_ms != 0);
    }
    return n - 1;
}

TEST(sim_alloc, each_of_the_learner)
{
    assert_true(sweep(false) > 20);
}

TEST(sim_alloc, each_of_the_seeder)
{
    assert_true(sweep(true) > 20);
}

/* The same dice, the same failures. */
TEST(sim_alloc, deterministic)
{
    struct sim_result a;
    struct sim_result b;
    struct plan p;

    small_world(&p, false);
    assert_true(plan_named("hunger", 3, &p));
    sim_check(&p, NULL, NULL, &a);
    sim_check(&p, NULL, NULL, &b);
    assert_true(a.allocs_failed != 0);
    assert_string_equal(a.hash, b.hash);
}
