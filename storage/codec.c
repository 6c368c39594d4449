#include "storage/codec.h"

#include <stdlib.h>
#include <string.h>

#define ZSTD_MAGIC_LE 0xfd2fb528u
#define FRAME_HEADER_MIN 6
#define DESCRIPTOR_CHECKSUM 0x04u
#define DESCRIPTOR_RESERVED 0x08u
#define DESCRIPTOR_DICT 0x03u

#include <zstd.h>

struct codec {
    ZSTD_CCtx *cctx; /* made at the first use of each direction */
    ZSTD_DCtx *dctx;
};

struct codec *codec_new(void)
{
    return calloc(1, sizeof(struct codec));
}

void codec_free(struct codec *c)
{
    if (c == NULL)
        return;
    (void)ZSTD_freeCCtx(c->cctx);
    (void)ZSTD_freeDCtx(c->dctx);
    free(c);
}

/* SPEC 4.1: "A publisher stores raw when compression would save under 3 %." */
static size_t worth_at_most(size_t len)
{
    return len - (len * 3 + 99) / 100;
}

/* ---- what is not worth a try ------------------------------------------------
 */

#define LINE 64 /* bytes looked at together, of every STRIDE */
#define STRIDE 1024
#define LOOK_MIN (32u * 1024u)
#define AHEAD 16 /* lines asked for before their turn */

/* The line of stride @k: now here, now there in it: some things have the same
 * rhythm. No prefetcher guesses it. */
static size_t line_at(size_t k)
{
    return k * STRIDE + k * 11 % (STRIDE / LINE) * LINE;
}

/* Video, audio, pictures and archives are compressed already, and their bytes
 * look like noise: all 256 values come equally often. Looks at one byte in 16;
 * chi-square with 255 degrees of freedom, so 255 for noise with a deviation of
 * 23. Where a tenth of the bytes are text, it is far above. A wrong yes
 * costs a few percent of one chunk, a wrong no the time of a try. Depends on
 * nothing but the bytes: everybody cuts and stores them alike. */
static bool looks_like_noise(const uint8_t *raw, size_t len)
{
    uint32_t seen[4][256] = {{0}}; /* four: no waiting for the same counter */
    uint64_t squares = 0;
    uint64_t n = 0;

    if (len < LOOK_MIN)
        return false;
    for (size_t k = 0; (k + 1) * STRIDE <= len; k++, n += LINE) {
        size_t at = line_at(k);

        __builtin_prefetch(raw +
                           line_at(k + AHEAD < len / STRIDE ? k + AHEAD : k));
        for (size_t i = at; i < at + LINE; i += 4) {
            seen[0][raw[i]]++;
            seen[1][raw[i + 1]]++;
            seen[2][raw[i + 2]]++;
            seen[3][raw[i + 3]]++;
        }
    }
    for (size_t i = 0; i < 256; i++) {
        uint64_t k = seen[0][i] + seen[1][i] + seen[2][i] + seen[3][i];

        squares += k * k;
    }
    return squares * 256 <= n * (n + 255 + 70 + n / 64);
}

int codec_encode(struct codec *c, int level, const uint8_t *raw, size_t len,
                 uint8_t *dst, size_t *out_len, uint8_t *out_flags)
{
    size_t n;

    *out_flags = 0;
    *out_len = len;
    if (looks_like_noise(raw, len))
        return 0;
    if (c->cctx == NULL)
        c->cctx = ZSTD_createCCtx();
    if (c->cctx == NULL)
        return ERR_NOMEM;
    n = ZSTD_compressCCtx(c->cctx, dst, CODEC_BOUND, raw, len, level);
    if (ZSTD_isError(n))
        return ERR_FAILED;
    *out_flags = n < len && n <= worth_at_most(len) ? CHUNK_FLAG_ZSTD : 0;
    *out_len = *out_flags != 0 ? n : len;
    return 0;
}

static const char *frame_fault(const uint8_t *p, size_t len, size_t raw_len)
{
    uint32_t magic;

    if (len < FRAME_HEADER_MIN)
        return "too short";
    magic = (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 |
            (uint32_t)p[3] << 24;
    if (magic != ZSTD_MAGIC_LE)
        return "not a zstd frame";
    if ((p[4] &
         (DESCRIPTOR_CHECKSUM | DESCRIPTOR_RESERVED | DESCRIPTOR_DICT)) != 0)
        return "checksum, dictionary or reserved bit";
    if (ZSTD_getFrameContentSize(p, len) != raw_len)
        return "another size than signed";
    if (ZSTD_findFrameCompressedSize(p, len) != len)
        return "not exactly one frame";
    return NULL;
}

int codec_decode(struct codec *c, const uint8_t *stored, size_t stored_len,
                 uint8_t flags, uint8_t *dst, size_t raw_len, struct err *e)
{
    const char *fault;
    size_t n;

    if ((flags & CHUNK_FLAG_ZSTD) == 0) {
        if (stored_len != raw_len)
            return err_set(e, ERR_MALFORMED, "chunk: another size than signed");
        memcpy(dst, stored, raw_len);
        return 0;
    }
    fault = raw_len <= CHUNK_RAW_MAX ? frame_fault(stored, stored_len, raw_len)
                                     : "over the largest chunk";
    if (fault != NULL)
        return err_set(e, ERR_MALFORMED, "chunk: %s", fault);
    if (c->dctx == NULL)
        c->dctx = ZSTD_createDCtx();
    if (c->dctx == NULL)
        return err_set(e, ERR_NOMEM, "zstd");
    n = ZSTD_decompressDCtx(c->dctx, dst, raw_len, stored, stored_len);
    if (ZSTD_isError(n) || n != raw_len)
        return err_set(e, ERR_MALFORMED, "chunk: %s",
                       ZSTD_isError(n) ? ZSTD_getErrorName(n) : "short");
    return 0;
}
