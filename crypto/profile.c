#include "crypto/profile.h"

#include "crypto/key.h"
#include "crypto/payload_internal.h"

enum { TIME = 1, NAME = 5, BIO = 6, WEBSITE = 7, MAIL = 8, BOX_KEY = 9 };

#define REQUIRED (1u << TIME | 1u << NAME | 1u << BOX_KEY)

int profile_encode(const struct profile_payload *p, struct buf *out,
                   struct err *e)
{
    uint64_t pairs = 3 + (uint64_t)((p->bio.len != 0) + (p->website.len != 0) +
                                    (p->mail.len != 0));

    if (p->time_ms >= PAYLOAD_TIME_MAX || p->name.len == 0 ||
        !payload__text_ok(p->name, PAYLOAD_TITLE_CP, false) ||
        !payload__text_ok(p->bio, PAYLOAD_TEXT_CP, true) ||
        !payload__text_ok(p->website, PAYLOAD_TITLE_CP, false) ||
        !payload__text_ok(p->mail, PAYLOAD_TITLE_CP, false))
        return err_set(e, ERR_INVALID,
                       "a name of 1 to 200 characters, a bio of at most 4,000");
    if (!box_key_valid(p->box_key))
        return err_set(e, ERR_INVALID, "the box key is of small order");
    cbor_put_map(out, pairs);
    cbor_put_uint(out, TIME);
    cbor_put_uint(out, p->time_ms);
    payload__put_text(out, NAME, p->name);
    payload__put_text(out, BIO, p->bio);
    payload__put_text(out, WEBSITE, p->website);
    payload__put_text(out, MAIL, p->mail);
    cbor_put_uint(out, BOX_KEY);
    cbor_put_bytes(out, p->box_key, sizeof p->box_key);
    return out->failed ? err_set(e, ERR_NOMEM, "profile") : 0;
}

int profile_decode(struct span payload, struct profile_payload *out,
                   struct err *e)
{
    struct profile_payload v = {0};
    struct payload p;
    uint64_t key;
    int rc;

    (void)payload__begin(&p, payload, e);
    while (payload__next(&p, &key)) {
        switch (key) {
        case TIME:
            payload__uint(&p, key, 0, PAYLOAD_TIME_MAX - 1, &v.time_ms);
            break;
        case NAME:
            payload__text(&p, key, PAYLOAD_TITLE_CP, false, &v.name);
            break;
        case BIO:
            payload__text(&p, key, PAYLOAD_TEXT_CP, true, &v.bio);
            break;
        case WEBSITE:
            payload__text(&p, key, PAYLOAD_TITLE_CP, false, &v.website);
            break;
        case MAIL:
            payload__text(&p, key, PAYLOAD_TITLE_CP, false, &v.mail);
            break;
        case BOX_KEY:
            payload__fixed(&p, key, v.box_key, sizeof v.box_key);
            if (p.rc == 0 && !box_key_valid(v.box_key))
                payload__fail(&p, key, "a box key of small order");
            break;
        default:
            (void)cbor_skip(&p.in);
        }
    }
    rc = payload__end(&p, REQUIRED);
    if (rc == 0)
        *out = v;
    return rc;
}

int profile_check(struct span payload, const struct author_id *signer,
                  struct err *e)
{
    struct profile_payload v;

    (void)signer;
    return profile_decode(payload, &v, e);
}
