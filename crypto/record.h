/* record: small signed statements, COSE_Sign1 with EdDSA. Bytes in, proof out.
 * Checks form, signature and the payload's own rules; whether a record may
 * follow another (chains, authorship) is the catalog's and the core's affair.
 * There is no call that signs arbitrary bytes: a type and its rules come first.
 * A new feature is a new line in RECORD_TYPES and a payload module beside this.
 * Source: RFC 9052; node/PROTOCOL.md section 3. */
#ifndef CRYPTO_RECORD_H
#define CRYPTO_RECORD_H

#include <stddef.h>
#include <stdint.h>

#include "crypto/base/buf.h"
#include "crypto/base/err.h"
#include "crypto/base/ids.h"
#include "crypto/key.h"

#define RECORD_BYTES_MAX 61440u
#define RECORD_NETWORK_MAX 32

/* X(NAME, "name on the wire", payload check) */
#define RECORD_TYPES(X)                                                        \
    X(PROFILE, "profile", profile_check)                                       \
    X(COURSE, "course", course_check)                                          \
    X(EDITION, "edition", edition_check)                                       \
    X(REVOCATION, "revocation", revocation_check)

enum record_type {
#define X(name, text, check) RECORD_##name,
    RECORD_TYPES(X)
#undef X
        RECORD_TYPE_COUNT
};

/** record_type_name - "profile", "course", ... */
const char *record_type_name(enum record_type t);

struct record {
    enum record_type type;
    struct record_id id;
    struct author_id signer;
    struct span payload;    /* borrowed from the input */
    struct span protected_; /* the protected header's bytes */
    uint8_t signature[64];
};

/**
 * record_decode - read a record and check its signature and payload.
 * @network: "main" unless configured; part of what was signed.
 * @out: spans borrow @data.
 * Return: 0; ERR_MALFORMED; ERR_CORRUPT (the signature does not hold);
 * ERR_REFUSED (of a type of a later version, perhaps: not checked); ERR_LIMIT.
 * Cost: one Ed25519 verification, about 40 us.
 */
int record_decode(const uint8_t *data, size_t len, const char *network,
                  struct record *out, struct err *e);

/**
 * record_reopen - the same of what record_decode has accepted before, as the
 * catalog gives it: neither signature nor payload are checked again.
 * Cost: one SHA-256, about 1 us.
 */
int record_reopen(const uint8_t *data, size_t len, const char *network,
                  struct record *out, struct err *e);

/**
 * record_sign - make a record. @payload is checked by the type's rules first.
 * @out: the record's bytes are appended. @out_id: may be NULL.
 */
int record_sign(const struct identity *id, enum record_type type,
                const char *network, struct span payload, struct buf *out,
                struct record_id *out_id, struct err *e);

/** record_id_of - the id that a payload will have when @signer signs it: so
 *  that an edition can name a course that is not signed yet. */
int record_id_of(const struct author_id *signer, enum record_type type,
                 const char *network, struct span payload,
                 struct record_id *out_id, struct err *e);

#endif
