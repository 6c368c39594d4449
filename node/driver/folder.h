/* folder: one edition of a course on its way into a folder of the user's, and
 * what `roots` knows of that folder:
 *   fetched  COURSE DIR EDITION      all of it is there
 *   filling  COURSE DIR EDITION...   those are on their way, or were when we
 * ended
 */
#ifndef NODE_DRIVER_FOLDER_H
#define NODE_DRIVER_FOLDER_H

#include "node/driver/node.h"
#include "storage/target.h"

#define FOLDER_BEFORE_MAX (TARGET_BEFORE_MAX - 1)

struct folder {
    struct target *target;    /* NULL: not open */
    struct held_manifest *hm; /* which the target borrows, as these: */
    struct held_manifest *before[FOLDER_BEFORE_MAX];
};

/**
 * folder_open - look at what is there, make it ready to take chunks. Blocking,
 * any thread.
 * @to: made when missing.
 * @f: zeroed but for hm: a reference that goes over to it.
 * @overtaken: another edition on its way to the same folder, or NULL. Borrowed
 *             until the later one of the two is closed.
 * Return: 0; as target_open. Close it in any case.
 */
int folder_open(struct node *n, const char *to, const struct folder *overtaken,
                struct folder *f, struct err *e);

/** folder_placed - every file is there: `roots` says so from now on. */
int folder_placed(struct node *n, const struct folder *f, const char *to,
                  struct err *e);

/** folder_close - @discard: nobody needs its partials any more. Zeroed. */
void folder_close(struct folder *f, bool discard);

#endif
