/* key: all keys of a person from one 32-byte seed, one key a role; and a node's
 * own CURVE key, which is random and belongs to the home, not to the person.
 * Derivation is crypto_kdf with a context a role; there is no conversion from
 * Ed25519 to X25519. Secrets live in sodium_malloc'ed memory, wiped when freed.
 * Source: design notes in node/PROTOCOL.md section 1; libsodium crypto_kdf. */
#ifndef CRYPTO_KEY_H
#define CRYPTO_KEY_H

#include <stdbool.h>
#include <stdint.h>

#include "crypto/base/err.h"
#include "crypto/base/ids.h"

#define SEED_BYTES 32

/* A person's keys, unlocked. */
struct identity;

/** crypto_init - once, before anything else of crypto/. ERR_FAILED. */
int crypto_init(struct err *e);

/** identity_from_seed - @seed is copied. NULL when out of memory. */
struct identity *identity_from_seed(const uint8_t seed[SEED_BYTES]);

/** identity_generate - from a fresh random seed. */
struct identity *identity_generate(void);
void identity_free(struct identity *id);

const struct author_id *identity_author(const struct identity *id);
const uint8_t *identity_box_public(const struct identity *id); /* 32 bytes */
const uint8_t *identity_seed(const struct identity *id);       /* 32 bytes */

/** node_key_generate - a CURVE key pair of its own. */
void node_key_generate(uint8_t out_secret[32], struct node_id *out_public);

/** node_key_public - the public half of @secret. */
void node_key_public(const uint8_t secret[32], struct node_id *out_public);

/** box_key_valid - not one of the X25519 points of small order, with which
 *  every shared secret is the same. */
bool box_key_valid(const uint8_t key[32]);

/** author_id_valid - is it a canonical point of the prime-order group? */
bool author_id_valid(const struct author_id *a);

#endif
