/* revocation: an author stops offering a course, or one edition of it. It
 * recalls nothing. PROTOCOL 3.4. */
#ifndef CRYPTO_REVOCATION_H
#define CRYPTO_REVOCATION_H

#include <stdbool.h>

#include "crypto/base/buf.h"
#include "crypto/base/err.h"
#include "crypto/base/ids.h"

struct revocation_payload {
    uint64_t time_ms;
    struct course_id course;
    uint64_t seq;             /* an edition's number: see has_edition */
    bool has_edition;         /* true: the one edition below, whose number is
                                 seq. false: the course, up to edition seq */
    struct record_id edition; /* meaningful with has_edition */
    struct span reason;
};

int revocation_encode(const struct revocation_payload *p, struct buf *out,
                      struct err *e);
int revocation_decode(struct span payload, struct revocation_payload *out,
                      struct err *e);
int revocation_check(struct span payload, const struct author_id *signer,
                     struct err *e);

/** revocation_covers - does @p withdraw @edition of its course, whose number is
 *  @seq? */
bool revocation_covers(const struct revocation_payload *p,
                       const struct record_id *edition, uint64_t seq);

#endif
