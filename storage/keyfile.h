/* keyfile: the two secrets of a home: identity.key (a person's seed, see
 * crypto/vault.h) and node.key (this home's CURVE key, hex). Both 0600 or
 * refused with ERR_REFUSED, which names the file. */
#ifndef STORAGE_KEYFILE_H
#define STORAGE_KEYFILE_H

#include "crypto/base/buf.h"
#include "crypto/base/err.h"
#include "crypto/base/ids.h"
#include "crypto/vault.h"

/** keyfile_node_load - the node's key; made when there is none yet. */
int keyfile_node_load(const char *home, uint8_t out_secret[32],
                      struct node_id *out_public, struct err *e);

/** keyfile_identity_save - write identity.key. ERR_CONFLICT: there is one. */
int keyfile_identity_save(const char *home, const struct buf *text,
                          struct err *e);

/** keyfile_identity_read - the text of identity.key, appended.
 *  ERR_NOT_FOUND: no identity here. */
int keyfile_identity_read(const char *home, struct buf *out, struct err *e);

/** keyfile_identity_info - who lives here, without a passphrase. */
int keyfile_identity_info(const char *home, struct vault_info *out,
                          struct err *e);

#endif
