/* roster: who is who in a world: names for the trace, and which keys belong to
 * honest nodes. The simulator's knowledge, never a node's. */
#ifndef SIMULATIONS_ROSTER_H
#define SIMULATIONS_ROSTER_H

#include <stdbool.h>

#include "crypto/base/ids.h"

#define ROSTER_NAME_MAX 16

struct roster;

struct roster *roster_new(void);
void roster_free(struct roster *r);

/** roster_add - @name is copied; one thing may have many keys. */
void roster_add(struct roster *r, const struct node_id *key, const char *name,
                bool honest);

/** roster_name - "?" for a key that is nobody's. Valid until roster_add. */
const char *roster_name(const struct roster *r, const struct node_id *key);

/** roster_honest - is it the key of an honest node? */
bool roster_honest(const struct roster *r, const struct node_id *key);

#endif
