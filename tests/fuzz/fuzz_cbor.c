/* What cbor_check accepts is read and written again as the same bytes. */
#include <stdlib.h>
#include <string.h>

#include "crypto/cbor.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void copy_item(struct cbor_in *in, struct buf *out)
{
    struct span s;
    uint64_t n = 0;
    int64_t i = 0;
    bool b = false;

    switch (cbor_peek(in)) {
    case CBOR_UINT:
        (void)cbor_read_uint(in, &n);
        cbor_put_uint(out, n);
        break;
    case CBOR_NEGINT:
        if (cbor_read_int(in, &i) != 0)
            return; /* below -2^63: has no int64 */
        cbor_put_int(out, i);
        break;
    case CBOR_BYTES:
        (void)cbor_read_bytes(in, &s);
        cbor_put_bytes(out, s.p, s.len);
        break;
    case CBOR_TEXT:
        (void)cbor_read_text(in, &s);
        cbor_put_text(out, (const char *)s.p, s.len);
        break;
    case CBOR_ARRAY:
        (void)cbor_read_array(in, &n);
        cbor_put_array(out, n);
        for (; n != 0 && !in->failed; n--)
            copy_item(in, out);
        break;
    case CBOR_MAP:
        (void)cbor_read_map(in, &n);
        cbor_put_map(out, n);
        for (n *= 2; n != 0 && !in->failed; n--)
            copy_item(in, out);
        break;
    case CBOR_BOOL:
        (void)cbor_read_bool(in, &b);
        cbor_put_bool(out, b);
        break;
    case CBOR_NULL:
        (void)cbor_skip(in);
        (void)buf_append(out, "\xf6", 1);
        break;
    case CBOR_TAG:
    case CBOR_END:
        abort(); /* cbor_check lets neither pass */
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct buf out = BUF_INIT;
    struct cbor_in in;

    (void)cbor_check(data, size, 18, NULL);
    if (cbor_check(data, size, 0, NULL) != 0)
        return 0;
    cbor_in_init(&in, data, size);
    copy_item(&in, &out);
    if (!in.failed && (out.len != size || memcmp(out.base, data, size) != 0))
        abort();
    buf_deinit(&out);
    return 0;
}
