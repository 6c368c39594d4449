/* key_file: files with secrets that the user names, for commands: read whole
 * from a path or stdin, written 0600, whole or not at all. */
#ifndef CLI_KEY_FILE_H
#define CLI_KEY_FILE_H

#include "cli/cli.h"
#include "crypto/vault.h"
#include "storage/lyc_file.h"

#define KEY_FILE_BYTES_MAX 4096

/** key_file_read - what is in @path ("-": stdin), appended to @out, which is to
 *  be wiped with key_file_wipe. ERR_LIMIT: over @max bytes. */
int key_file_read(struct cli *c, const char *path, size_t max, struct buf *out);

/** key_file_open - a file to be written under the name @path. ERR_CONFLICT: it
 *  is there, and -y was not said. Ask for passphrases after this. */
int key_file_open(struct cli *c, const char *path, struct lyc_out **out);

/** key_file_finish - write @text, make it durable, close @o whatever comes. */
int key_file_finish(struct cli *c, struct lyc_out *o, const struct buf *text);

/** key_file_seal - the identity of the home as a text that may leave it: as it
 *  lies here when it is sealed, else under a passphrase that is asked for
 *  (--no-passphrase: plain). @check: a sealed one is opened first, so that it
 * is known that its passphrase is. ERR_KEY_NEEDED. */
int key_file_seal(struct cli *c, bool check, struct vault_info *out_who,
                  struct buf *out);

/** key_file_adopt - @id becomes who this home is: @text is its key file. */
int key_file_adopt(struct cli *c, const struct identity *id, const char *name,
                   const struct buf *text);

/** key_file_no_identity - ERR_CONFLICT when the home has an identity. */
int key_file_no_identity(struct cli *c);

void key_file_wipe(struct buf *text);

#endif
