#include "tests/lib/test.h"

#include <stdlib.h>

#include "crypto/base/buf.h"
#include "node/core/core.h"
#include "simulations/alloc_fail.h"

/* The third and the fourth fail, and no others. */
TEST(alloc_fail_after, counts)
{
    void *p[6];
    struct buf b = BUF_INIT;

    alloc_fail_after(2, 2);
    p[0] = malloc(8);
    p[1] = calloc(1, 8);
    p[2] = realloc(NULL, 8);
    p[3] = malloc(8);
    p[4] = malloc(8);
    assert_int_equal(buf_append(&b, "x", 1), 0); /* of a library, too */
    assert_int_equal(alloc_fail_stop(), 6);
    p[5] = malloc(8);
    assert_non_null(p[0]);
    assert_non_null(p[1]);
    assert_null(p[2]);
    assert_null(p[3]);
    assert_non_null(p[4]);
    assert_non_null(p[5]);
    for (size_t i = 0; i < sizeof p / sizeof p[0]; i++)
        free(p[i]);
    buf_deinit(&b);
}

/* The core's own are seen, however the program was linked. */
TEST(alloc_fail_after, sees_the_core)
{
    struct core_config config = {.network = "main"};

    alloc_fail_after(0, 1);
    assert_null(core_new(&config));
    assert_int_equal(alloc_fail_stop(), 1);
}
