#include "crypto/revocation.h"

#include "crypto/edition.h"
#include "crypto/payload_internal.h"

enum { TIME = 1, COURSE = 2, SEQ = 3, EDITION = 18, REASON = 19 };

#define REQUIRED (1u << TIME | 1u << COURSE | 1u << SEQ | 1u << REASON)

static const char *broken_rule(const struct revocation_payload *p)
{
    if (p->time_ms >= PAYLOAD_TIME_MAX)
        return "time out of range";
    if (p->seq < 1 || p->seq > EDITION_SEQ_MAX)
        return "edition number out of range";
    if (p->reason.len == 0 ||
        !payload__text_ok(p->reason, PAYLOAD_TITLE_CP, false))
        return "reason: 1 to 200 characters, no control characters";
    return NULL;
}

int revocation_encode(const struct revocation_payload *p, struct buf *out,
                      struct err *e)
{
    const char *broken = broken_rule(p);

    if (broken != NULL)
        return err_set(e, ERR_INVALID, "revocation: %s", broken);
    cbor_put_map(out, p->has_edition ? 5 : 4);
    cbor_put_uint(out, TIME);
    cbor_put_uint(out, p->time_ms);
    cbor_put_uint(out, COURSE);
    cbor_put_bytes(out, p->course.b, sizeof p->course.b);
    cbor_put_uint(out, SEQ);
    cbor_put_uint(out, p->seq);
    if (p->has_edition) {
        cbor_put_uint(out, EDITION);
        cbor_put_bytes(out, p->edition.b, sizeof p->edition.b);
    }
    payload__put_text(out, REASON, p->reason);
    return out->failed ? err_set(e, ERR_NOMEM, "revocation") : 0;
}

static void read_key(struct payload *p, uint64_t key,
                     struct revocation_payload *v)
{
    switch (key) {
    case TIME:
        payload__uint(p, key, 0, PAYLOAD_TIME_MAX - 1, &v->time_ms);
        break;
    case COURSE:
        payload__fixed(p, key, v->course.b, sizeof v->course.b);
        break;
    case SEQ:
        payload__uint(p, key, 1, EDITION_SEQ_MAX, &v->seq);
        break;
    case EDITION:
        payload__fixed(p, key, v->edition.b, sizeof v->edition.b);
        v->has_edition = true;
        break;
    case REASON:
        payload__text(p, key, PAYLOAD_TITLE_CP, false, &v->reason);
        break;
    default:
        (void)cbor_skip(&p->in);
    }
}

int revocation_decode(struct span payload, struct revocation_payload *out,
                      struct err *e)
{
    struct revocation_payload v = {0};
    struct payload p;
    uint64_t key;
    int rc;

    (void)payload__begin(&p, payload, e);
    while (payload__next(&p, &key))
        read_key(&p, key, &v);
    rc = payload__end(&p, REQUIRED);
    if (rc == 0)
        *out = v;
    return rc;
}

int revocation_check(struct span payload, const struct author_id *signer,
                     struct err *e)
{
    struct revocation_payload v;

    (void)signer; /* whether an author: the catalog's affair */
    return revocation_decode(payload, &v, e);
}

bool revocation_covers(const struct revocation_payload *p,
                       const struct record_id *edition, uint64_t seq)
{
    return p->has_edition ? record_id_eq(&p->edition, edition) : seq <= p->seq;
}
