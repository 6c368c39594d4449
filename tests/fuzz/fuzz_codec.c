/* zstd frames of strangers: the first two bytes say the raw length signed. */
#include <stdlib.h>

#include "storage/codec.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct codec *c;
    size_t raw_len;
    uint8_t *dst;

    if (size < 3)
        return 0;
    if (c == NULL)
        c = codec_new();
    raw_len = (size_t)data[0] << 8 | data[1];
    dst = malloc(raw_len + 1); /* exact: ASan sees a byte too many */
    if (c == NULL || dst == NULL)
        abort();
    (void)codec_decode(c, data + 2, size - 2, CHUNK_FLAG_ZSTD, dst, raw_len,
                       NULL);
    free(dst);
    return 0;
}
