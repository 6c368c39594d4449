#include "tests/lib/test.h"

#include <stdlib.h>
#include <string.h>

#include <zstd.h>

#include "storage/codec.h"

/* Text shrinks and comes back; noise is stored as it is. */
TEST(codec, round_trip)
{
    struct codec *c = codec_new();
    uint8_t *dst = malloc(CODEC_BOUND);
    uint8_t raw[50000];
    uint8_t back[50000];
    uint8_t flags;
    size_t n;

    for (size_t i = 0; i < sizeof raw; i++)
        raw[i] = (uint8_t)("course "[i % 7]);
    assert_int_equal(codec_encode(c, 3, raw, sizeof raw, dst, &n, &flags), 0);
    assert_int_equal(flags, CHUNK_FLAG_ZSTD);
    assert_true(n < sizeof raw / 10);
    assert_int_equal(codec_decode(c, dst, n, flags, back, sizeof back, NULL),
                     0);
    assert_memory_equal(raw, back, sizeof raw);
    srandom(7);
    for (size_t i = 0; i < sizeof raw; i++)
        raw[i] = (uint8_t)random();
    assert_int_equal(codec_encode(c, 3, raw, sizeof raw, dst, &n, &flags), 0);
    assert_int_equal(flags, 0);
    assert_int_equal(n, sizeof raw);
    free(dst);
    codec_free(c);
}

/* Noise with words strewn in, @percent of it, in 64 places. */
static void blend(uint8_t *raw, size_t len, unsigned percent)
{
    static const char words[] = "the quick brown fox jumps over the lazy dog, ";
    size_t piece = len / 64;
    size_t text = piece * percent / 100;

    srandom(percent);
    for (size_t i = 0; i < len; i++)
        raw[i] = (uint8_t)(random() >> 9);
    for (size_t p = 0; p < 64; p++) {
        size_t at = p * piece + (size_t)random() % (piece - text + 1);

        for (size_t i = 0; i < text; i++)
            raw[at + i] = (uint8_t)words[(p * 7 + i) % (sizeof words - 1)];
    }
}

/* What need not be tried is told from noise alone: a chunk of which zstd saves
 * an eighth is compressed, one of which it saves under 3 % never is. */
TEST(codec, blends)
{
    static const size_t sizes[] = {1000, 16384, 65536, 300000};
    struct codec *c = codec_new();
    uint8_t *raw = malloc(300000);
    uint8_t *dst = malloc(CODEC_BOUND);
    uint8_t flags;
    size_t n;

    assert_non_null(raw);
    for (size_t s = 0; s < 4; s++)
        for (unsigned percent = 0; percent <= 100; percent += 2) {
            size_t best;

            blend(raw, sizes[s], percent);
            best = ZSTD_compress(dst, CODEC_BOUND, raw, sizes[s], 3);
            assert_int_equal(codec_encode(c, 3, raw, sizes[s], dst, &n, &flags),
                             0);
            if (best < sizes[s] - sizes[s] / 8)
                assert_int_equal(flags, CHUNK_FLAG_ZSTD);
            if (best > sizes[s] - sizes[s] * 3 / 100)
                assert_int_equal(flags, 0);
            assert_int_equal(n, flags != 0 ? best : sizes[s]);
        }
    free(raw);
    free(dst);
    codec_free(c);
}

/* Everything but exactly one plain frame of the size that was signed. */
TEST(codec, hostile_frames)
{
    struct codec *c = codec_new();
    uint8_t raw[1000] = {0};
    uint8_t frame[4096];
    uint8_t out[70000];
    ZSTD_CCtx *z = ZSTD_createCCtx();
    size_t n = ZSTD_compress(frame, sizeof frame, raw, sizeof raw, 3);

    assert_int_equal(codec_decode(c, frame, n, 1, out, 1000, NULL), 0);
    assert_int_not_equal(codec_decode(c, frame, n, 1, out, 999, NULL), 0);
    assert_int_not_equal(codec_decode(c, frame, n, 1, out, 1001, NULL), 0);
    for (size_t k = 0; k < n; k++)
        assert_int_not_equal(codec_decode(c, frame, k, 1, out, 1000, NULL), 0);
    memcpy(frame + n, frame, n); /* two frames */
    assert_int_not_equal(codec_decode(c, frame, 2 * n, 1, out, 1000, NULL), 0);
    memcpy(frame + n, "\x50\x2a\x4d\x18\x01\0\0\0x", 9); /* skippable behind */
    assert_int_not_equal(codec_decode(c, frame, n + 9, 1, out, 1000, NULL), 0);
    frame[n - 1] ^= 0x55;
    (void)codec_decode(c, frame, n, 1, out, 1000, NULL);
    ZSTD_CCtx_setParameter(z, ZSTD_c_checksumFlag, 1);
    n = ZSTD_compress2(z, frame, sizeof frame, raw, sizeof raw);
    assert_int_not_equal(codec_decode(c, frame, n, 1, out, 1000, NULL), 0);
    ZSTD_CCtx_setParameter(z, ZSTD_c_checksumFlag, 0);
    ZSTD_CCtx_setParameter(z, ZSTD_c_contentSizeFlag, 0);
    n = ZSTD_compress2(z, frame, sizeof frame, raw, sizeof raw);
    assert_int_not_equal(codec_decode(c, frame, n, 1, out, 1000, NULL), 0);
    assert_int_not_equal(
        codec_decode(c, frame, n, 1, out, CHUNK_RAW_MAX + 1u, NULL), 0);
    (void)ZSTD_freeCCtx(z);
    codec_free(c);
}
