#include "crypto/record.h"

#include <stdio.h>
#include <string.h>

#include <sodium.h>

#include "crypto/cbor.h"
#include "crypto/course.h"
#include "crypto/digest.h"
#include "crypto/edition.h"
#include "crypto/key_internal.h"
#include "crypto/profile.h"
#include "crypto/revocation.h"

#define COSE_SIGN1_TAG 18
#define COSE_ALG 1
#define COSE_CONTENT_TYPE 3
#define COSE_KID 4
#define COSE_EDDSA (-8)
#define MEDIA_PREFIX "application/vnd.lyceum."
#define MEDIA_SUFFIX "+cbor"
#define AAD_PREFIX "lyceum/1/"
#define TBS_EXTRA 128 /* what is signed beside the parts of the record */

struct type_entry {
    const char *name;
    int (*check)(struct span payload, const struct author_id *signer,
                 struct err *e);
};

static const struct type_entry types[RECORD_TYPE_COUNT] = {
#define X(name, text, check) [RECORD_##name] = {text, check},
    RECORD_TYPES(X)
#undef X
};

const char *record_type_name(enum record_type t)
{
    return types[t].name;
}

/* ---- the bytes that are signed
 * --------------------------------------------------- */

static void put_protected(struct buf *out, enum record_type type,
                          const struct author_id *signer)
{
    char media[64];
    int n = snprintf(media, sizeof media, MEDIA_PREFIX "%s" MEDIA_SUFFIX,
                     types[type].name);

    cbor_put_map(out, 3);
    cbor_put_uint(out, COSE_ALG);
    cbor_put_int(out, COSE_EDDSA);
    cbor_put_uint(out, COSE_CONTENT_TYPE);
    cbor_put_text(out, media, (size_t)n);
    cbor_put_uint(out, COSE_KID);
    cbor_put_bytes(out, signer->b, sizeof signer->b);
}

static int put_tbs(struct buf *out, struct span protected_, const char *network,
                   struct span payload, struct err *e)
{
    char aad[sizeof AAD_PREFIX + RECORD_NETWORK_MAX];
    size_t n = strlen(network);

    if (n == 0 || n >= RECORD_NETWORK_MAX)
        return err_set(e, ERR_INVALID, "network name of 1 to 31 bytes");
    n = (size_t)snprintf(aad, sizeof aad, AAD_PREFIX "%s", network);
    cbor_put_array(out, 4);
    cbor_put_text(out, "Signature1", 10);
    cbor_put_bytes(out, protected_.p, protected_.len);
    cbor_put_bytes(out, aad, n);
    cbor_put_bytes(out, payload.p, payload.len);
    return out->failed ? err_set(e, ERR_NOMEM, "record") : 0;
}

/* ---- reading
 * -------------------------------------------------------------------------- */

static int find_type(struct span media, enum record_type *out)
{
    const size_t head = sizeof MEDIA_PREFIX - 1;
    const size_t tail = sizeof MEDIA_SUFFIX - 1;

    if (media.len <= head + tail || memcmp(media.p, MEDIA_PREFIX, head) != 0 ||
        memcmp(media.p + media.len - tail, MEDIA_SUFFIX, tail) != 0)
        return ERR_MALFORMED;
    for (int t = 0; t < RECORD_TYPE_COUNT; t++) {
        size_t n = strlen(types[t].name);

        if (media.len == head + n + tail &&
            memcmp(media.p + head, types[t].name, n) == 0) {
            *out = (enum record_type)t;
            return 0;
        }
    }
    return ERR_REFUSED;
}

static int read_protected(struct record *r, struct err *e)
{
    uint64_t pairs = 0;
    uint64_t key = 0;
    int64_t alg = 0;
    struct span media = {NULL, 0};
    struct cbor_in in;
    int rc = cbor_check(r->protected_.p, r->protected_.len, 0, e);

    if (rc != 0)
        return rc;
    cbor_in_init(&in, r->protected_.p, r->protected_.len);
    if (cbor_read_map(&in, &pairs) != 0 || pairs != 3 ||
        cbor_read_uint(&in, &key) != 0 || key != COSE_ALG ||
        cbor_read_int(&in, &alg) != 0 || alg != COSE_EDDSA ||
        cbor_read_uint(&in, &key) != 0 || key != COSE_CONTENT_TYPE ||
        cbor_read_text(&in, &media) != 0 || cbor_read_uint(&in, &key) != 0 ||
        key != COSE_KID ||
        cbor_read_fixed(&in, r->signer.b, sizeof r->signer.b) != 0 ||
        !cbor_done(&in))
        return err_set(e, ERR_MALFORMED, "protected header");
    rc = find_type(media, &r->type);
    return rc != 0 ? err_set(e, rc, "record of an unknown type") : 0;
}

/* Only the outermost item may carry a tag; cbor_check has seen to it. */
static int read_envelope(const uint8_t *data, size_t len, struct record *r,
                         struct err *e)
{
    uint64_t n = 0;
    uint64_t pairs = 0;
    struct cbor_in in;
    int rc;

    if (len > RECORD_BYTES_MAX)
        return err_set(e, ERR_LIMIT, "record of over %u bytes",
                       RECORD_BYTES_MAX);
    rc = cbor_check(data, len, COSE_SIGN1_TAG, e);
    if (rc != 0)
        return rc;
    cbor_in_init(&in, data, len);
    if (cbor_read_tag(&in, &n) != 0 || cbor_read_array(&in, &n) != 0 ||
        n != 4 || cbor_read_bytes(&in, &r->protected_) != 0 ||
        /* SPEC 3: "The unprotected header MUST be empty" */
        cbor_read_map(&in, &pairs) != 0 || pairs != 0 ||
        cbor_read_bytes(&in, &r->payload) != 0 ||
        cbor_read_fixed(&in, r->signature, sizeof r->signature) != 0)
        return err_set(e, ERR_MALFORMED, "not a COSE_Sign1 of ours");
    return read_protected(r, e);
}

/* On the stack: a record of a peer must not look broken, nor one of ours lost,
 * because there is no memory. */
static int find_id(struct record *r, const char *network, bool check,
                   struct err *e)
{
    uint8_t room[RECORD_BYTES_MAX + TBS_EXTRA];
    struct buf tbs = {.base = room, .cap = sizeof room};
    int rc = put_tbs(&tbs, r->protected_, network, r->payload, e);

    if (rc == 0)
        digest_sha256(tbs.base, tbs.len, r->id.b);
    if (rc == 0 && check &&
        (!author_id_valid(&r->signer) ||
         crypto_sign_verify_detached(r->signature, tbs.base, tbs.len,
                                     r->signer.b) != 0))
        rc = err_set(e, ERR_CORRUPT, "the signature does not hold");
    return rc;
}

static int open_record(const uint8_t *data, size_t len, const char *network,
                       bool check, struct record *out, struct err *e)
{
    struct record r = {0};
    int rc = read_envelope(data, len, &r, e);

    if (rc == 0)
        rc = find_id(&r, network, check, e);
    if (rc == 0 && check)
        rc = types[r.type].check(r.payload, &r.signer, e);
    if (rc == 0)
        *out = r;
    else
        err_wrap(e, "record");
    return rc;
}

int record_decode(const uint8_t *data, size_t len, const char *network,
                  struct record *out, struct err *e)
{
    return open_record(data, len, network, true, out, e);
}

int record_reopen(const uint8_t *data, size_t len, const char *network,
                  struct record *out, struct err *e)
{
    return open_record(data, len, network, false, out, e);
}

/* ---- making
 * ------------------------------------------------------------------------------
 */

int record_id_of(const struct author_id *signer, enum record_type type,
                 const char *network, struct span payload,
                 struct record_id *out_id, struct err *e)
{
    struct buf protected_ = BUF_INIT;
    struct buf tbs = BUF_INIT;
    int rc = types[type].check(payload, signer, e);

    put_protected(&protected_, type, signer);
    if (rc == 0)
        rc = put_tbs(&tbs, buf_span(&protected_), network, payload, e);
    if (rc == 0)
        digest_sha256(tbs.base, tbs.len, out_id->b);
    buf_deinit(&tbs);
    buf_deinit(&protected_);
    return rc;
}

static int put_record(struct buf *out, struct span protected_,
                      struct span payload, const uint8_t signature[64],
                      struct err *e)
{
    size_t start = out->len;

    cbor_put_tag(out, COSE_SIGN1_TAG);
    cbor_put_array(out, 4);
    cbor_put_bytes(out, protected_.p, protected_.len);
    cbor_put_map(out, 0);
    cbor_put_bytes(out, payload.p, payload.len);
    cbor_put_bytes(out, signature, 64);
    if (out->failed)
        return err_set(e, ERR_NOMEM, "record");
    if (out->len - start > RECORD_BYTES_MAX) {
        out->len = start;
        return err_set(e, ERR_LIMIT, "record of over %u bytes",
                       RECORD_BYTES_MAX);
    }
    return 0;
}

int record_sign(const struct identity *id, enum record_type type,
                const char *network, struct span payload, struct buf *out,
                struct record_id *out_id, struct err *e)
{
    struct buf protected_ = BUF_INIT;
    struct buf tbs = BUF_INIT;
    uint8_t signature[64];
    int rc = types[type].check(payload, identity_author(id), e);

    put_protected(&protected_, type, identity_author(id));
    if (rc == 0)
        rc = put_tbs(&tbs, buf_span(&protected_), network, payload, e);
    if (rc == 0) {
        key__sign(id, buf_span(&tbs), signature);
        rc = put_record(out, buf_span(&protected_), payload, signature, e);
    }
    if (rc == 0 && out_id != NULL)
        digest_sha256(tbs.base, tbs.len, out_id->b);
    buf_deinit(&tbs);
    buf_deinit(&protected_);
    return rc;
}
