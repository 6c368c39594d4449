#include "simulations/disk_node.h"

#include <stdio.h>
#include <unistd.h>

#include "simulations/course_kit.h"
#include "storage/home.h"
#include "storage/keyfile.h"

/* The lock says which process has it. What it says is as long for each, or one
 * seed would have several traces. */
static int lock(struct disk_node *n, struct err *e)
{
    char what[32];
    int digits = snprintf(NULL, 0, "%ld", (long)getpid());

    (void)snprintf(what, sizeof what, "node run%*s", 10 - digits, "");
    return home_lock(DISK_NODE_HOME, what, &n->lock, e);
}

int disk_node_open(struct disk_node *n, uint64_t pack_max_bytes, struct err *e)
{
    struct store_options opt = {.pack_max_bytes = pack_max_bytes};
    int rc = home_make(DISK_NODE_HOME, e);

    *n = (struct disk_node){.lock = {.fd = -1}};
    if (rc == 0)
        rc = lock(n, e);
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
    home_unlock(&n->lock);
    *n = (struct disk_node){.lock = {.fd = -1}};
}
