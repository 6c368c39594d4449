/* A recovery sheet, typed in. What is read is written and read the same. */
#include <stdlib.h>
#include <string.h>

#include "crypto/sheet.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct buf text = BUF_INIT;
    uint8_t seed[SEED_BYTES];
    uint8_t again[SEED_BYTES];

    if (crypto_init(NULL) != 0 || sheet_read(data, size, seed, NULL) != 0)
        return 0;
    if (sheet_write(seed, &text, NULL) == 0 &&
        (sheet_read(text.base, text.len, again, NULL) != 0 ||
         memcmp(seed, again, SEED_BYTES) != 0))
        abort();
    buf_deinit(&text);
    return 0;
}
