#include "tests/lib/test.h"

#include <stdlib.h>
#include <string.h>

#include "crypto/digest.h"
#include "node/core/rng.h"
#include "storage/chunker.h"

#define BYTES (16u * 1024 * 1024)

static uint8_t *noise(uint64_t seed, size_t n)
{
    struct rng r;
    uint8_t *p = malloc(n + 8);

    rng_init(&r, (uint64_t[4]){seed, 0, 0, 0});
    for (size_t i = 0; i < n; i += 8) {
        uint64_t v = rng_next(&r);

        memcpy(p + i, &v, 8);
    }
    return p;
}

/* The table is what the protocol derives. */
TEST(chunker, gear)
{
    for (unsigned i = 0; i < 256; i++) {
        char in[] = "lyceum/1/gear?";
        uint8_t d[32];
        uint64_t v = 0;

        in[13] = (char)i;
        digest_sha256(in, 14, d);
        for (size_t k = 0; k < 8; k++)
            v = v << 8 | d[k];
        assert_true(v == chunker_gear((uint8_t)i));
    }
}

/* Sizes stay in their bounds and near their average. */
TEST(chunker, sizes)
{
    uint8_t *p = noise(1, BYTES);

    for (int kind = 0; kind < 2; kind++) {
        const struct chunker_profile *c =
            chunker_profile((enum stream_profile)kind);
        size_t at = 0;
        size_t count = 0;

        while (at < BYTES) {
            size_t n = chunker_cut(c, p + at, BYTES - at, true);

            assert_true(n != 0 && n <= c->max);
            assert_true(n >= c->min || at + n == BYTES);
            at += n;
            count++;
        }
        assert_true(BYTES / count > c->avg * 3 / 4);
        assert_true(BYTES / count < c->avg * 3 / 2);
    }
    free(p);
}

/* It asks for more rather than cut where the data happens to end. */
TEST(chunker, needs_more)
{
    const struct chunker_profile *c = chunker_profile(STREAM_MEDIA);
    uint8_t *p = noise(2, 1u << 20);
    size_t n = chunker_cut(c, p, 1u << 20, false);

    assert_int_equal(chunker_cut(c, p, n - 1, false), 0);
    assert_int_equal(chunker_cut(c, p, n - 1, true), n - 1);
    assert_int_equal(chunker_cut(c, p, n, false), n);
    assert_int_equal(chunker_cut(c, p, 0, true), 0);
    free(p);
}

/* An insertion moves one or two chunks, and the rest keep their cuts. */
TEST(chunker, insertion)
{
    const struct chunker_profile *c = chunker_profile(STREAM_MEDIA);
    uint8_t *p = noise(3, BYTES);
    uint8_t *q = malloc(BYTES + 1000);
    size_t at = 0;
    size_t in_q = 0;
    size_t shared = 0;
    size_t count = 0;

    memcpy(q, p, BYTES / 2);
    memset(q + BYTES / 2, 'x', 1000);
    memcpy(q + BYTES / 2 + 1000, p + BYTES / 2, BYTES / 2);
    while (at < BYTES) {
        at += chunker_cut(c, p + at, BYTES - at, true);
        while (in_q < at)
            in_q += chunker_cut(c, q + in_q, BYTES + 1000 - in_q, true);
        shared += in_q == at || in_q == at + 1000;
        while (in_q < at + 1000 && at > BYTES / 2)
            in_q += chunker_cut(c, q + in_q, BYTES + 1000 - in_q, true);
        shared += in_q == at + 1000 && at > BYTES / 2;
        count++;
    }
    assert_true(shared + 8 > count);
    free(q);
    free(p);
}
