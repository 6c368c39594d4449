/* partials: the folders below HOME/partial/, one an edition, in which targets
 * make large files. A target that ends leaves what it has for the next one of
 * its edition; what nobody will come back for is removed here. */
#ifndef STORAGE_PARTIALS_H
#define STORAGE_PARTIALS_H

#include <stdbool.h>

#include "crypto/base/err.h"
#include "crypto/base/ids.h"
#include "storage/store.h"

/**
 * partials_open - the folder of @edition, made when missing; partials_sweep
 * leaves it alone while the descriptor is open.
 * @path: as partials_path gives it. Return: 0 and *out_fd; ERR_IO,
 * ERR_NO_SPACE.
 */
int partials_open(const char *path, int *out_fd, struct err *e);

/** partials_path - of @edition's folder; to be freed. NULL: no memory. */
char *partials_path(const char *home, const struct record_id *edition);

/** Will somebody go on with it? */
typedef bool partials_needed_fn(void *user, const struct record_id *edition);

/**
 * partials_sweep - remove the folders that no target has open and that @needed
 * says no to. Chunks that lie there and are @live go into a pack first. Slow.
 * *out_bytes: freed. Return: 0; ERR_NO_SPACE, ERR_IO: the rest is still there,
 * and nothing that is live is lost.
 */
int partials_sweep(struct store *s, const char *home,
                   partials_needed_fn *needed, store_live_fn *live, void *user,
                   uint64_t *out_bytes, struct err *e);

#endif
