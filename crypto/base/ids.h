/* ids: the names of things, one struct each so that swapping two is a compile
 * error. All are 32 bytes. A course's id is the record id of its course record.
 * Source: node/PROTOCOL.md section 1. */
#ifndef CRYPTO_BASE_IDS_H
#define CRYPTO_BASE_IDS_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "crypto/base/hex.h"

#define ID_BYTES 32

struct chunk_id {
    uint8_t b[ID_BYTES]; /* SHA-256 of the stored bytes */
};
struct record_id {
    uint8_t b[ID_BYTES]; /* SHA-256 of the Sig_structure */
};
struct course_id {
    uint8_t b[ID_BYTES]; /* record id of the course record */
};
struct node_id {
    uint8_t b[ID_BYTES]; /* CURVE public key: what a peer is */
};
struct author_id {
    uint8_t b[ID_BYTES]; /* Ed25519 public key: who signs */
};

struct id_hex {
    char s[2 * ID_BYTES + 1];
};

#define IDS_DEFINE(kind)                                                       \
    static inline bool kind##_eq(const struct kind *x, const struct kind *y)   \
    {                                                                          \
        return memcmp(x->b, y->b, ID_BYTES) == 0;                              \
    }                                                                          \
    static inline struct id_hex kind##_hex(const struct kind *x)               \
    {                                                                          \
        struct id_hex h;                                                       \
        hex_encode(x->b, ID_BYTES, h.s);                                       \
        return h;                                                              \
    }

IDS_DEFINE(chunk_id)
IDS_DEFINE(record_id)
IDS_DEFINE(course_id)
IDS_DEFINE(node_id)
IDS_DEFINE(author_id)

#endif
