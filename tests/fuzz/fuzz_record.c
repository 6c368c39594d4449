/* Records and payloads: a payload that is accepted encodes to the same bytes,
 * and signed, where its type allows, it is a record that is read again. */
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

static void sign(struct span payload, enum record_type type)
{
    static const uint8_t seed[SEED_BYTES] = {1};
    static struct identity *who;
    struct buf out = BUF_INIT;
    struct record_id id;
    struct record_id same;
    struct record r;

    if (who == NULL)
        who = identity_from_seed(seed);
    if (who == NULL || record_type_name(type) == NULL)
        abort();
    if (record_sign(who, type, "main", payload, &out, &id, NULL) == 0 &&
        (record_id_of(identity_author(who), type, "main", payload, &same,
                      NULL) != 0 ||
         record_decode(out.base, out.len, "main", &r, NULL) != 0 ||
         r.type != type || !record_id_eq(&id, &same) ||
         record_reopen(out.base, out.len, "main", &r, NULL) != 0 ||
         !record_id_eq(&id, &r.id) ||
         record_decode(out.base, out.len, "other", &r, NULL) == 0))
        abort();
    buf_deinit(&out);
}

/* What breaks a rule is not encoded. */
static void refuse_empty(struct buf *out)
{
    static const struct edition_payload e;
    static const struct revocation_payload v;
    static const struct profile_payload p;
    static const struct course_payload c;

    if (edition_encode(&e, out, NULL) == 0 ||
        course_encode(&c, out, NULL) == 0 ||
        profile_encode(&p, out, NULL) == 0 ||
        revocation_encode(&v, out, NULL) == 0 || out->len != 0)
        abort();
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
    (void)record_reopen(data, size, "main", &r, NULL);
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
    refuse_empty(&out);
    sign(in, RECORD_PROFILE);
    sign(in, RECORD_COURSE);
    sign(in, RECORD_EDITION);
    sign(in, RECORD_REVOCATION);
    buf_deinit(&out);
    return 0;
}
