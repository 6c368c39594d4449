/* did: an author id as `did:key:z6Mk...` and back. Source: W3C did:key method,
 * multicodec ed25519-pub (0xed01), multibase base58btc. */
#ifndef CRYPTO_DID_H
#define CRYPTO_DID_H

#include <stddef.h>

#include "crypto/base/err.h"
#include "crypto/base/ids.h"

#define DID_TEXT_MAX 64 /* with NUL; a did of ours has 56 characters */

void did_encode(const struct author_id *author, char out[DID_TEXT_MAX]);

/** did_decode - Return: 0, or ERR_MALFORMED: not a did:key of an Ed25519 key,
 *  not the shortest form, or no valid point of the prime-order group. */
int did_decode(const char *text, size_t len, struct author_id *out,
               struct err *e);

#endif
