/* export: the bytes of an edition's files, from the store, and files in a
 * folder against them. What puts files into a folder is target.h. */
#ifndef STORAGE_EXPORT_H
#define STORAGE_EXPORT_H

#include <stdbool.h>
#include <stdint.h>

#include "crypto/base/err.h"
#include "crypto/base/ids.h"
#include "storage/manifest.h"
#include "storage/store.h"

/**
 * export_read - bytes of one file of an edition, verified and decoded.
 * @fn: gets pieces in order; return non-zero to stop.
 */
int export_read(struct store *s, const struct manifest *m, uint32_t file,
                uint64_t off, uint64_t len,
                int (*fn)(void *user, const uint8_t *p, size_t n), void *user,
                struct err *e);

/**
 * export_adopt - make known to the store what lies in a folder that an export
 * wrote: raw chunks of media files that it does not hold. Reads them all.
 * Return: 0 and how many in *out_chunks; ERR_NOT_FOUND: no such folder.
 */
int export_adopt(struct store *s, const struct manifest *m, const char *dir,
                 uint64_t *out_chunks, struct err *e);

/* What is in a folder now against the manifest (for verify). */
enum target_file_state { TARGET_SAME, TARGET_EDITED, TARGET_ABSENT };

/** export_compare - call @fn for each file of @m that is not as it was written
 *  into @dir. Sizes first, then contents. Chunks must be held. */
int export_compare(struct store *s, const struct manifest *m, const char *dir,
                   void (*fn)(void *user, const char *path,
                              enum target_file_state state),
                   void *user, struct err *e);

#endif
