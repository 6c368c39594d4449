/* diff: how the files of one edition differ from those of another. Knows from
 * the manifests which files are new, gone, or made of other chunks; files that
 * lie in chunks with others (those below 1 MiB) are read from the store to tell
 * whether they themselves have changed. */
#ifndef STORAGE_DIFF_H
#define STORAGE_DIFF_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "crypto/base/err.h"
#include "storage/manifest.h"
#include "storage/store.h"

enum diff_kind {
    DIFF_ADDED,
    DIFF_REMOVED,
    DIFF_CHANGED, /* other content, or executable now or not any more */
    DIFF_MOVED,   /* the same content under another path */
};

struct diff_entry {
    enum diff_kind kind;
    const char *path;     /* DIFF_REMOVED: the old one, else the new one */
    const char *old_path; /* DIFF_MOVED */
    uint64_t bytes;       /* of the file at @path */
    uint64_t old_bytes;   /* DIFF_CHANGED */
    bool unsure; /* DIFF_CHANGED: its chunk has changed; what of it did could
                    not be read here */
};

/**
 * diff_editions - from @from to @to.
 * @stop: looked at between files; NULL: it is never stopped.
 * @fn: called for each difference: changed, moved, added, removed, each kind by
 *      path. Texts are the manifests'. A file that is empty is never "moved".
 * Return: 0, ERR_NOMEM, ERR_INTERRUPTED. Content that cannot be read is no
 * failure: see `unsure`; a move of such a file is told as removed and added.
 */
int diff_editions(struct store *s, const struct manifest *from,
                  const struct manifest *to, const _Atomic bool *stop,
                  void (*fn)(void *user, const struct diff_entry *d),
                  void *user, struct err *e);

#endif
