/* sign: the one place of the command line that unlocks the seed. */
#ifndef CLI_SIGN_H
#define CLI_SIGN_H

#include "cli/cli.h"
#include "crypto/record.h"

/** sign_guard_memory - no core file and no debugger of others while the seed is
 *  in memory. For the rest of the process. */
void sign_guard_memory(void);

/** sign_sealed - will sign_unlock want a passphrase? *out_did: DID_TEXT_MAX. */
int sign_sealed(struct cli *c, bool *out_sealed, char *out_did);

/** sign_unlock - the identity of the home. ERR_KEY_NEEDED, ERR_REFUSED. */
int sign_unlock(struct cli *c, struct identity **out);

/** sign_payload - hex of a payload in, hex of the signed record out (free). */
int sign_payload(struct cli *c, const struct identity *id,
                 enum record_type type, const char *payload_hex,
                 char **out_hex);

/** sign_and_put - sign and hand the record to the node. */
int sign_and_put(struct cli *c, const struct identity *id,
                 enum record_type type, struct span payload);

/** sign_seal - @id as the text of a key file, appended to @out: under a
 *  passphrase that is asked for, or plain with --no-passphrase. */
int sign_seal(struct cli *c, const struct identity *id, const char *name,
              struct buf *out);

/** sign_profile - publish how @id is called. An empty name is nobody's. */
int sign_profile(struct cli *c, const struct identity *id, const char *name);

#endif
