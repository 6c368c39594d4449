/* path_rules: which names a course may hold. Pure. The rules are applied when a
 * manifest is decoded, so that no later step ever sees a hostile path.
 * Source: node/PROTOCOL.md 4.5; utf8proc for NFC and folding. */
#ifndef STORAGE_PATH_RULES_H
#define STORAGE_PATH_RULES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "crypto/base/buf.h"
#include "crypto/base/err.h"

#define PATH_NAME_MAX 255
#define PATH_BYTES_MAX 1024
#define PATH_DEPTH_MAX 64

/** path_check - may @p (@len bytes, no NUL needed) stand in a manifest?
 *  Return: 0, or ERR_MALFORMED with the reason. */
int path_check(const char *p, size_t len, struct err *e);

/**
 * path_normalize - @p in NFC, appended to @out with a NUL behind it (not
 * counted). *out_changed: it was not NFC before.
 * Return: 0; ERR_MALFORMED when it is not UTF-8.
 */
int path_normalize(const char *p, size_t len, struct buf *out,
                   bool *out_changed, struct err *e);

/** path_fold - a form that is equal for names that a case-folding or
 *  normalising file system takes for one. Appended to @out. */
int path_fold(const char *p, size_t len, struct buf *out);

enum path_warning {
    PATH_WARN_CHARACTER = 1u << 0, /* one of : * ? " < > | */
    PATH_WARN_LEADING = 1u << 1,   /* starts with - or ~ */
    PATH_WARN_TRAILING = 1u << 2,  /* ends in a dot or space */
    PATH_WARN_DEVICE = 1u << 3,    /* a Windows device name */
    PATH_WARN_INVISIBLE = 1u << 4, /* U+200C-200F, U+061C */
};

/** path_warnings - bits of enum path_warning for a path that path_check takes.
 */
unsigned path_warnings(const char *p, size_t len);
/** path_warning_text - what one bit means, for the author. */
const char *path_warning_text(enum path_warning w);

/** path_compare - order of a manifest: bytes. As strcmp. */
int path_compare(const char *a, const char *b);

/**
 * path_list_check - the paths together: sorted strictly ascending, no file
 * where another path has a folder.
 * @paths: @count checked paths in order (files and empty folders merged).
 * @is_dir: per path, or NULL when all are files.
 * @max_names: files plus all folders above them.
 * Return: 0, ERR_MALFORMED, ERR_LIMIT.
 */
int path_list_check(const char *const *paths, const bool *is_dir, size_t count,
                    size_t max_names, struct err *e);

#endif
