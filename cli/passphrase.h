/* passphrase: from LYCEUM_PASSPHRASE_FILE or the terminal, without echo. */
#ifndef CLI_PASSPHRASE_H
#define CLI_PASSPHRASE_H

#include <stddef.h>

#include "crypto/base/err.h"

struct passphrase {
    char *text; /* sodium memory */
    size_t len;
};

/** passphrase_ask - ERR_KEY_NEEDED: no file and no terminal; ERR_INTERRUPTED.
 */
int passphrase_ask(struct passphrase *out, struct err *e);
/** passphrase_new - asked twice on a terminal. */
int passphrase_new(struct passphrase *out, struct err *e);
void passphrase_wipe(struct passphrase *p);

#endif
