/* course: the genesis of a course: who may speak for it. PROTOCOL 3.2. */
#ifndef CRYPTO_COURSE_H
#define CRYPTO_COURSE_H

#include <stdbool.h>

#include "crypto/base/buf.h"
#include "crypto/base/err.h"
#include "crypto/base/ids.h"

#define COURSE_AUTHORS_MAX 16

struct course_payload {
    uint64_t time_ms;
    struct span title;
    struct author_id authors[COURSE_AUTHORS_MAX]; /* ascending, distinct */
    uint32_t author_count;
    uint32_t threshold;
    uint8_t nonce[16];
    bool has_recovery;
    uint8_t recovery_hash[32];
};

int course_encode(const struct course_payload *p, struct buf *out,
                  struct err *e);
int course_decode(struct span payload, struct course_payload *out,
                  struct err *e);
int course_check(struct span payload, const struct author_id *signer,
                 struct err *e);
/** course_has_author - may @a speak for the course? */
bool course_has_author(const struct course_payload *p,
                       const struct author_id *a);

#endif
