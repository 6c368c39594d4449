#include "simulations/disk_storm.h"

#include "crypto/key.h"
#include "tests/lib/test.h"

static void run(struct disk_plan p, struct disk_result *out)
{
    assert_int_equal(crypto_init(NULL), 0);
    disk_storm(&p, NULL, NULL, out);
}

/* One seed, one trace; another seed, another one. */
TEST(disk_storm, deterministic)
{
    struct disk_result a;
    struct disk_result b;

    run((struct disk_plan){.seed = 7}, &a);
    run((struct disk_plan){.seed = 7}, &b);
    assert_true(a.lines > 40 && a.cuts > 10 && a.in_recovery > 3);
    assert_string_equal(a.hash, b.hash);
    run((struct disk_plan){.seed = 8}, &b);
    assert_string_not_equal(a.hash, b.hash);
}

/* Under the sanitizers; thousands more, and the deliberate defects, are for the
 * release build: ./dev sim --disk --seeds N, ./dev sim --mutations. */
TEST(disk_storm, some)
{
    for (uint64_t seed = 1; seed <= 6; seed++) {
        struct disk_result r;

        run((struct disk_plan){.seed = seed}, &r);
        if (r.broken != NULL)
            fail_msg("seed %d: %s: %s", (int)seed, r.broken, r.why);
    }
}
