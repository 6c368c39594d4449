/* payload_internal: reading and writing the CBOR maps that records carry, with
 * the rules all of them share, so that a new record type is a list of its
 * fields. Source: node/PROTOCOL.md sections 2 and 3. */
#ifndef CRYPTO_PAYLOAD_INTERNAL_H
#define CRYPTO_PAYLOAD_INTERNAL_H

#include <stdbool.h>
#include <stdint.h>

#include "crypto/base/buf.h"
#include "crypto/base/err.h"
#include "crypto/cbor.h"

#define PAYLOAD_TIME_MAX (UINT64_C(1) << 48)
#define PAYLOAD_TITLE_CP 200
#define PAYLOAD_TEXT_CP 4000
#define PAYLOAD_WORD_CP 64
#define PAYLOAD_LIST_MAX 32

/* A payload's map, read key by key. */
struct payload {
    struct cbor_in in;
    uint64_t left; /* pairs not read yet */
    uint64_t seen; /* bit k: key k was there, k < 64 */
    struct err *e;
    int rc;
};

/** payload__begin - check @data as a whole, stand before the first pair. */
int payload__begin(struct payload *p, struct span data, struct err *e);

/** payload__next - the next key that is below 64 (others are skipped).
 *  false: no more, or a failure (see payload__end). */
bool payload__next(struct payload *p, uint64_t *out_key);

/** payload__end - the first failure, or ERR_MALFORMED when a key of
 *  @required (bits) was missing. */
int payload__end(struct payload *p, uint64_t required);

/** payload__fail - note "key N: why". */
void payload__fail(struct payload *p, uint64_t key, const char *why);

/* One value each; the key is for the message. A failure sticks. */
void payload__uint(struct payload *p, uint64_t key, uint64_t min, uint64_t max,
                   uint64_t *out);
void payload__fixed(struct payload *p, uint64_t key, uint8_t *out, size_t n);
void payload__bytes(struct payload *p, uint64_t key, struct span *out);
/** 1 to @max_cp code points without control characters; @lines: newlines and
 *  tabs are fine. */
void payload__text(struct payload *p, uint64_t key, size_t max_cp, bool lines,
                   struct span *out);
void payload__words(struct payload *p, uint64_t key, struct span *list,
                    size_t *out_count);

/** payload__text_ok - the rule of payload__text, for encoders. */
bool payload__text_ok(struct span s, size_t max_cp, bool lines);
bool payload__words_ok(const struct span *list, size_t count);

void payload__put_text(struct buf *out, uint64_t key, struct span s);
void payload__put_words(struct buf *out, uint64_t key, const struct span *list,
                        size_t count);

#endif
