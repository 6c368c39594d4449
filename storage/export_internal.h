/* export_internal: what export.c and export_read.c share. */
#ifndef STORAGE_EXPORT_INTERNAL_H
#define STORAGE_EXPORT_INTERNAL_H

#include "storage/export.h"

/** export__compare_file - 0 the same bytes as file @file of @m; ERR_CONFLICT
 *  others; ERR_NOT_FOUND, ERR_CORRUPT: what it should be is not held. */
int export__compare_file(struct store *s, const struct manifest *m,
                         uint32_t file, int fd);

#endif
