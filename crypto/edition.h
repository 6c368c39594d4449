/* edition: one state of a course: what it holds, by hash. PROTOCOL 3.3.
 * index_blob and tree_blob are lists of 40-byte chunk entries, whose form
 * storage/manifest.h knows; here only their length is checked. */
#ifndef CRYPTO_EDITION_H
#define CRYPTO_EDITION_H

#include <stdbool.h>

#include "crypto/base/buf.h"
#include "crypto/base/err.h"
#include "crypto/base/ids.h"

#define EDITION_LIST_MAX 32
#define EDITION_SEQ_MAX ((UINT64_C(1) << 48) - 1)
#define EDITION_SEQ_JUMP_MAX (UINT64_C(1) << 20)

struct edition_payload {
    uint64_t time_ms;
    struct course_id course;
    uint64_t seq;
    struct record_id prev; /* meaningful when seq > 1 */
    struct span title;
    struct span summary; /* len 0 = absent, here and below */
    struct span language;
    struct span level;
    struct span licence;
    struct span change_note;
    struct span tags[EDITION_LIST_MAX];
    size_t tag_count;
    struct span teaches[EDITION_LIST_MAX];
    size_t teach_count;
    struct span requires_[EDITION_LIST_MAX];
    size_t require_count;
    struct span index_blob; /* n * 40 bytes, n >= 1 */
    struct span tree_blob;
    uint64_t files;
    uint64_t bytes;
    uint64_t chunks;
    uint64_t stored_bytes;
};

int edition_encode(const struct edition_payload *p, struct buf *out,
                   struct err *e);
int edition_decode(struct span payload, struct edition_payload *out,
                   struct err *e);
int edition_check(struct span payload, const struct author_id *signer,
                  struct err *e);

#endif
