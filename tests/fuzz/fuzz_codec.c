/* zstd frames of strangers: the first two bytes say the raw length signed. And
 * the input as content: what is encoded decodes to it. */
#include <stdlib.h>
#include <string.h>

#include "storage/codec.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Whatever was chosen to be stored, the bytes come back. */
static void there_and_back(struct codec *c, const uint8_t *data, size_t size)
{
    uint8_t *stored = malloc(CODEC_BOUND);
    uint8_t *raw = malloc(size);
    uint8_t flags;
    size_t n;

    if (stored == NULL || raw == NULL)
        abort();
    if (codec_encode(c, CODEC_LEVEL_DEFAULT, data, size, stored, &n, &flags) !=
            0 ||
        codec_decode(c, flags != 0 ? stored : data, n, flags, raw, size,
                     NULL) != 0 ||
        memcmp(raw, data, size) != 0)
        abort();
    free(stored);
    free(raw);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct codec *c = codec_new();
    struct err e = ERR_INIT;
    size_t raw_len;
    uint8_t *dst;

    if (size < 3) {
        codec_free(c);
        return 0;
    }
    raw_len = (size_t)data[0] << 8 | data[1];
    dst = malloc(raw_len + 1); /* exact: ASan sees a byte too many */
    if (c == NULL || dst == NULL)
        abort();
    (void)codec_decode(c, data + 2, size - 2, CHUNK_FLAG_ZSTD, dst, raw_len,
                       &e);
    free(dst);
    if (size <= CHUNK_RAW_MAX)
        there_and_back(c, data, size);
    codec_free(c);
    return 0;
}
