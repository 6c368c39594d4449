/* recent: the rows that went into the index last, in memory. Ids are random, so
 * a row put into its place in the table costs a page of the log; put behind
 * each other they cost a fiftieth, and are sorted in when there are many. */
#ifndef STORAGE_RECENT_H
#define STORAGE_RECENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "storage/index.h"

#define RECENT_MAX 4096

struct recent;

/** recent_new - empty. NULL: out of memory. */
struct recent *recent_new(void);
void recent_free(struct recent *r); /* NULL is fine */

/** recent_find - NULL when it is not among them. Valid until the next add. */
const struct index_chunk *recent_find(const struct recent *r,
                                      const struct chunk_id *id);
/** recent_add - one that is not there, while there are fewer than RECENT_MAX.
 */
void recent_add(struct recent *r, const struct index_chunk *c);
size_t recent_count(const struct recent *r);
void recent_clear(struct recent *r);

#endif
