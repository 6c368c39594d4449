/* home: the folder a node lives in: where it is, that nobody else can read it,
 * and that one process at a time owns it. Source: security notes in
 * SECURITY.md. */
#ifndef STORAGE_HOME_H
#define STORAGE_HOME_H

#include <stdbool.h>
#include <stddef.h>

#include "crypto/base/err.h"

#define HOME_PATH_MAX 3800 /* leaves room for names below it */

/**
 * home_find - which folder is meant.
 * @given: of --home, or NULL: $LYCEUM_HOME, $XDG_DATA_HOME/lyceum,
 * ~/.local/share/lyceum. Made absolute. Need not exist.
 */
int home_find(const char *given, char out[HOME_PATH_MAX], struct err *e);

/** home_make - make it (0700, parents too) when missing, else home_check. All
 *  that the keepers make in it is 0600 or 0700 whatever the umask. */
int home_make(const char *home, struct err *e);

/** home_check - ERR_REFUSED when it belongs to someone else or others may
 *  enter it; ERR_NOT_FOUND. */
int home_check(const char *home, struct err *e);

/** home_check_secret - a file that must be ours and 0600. As home_check. */
int home_check_secret(const char *path, struct err *e);

struct home_lock {
    int fd;
};

/**
 * home_lock - own the home until home_unlock or the process ends.
 * @what: words for others: "node run".
 * Return: 0; ERR_BUSY: somebody has it, and @e says who.
 */
int home_lock(const char *home, const char *what, struct home_lock *out,
              struct err *e);
void home_unlock(struct home_lock *l);

/** home_holder - who owns it, as text; false: nobody, and @out is not to be
 *  used. */
bool home_holder(const char *home, char *out, size_t cap);

#endif
