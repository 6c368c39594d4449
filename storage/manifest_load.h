/* manifest_load: the manifest of an edition whose blobs the store holds. */
#ifndef STORAGE_MANIFEST_LOAD_H
#define STORAGE_MANIFEST_LOAD_H

#include "storage/manifest.h"
#include "storage/store.h"

/**
 * manifest_load - read the blobs of @blobs from the store and decode them.
 * @totals: of the edition record. @out_m: filled; manifest_deinit it.
 * Return: 0; ERR_NOT_FOUND: a blob is not held; as manifest_decode.
 */
int manifest_load(struct store *s, const struct chunk_table *blobs,
                  const struct manifest_totals *totals, struct manifest *out_m,
                  struct err *e);

#endif
