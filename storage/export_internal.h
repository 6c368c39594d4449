/* export_internal: shared by export_read.c, export_adopt.c and target*.c. */
#ifndef STORAGE_EXPORT_INTERNAL_H
#define STORAGE_EXPORT_INTERNAL_H

#include "storage/export.h"

/** export__compare_file - 0 the same bytes as file @file of @m; ERR_CONFLICT
 *  others; ERR_NOT_FOUND, ERR_CORRUPT: what it should be is not held. */
int export__compare_file(struct store *s, const struct manifest *m,
                         uint32_t file, int fd);
/** export__compare_torn - the same for its first @len bytes, each of which may
 *  be 0 instead: what a write leaves that did not reach the disk. */
int export__compare_torn(struct store *s, const struct manifest *m,
                         uint32_t file, int fd, uint64_t len);

/**
 * export__adopt_file - reference the chunks of a media file where they lie.
 * @fd, @path: the file, open for reading; absolute. @whole: it has its final
 * name and size. Bytes that are not the chunk's are left alone.
 * Return: 0 and the number of chunks in *out_done; as store_put.
 */
int export__adopt_file(struct store *s, const struct manifest *m, uint32_t file,
                       int fd, const char *path, bool whole, uint64_t *out_done,
                       struct err *e);

#endif
