/* Paths: what is accepted is in its normal form, and survives the other calls.
 */
#include <stdlib.h>
#include <string.h>

#include "storage/path_rules.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *p = (const char *)data;
    struct buf nfc = BUF_INIT;
    struct buf folded = BUF_INIT;
    bool changed = false;

    (void)path_fold(p, size, &folded);
    if (path_check(p, size, NULL) == 0) {
        if (memchr(data, 0, size) != NULL || data[0] == '/' ||
            path_normalize(p, size, &nfc, &changed, NULL) != 0 || changed)
            abort();
        (void)path_warnings(p, size);
    }
    buf_deinit(&nfc);
    buf_deinit(&folded);
    return 0;
}
