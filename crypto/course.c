#include "crypto/course.h"

#include <string.h>

#include "crypto/key.h"
#include "crypto/payload_internal.h"

enum {
    TIME = 1,
    TITLE = 5,
    AUTHORS = 10,
    THRESHOLD = 11,
    NONCE = 12,
    RECOVERY = 13
};

#define REQUIRED                                                               \
    (1u << TIME | 1u << TITLE | 1u << AUTHORS | 1u << THRESHOLD | 1u << NONCE)

static const char *broken_rule(const struct course_payload *p)
{
    if (p->time_ms >= PAYLOAD_TIME_MAX)
        return "time out of range";
    if (p->title.len == 0 ||
        !payload__text_ok(p->title, PAYLOAD_TITLE_CP, false))
        return "title: 1 to 200 characters, no control characters";
    if (p->author_count < 1 || p->author_count > COURSE_AUTHORS_MAX)
        return "1 to 16 authors";
    for (uint32_t i = 0; i < p->author_count; i++) {
        if (!author_id_valid(&p->authors[i]))
            return "an author's key is not valid";
        if (i != 0 && memcmp(p->authors[i - 1].b, p->authors[i].b,
                             sizeof p->authors[i].b) >= 0)
            return "authors are unsorted or repeated";
    }
    if (p->threshold < 1 || p->threshold > p->author_count)
        return "threshold out of range";
    return NULL;
}

int course_encode(const struct course_payload *p, struct buf *out,
                  struct err *e)
{
    const char *broken = broken_rule(p);

    if (broken != NULL)
        return err_set(e, ERR_INVALID, "course: %s", broken);
    cbor_put_map(out, p->has_recovery ? 6 : 5);
    cbor_put_uint(out, TIME);
    cbor_put_uint(out, p->time_ms);
    payload__put_text(out, TITLE, p->title);
    cbor_put_uint(out, AUTHORS);
    cbor_put_array(out, p->author_count);
    for (uint32_t i = 0; i < p->author_count; i++)
        cbor_put_bytes(out, p->authors[i].b, sizeof p->authors[i].b);
    cbor_put_uint(out, THRESHOLD);
    cbor_put_uint(out, p->threshold);
    cbor_put_uint(out, NONCE);
    cbor_put_bytes(out, p->nonce, sizeof p->nonce);
    if (p->has_recovery) {
        cbor_put_uint(out, RECOVERY);
        cbor_put_bytes(out, p->recovery_hash, sizeof p->recovery_hash);
    }
    return out->failed ? err_set(e, ERR_NOMEM, "course") : 0;
}

static void read_authors(struct payload *p, struct course_payload *v)
{
    uint64_t n;

    if (cbor_read_array(&p->in, &n) != 0 || n > COURSE_AUTHORS_MAX) {
        payload__fail(p, AUTHORS, "not a list of 1 to 16 keys");
        return;
    }
    for (uint64_t i = 0; i < n && p->rc == 0; i++)
        payload__fixed(p, AUTHORS, v->authors[i].b, sizeof v->authors[i].b);
    v->author_count = (uint32_t)n;
}

static void read_key(struct payload *p, uint64_t key, struct course_payload *v)
{
    uint64_t n = 0;

    switch (key) {
    case TIME:
        payload__uint(p, key, 0, PAYLOAD_TIME_MAX - 1, &v->time_ms);
        break;
    case TITLE:
        payload__text(p, key, PAYLOAD_TITLE_CP, false, &v->title);
        break;
    case AUTHORS:
        read_authors(p, v);
        break;
    case THRESHOLD:
        payload__uint(p, key, 1, COURSE_AUTHORS_MAX, &n);
        v->threshold = (uint32_t)n;
        break;
    case NONCE:
        payload__fixed(p, key, v->nonce, sizeof v->nonce);
        break;
    case RECOVERY:
        payload__fixed(p, key, v->recovery_hash, sizeof v->recovery_hash);
        v->has_recovery = true;
        break;
    default:
        (void)cbor_skip(&p->in);
    }
}

int course_decode(struct span payload, struct course_payload *out,
                  struct err *e)
{
    struct course_payload v = {0};
    const char *broken;
    struct payload p;
    uint64_t key;
    int rc;

    (void)payload__begin(&p, payload, e);
    while (payload__next(&p, &key))
        read_key(&p, key, &v);
    rc = payload__end(&p, REQUIRED);
    if (rc != 0)
        return rc;
    broken = broken_rule(&v);
    if (broken != NULL)
        return err_set(e, ERR_MALFORMED, "course: %s", broken);
    *out = v;
    return 0;
}

bool course_has_author(const struct course_payload *p,
                       const struct author_id *a)
{
    for (uint32_t i = 0; i < p->author_count; i++)
        if (author_id_eq(&p->authors[i], a))
            return true;
    return false;
}

int course_check(struct span payload, const struct author_id *signer,
                 struct err *e)
{
    struct course_payload v;
    int rc = course_decode(payload, &v, e);

    /* SPEC 3.2: "the signer MUST be one of the authors" */
    if (rc == 0 && !course_has_author(&v, signer))
        rc = err_set(e, ERR_MALFORMED, "course: signed by a stranger");
    return rc;
}
