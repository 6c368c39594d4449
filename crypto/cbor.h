/* cbor: strict deterministic CBOR, and nothing looser. The reader allocates
 * nothing: what it hands out points into the input. The writer appends to a
 * buf. Source: RFC 8949 section 4.2.1; node/PROTOCOL.md section 2. */
#ifndef CRYPTO_CBOR_H
#define CRYPTO_CBOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "crypto/base/buf.h"
#include "crypto/base/err.h"

#define CBOR_DEPTH_MAX 8
#define CBOR_MAP_KEYS_MAX 256

/* Which tag is allowed where: 0 = none. Only a record's outermost item has one.
 */
/**
 * cbor_check - is @data exactly one well-formed, deterministic item?
 * @tag: the tag the outermost item must carry, or 0 for none at all.
 * Return: 0, ERR_MALFORMED (with the reason in @e), ERR_LIMIT (depth, map
 * keys). Cost: O(len), no allocation, bounded stack. Call it before the
 * readers.
 */
int cbor_check(const uint8_t *data, size_t len, uint64_t tag, struct err *e);

/* cbor_in reads an input that cbor_check has accepted, or not: every read is
 * bounds-checked all the same. A failed read sticks: later ones fail too. */
struct cbor_in {
    const uint8_t *p;
    const uint8_t *end;
    bool failed;
};

enum cbor_type {
    CBOR_UINT,
    CBOR_NEGINT,
    CBOR_BYTES,
    CBOR_TEXT,
    CBOR_ARRAY,
    CBOR_MAP,
    CBOR_TAG,
    CBOR_BOOL,
    CBOR_NULL,
    CBOR_END, /* nothing left, or failed */
};

void cbor_in_init(struct cbor_in *in, const uint8_t *data, size_t len);
enum cbor_type cbor_peek(const struct cbor_in *in);
int cbor_read_uint(struct cbor_in *in, uint64_t *out);
int cbor_read_int(struct cbor_in *in, int64_t *out);
int cbor_read_bytes(struct cbor_in *in, struct span *out);
int cbor_read_text(struct cbor_in *in, struct span *out);
int cbor_read_array(struct cbor_in *in, uint64_t *out_count);
int cbor_read_map(struct cbor_in *in, uint64_t *out_pairs);
int cbor_read_tag(struct cbor_in *in, uint64_t *out);
int cbor_read_bool(struct cbor_in *in, bool *out);
/** cbor_read_fixed - a byte string of exactly @n bytes into @out. */
int cbor_read_fixed(struct cbor_in *in, uint8_t *out, size_t n);
/** cbor_skip - pass over one item of any type. */
int cbor_skip(struct cbor_in *in);
/** cbor_done - nothing failed and nothing is left. */
bool cbor_done(const struct cbor_in *in);

/* Writing: check out->failed once at the end. Map keys in ascending order are
 * the caller's duty. */
void cbor_put_uint(struct buf *out, uint64_t v);
void cbor_put_int(struct buf *out, int64_t v);
void cbor_put_bytes(struct buf *out, const void *p, size_t n);
void cbor_put_text(struct buf *out, const char *p, size_t n);
void cbor_put_array(struct buf *out, uint64_t count);
void cbor_put_map(struct buf *out, uint64_t pairs);
void cbor_put_tag(struct buf *out, uint64_t tag);
void cbor_put_bool(struct buf *out, bool v);

#endif
