/* index_look: is the database of a home sound? Looks at a home that nobody has
 * open, and changes nothing in it. */
#ifndef STORAGE_INDEX_LOOK_H
#define STORAGE_INDEX_LOOK_H

#include <stdint.h>

#include "crypto/base/err.h"

/**
 * index_look - read all of HOME/index.db.
 * *out_newest_ms: the latest time that a record in it names; 0: none.
 * Return: 0; ERR_NOT_FOUND: there is none; ERR_AGAIN: the last stop was not
 * clean, so that only the next start can tell; ERR_CORRUPT.
 */
int index_look(const char *home, uint64_t *out_newest_ms, struct err *e);

#endif
