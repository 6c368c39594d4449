/* vault: a seed as a text that may lie on a disk: sealed under a passphrase
 * (argon2id, XChaCha20-Poly1305) or, by choice, plain. Opens no files; see
 * storage/keyfile.h. The text:
 *
 *   lyceum-key 1
 *   did: did:key:z6Mk...
 *   name: NAME (percent-encoded)
 *   kdf: argon2id OPS MEMORY_BYTES SALT_HEX      or   kdf: none
 *   seed: NONCE_HEX CIPHERTEXT_HEX               or   seed: HEX
 */
#ifndef CRYPTO_VAULT_H
#define CRYPTO_VAULT_H

#include <stdbool.h>

#include "crypto/base/buf.h"
#include "crypto/base/err.h"
#include "crypto/key.h"

#define VAULT_NAME_MAX 256

struct vault_info { /* what can be read without the passphrase */
    struct author_id author;
    char name[VAULT_NAME_MAX];
    bool sealed;
};

/**
 * vault_seal - @id as text.
 * @passphrase: NULL = plain. @low_memory: 64 MiB instead of 256 MiB.
 * argon2id with 3 passes; takes about a second.
 */
int vault_seal(const struct identity *id, const char *name,
               const char *passphrase, size_t passphrase_len, bool low_memory,
               struct buf *out, struct err *e);

/** vault_read - the open part. ERR_MALFORMED. */
int vault_read(const uint8_t *text, size_t len, struct vault_info *out,
               struct err *e);

/**
 * vault_open - the keys. Parameters outside 64 MiB/2 passes to 1 GiB/10 passes,
 * or that are no whole KiB, are refused before any work (ERR_REFUSED).
 * Return: 0; ERR_MALFORMED; ERR_KEY_NEEDED (sealed, and @passphrase NULL or
 * wrong; the did is checked against the seed).
 */
int vault_open(const uint8_t *text, size_t len, const char *passphrase,
               size_t passphrase_len, struct identity **out, struct err *e);

#endif
