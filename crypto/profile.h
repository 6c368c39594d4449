/* profile: who an author is, in his own words. PROTOCOL 3.1. */
#ifndef CRYPTO_PROFILE_H
#define CRYPTO_PROFILE_H

#include "crypto/base/buf.h"
#include "crypto/base/err.h"
#include "crypto/base/ids.h"

struct profile_payload {
    uint64_t time_ms;
    struct span name;
    struct span bio; /* len 0 = absent, here and below */
    struct span website;
    struct span mail;
    uint8_t box_key[32];
};

/** profile_encode - append the payload. ERR_INVALID when a rule is broken. */
int profile_encode(const struct profile_payload *p, struct buf *out,
                   struct err *e);
/** profile_decode - spans borrow @payload. ERR_MALFORMED. */
int profile_decode(struct span payload, struct profile_payload *out,
                   struct err *e);
/** profile_check - for RECORD_TYPES. */
int profile_check(struct span payload, const struct author_id *signer,
                  struct err *e);

#endif
