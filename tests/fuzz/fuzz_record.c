/* Records and payloads: a payload that is accepted encodes to the same bytes.
 */
#include <stdlib.h>
#include <string.h>

#include "crypto/course.h"
#include "crypto/edition.h"
#include "crypto/profile.h"
#include "crypto/record.h"
#include "crypto/revocation.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Unknown keys are dropped on the way: then the result is shorter. */
static void compare(struct span in, struct buf *out)
{
    if (out->len > in.len ||
        (out->len == in.len && memcmp(out->base, in.p, in.len) != 0))
        abort();
    out->len = 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span in = {data, size};
    struct edition_payload e;
    struct revocation_payload v;
    struct profile_payload p;
    struct course_payload c;
    struct buf out = BUF_INIT;
    struct record r;

    if (crypto_init(NULL) != 0)
        abort();
    (void)record_decode(data, size, "main", &r, NULL);
    if (edition_decode(in, &e, NULL) == 0) {
        if (edition_encode(&e, &out, NULL) != 0)
            abort();
        compare(in, &out);
    }
    if (course_decode(in, &c, NULL) == 0) {
        if (course_encode(&c, &out, NULL) != 0)
            abort();
        compare(in, &out);
    }
    if (profile_decode(in, &p, NULL) == 0) {
        if (profile_encode(&p, &out, NULL) != 0)
            abort();
        compare(in, &out);
    }
    if (revocation_decode(in, &v, NULL) == 0) {
        if (revocation_encode(&v, &out, NULL) != 0)
            abort();
        compare(in, &out);
    }
    buf_deinit(&out);
    return 0;
}
