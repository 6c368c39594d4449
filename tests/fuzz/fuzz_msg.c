/* Every message: what is accepted encodes to the same bytes, unless it carried
 * keys of a later version, which are dropped. */
#include <stdlib.h>
#include <string.h>

#include "node/wire/msg.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct buf out = BUF_INIT;
    struct msg m;
    struct msg again;

    if (msg_decode(data, size, &m, NULL) != 0)
        return 0;
    if (msg_encode(&m, &out, NULL) != 0 || out.len > size ||
        (out.len == size && memcmp(out.base, data, size) != 0) ||
        msg_decode(out.base, out.len, &again, NULL) != 0 ||
        again.type != m.type)
        abort();
    buf_deinit(&out);
    return 0;
}
