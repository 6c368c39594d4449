/* disk_node: the keepers of one real node, without the node: opened in its
 * order, on whatever disk storage/disk.h leads to. */
#ifndef SIMULATIONS_DISK_NODE_H
#define SIMULATIONS_DISK_NODE_H

#include <stdint.h>

#include "crypto/base/err.h"
#include "crypto/base/ids.h"
#include "storage/catalog.h"
#include "storage/home.h"
#include "storage/journal.h"
#include "storage/store.h"

#define DISK_NODE_HOME "/home"

struct disk_node {
    struct home_lock lock;
    struct store *store;
    struct catalog *catalog;
    struct journal *roots, *choices;
    uint8_t secret[32];
    struct node_id self;
};

/** disk_node_open - make or open the home and all that is in it. On an error
 *  nothing stays open. @pack_max_bytes: small, so that there are many. */
int disk_node_open(struct disk_node *n, uint64_t pack_max_bytes, struct err *e);
void disk_node_close(struct disk_node *n);

#endif
