/* key_internal: the signing key itself, for record.c alone. There is no public
 * call that signs arbitrary bytes. */
#ifndef CRYPTO_KEY_INTERNAL_H
#define CRYPTO_KEY_INTERNAL_H

#include "crypto/base/buf.h"
#include "crypto/key.h"

/** key__sign - Ed25519 over @tbs with @id's signing key. */
void key__sign(const struct identity *id, struct span tbs, uint8_t out[64]);

#endif
