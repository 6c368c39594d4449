#include "simulations/disk_node.h"

#include "simulations/course_kit.h"
#include "storage/home.h"
#include "storage/keyfile.h"

int disk_node_open(struct disk_node *n, uint64_t pack_max_bytes, struct err *e)
{
    struct store_options opt = {.pack_max_bytes = pack_max_bytes};
    int rc = home_make(DISK_NODE_HOME, e);

    *n = (struct disk_node){.store = NULL};
    if (rc == 0)
        rc = keyfile_node_load(DISK_NODE_HOME, n->secret, &n->self, e);
    if (rc == 0)
        rc = store_open(DISK_NODE_HOME, &opt, &n->store, e);
    if (rc == 0)
        rc = catalog_open(DISK_NODE_HOME, n->store, COURSE_KIT_NETWORK,
                          &n->catalog, e);
    if (rc == 0)
        rc = journal_open(DISK_NODE_HOME, "roots", &n->roots, e);
    if (rc == 0)
        rc = journal_open(DISK_NODE_HOME, "choices", &n->choices, e);
    if (rc != 0)
        disk_node_close(n);
    return rc;
}

void disk_node_close(struct disk_node *n)
{
    journal_close(n->choices);
    journal_close(n->roots);
    catalog_close(n->catalog);
    store_close(n->store);
    *n = (struct disk_node){.store = NULL};
}
