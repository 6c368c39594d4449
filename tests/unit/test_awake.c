#include "node/driver/awake.h"

#include "tests/lib/test.h"

/* Goes with the clock, and not over a gap that is longer than a step. */
TEST(awake_ms, stands_still)
{
    struct awake a = {.step_ms = 500};

    assert_int_equal(awake_ms(&a, 1000000), 0);
    assert_int_equal(awake_ms(&a, 1000400), 400);
    assert_int_equal(awake_ms(&a, 1000400), 400);
    assert_int_equal(awake_ms(&a, 1000900), 900);
    assert_int_equal(awake_ms(&a, 1600900), 1400);
    assert_int_equal(awake_ms(&a, 1600901), 1401);
}
