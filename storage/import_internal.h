/* import_internal: what import.c and import_lint.c share. */
#ifndef STORAGE_IMPORT_INTERNAL_H
#define STORAGE_IMPORT_INTERNAL_H

#include "storage/import.h"
#include "storage/walk.h"

/** import__note - a copy of @text at the end of @list, or one more dropped. */
void import__note(char **list, size_t *count, size_t max, uint64_t *dropped,
                  const char *text);

/** import__warn_names - tell of each name that will trouble somebody. */
void import__warn_names(const struct walk *w,
                        void (*say)(void *user, const char *text), void *user);

/** import__check_secrets - ERR_REFUSED, naming the first. */
int import__check_secrets(const struct walk *w, struct err *e);

#endif
